// SPDX-License-Identifier: MIT

/*
 * Moving and copying slots. Plain loops: for runs this short copyWithin() and slice() cost more than
 * they save. Every slot read is one that was filled. Numbers have loops of their own: a store that meets
 * arrays of doubles and arrays of pointers at the same place makes the engine turn the first into the
 * second, which doubles the memory of a tree and halves its speed.
 */

/** Copies numbers between arrays. */
export function copyNumbers(
  source: readonly number[],
  from: number,
  target: number[],
  to: number,
  count: number,
): void {
  const shift = to - from;
  for (let offset = from; offset < from + count; offset++) {
    target[offset + shift] = source[offset] as number;
  }
}

/** Copies entries or children between arrays. */
export function copyPointers<Slot>(
  source: readonly Slot[],
  from: number,
  target: Slot[],
  to: number,
  count: number,
): void {
  const shift = to - from;
  for (let offset = from; offset < from + count; offset++) {
    target[offset + shift] = source[offset] as Slot;
  }
}

/** Moves numbers of an array from one place on by a distance, down where it is negative. */
export function moveNumbers(values: number[], from: number, count: number, distance: number): void {
  if (distance > 0) {
    for (let offset = from + count - 1; offset >= from; offset--) {
      values[offset + distance] = values[offset] as number;
    }
  } else {
    for (let offset = from; offset < from + count; offset++) {
      values[offset + distance] = values[offset] as number;
    }
  }
}

/** Moves entries or children of an array as {@link moveNumbers} does. */
export function movePointers<Slot>(
  slots: Slot[],
  from: number,
  count: number,
  distance: number,
): void {
  if (distance > 0) {
    for (let offset = from + count - 1; offset >= from; offset--) {
      slots[offset + distance] = slots[offset] as Slot;
    }
  } else {
    for (let offset = from; offset < from + count; offset++) {
      slots[offset + distance] = slots[offset] as Slot;
    }
  }
}
