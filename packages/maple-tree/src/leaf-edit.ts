// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { moveNumbers } from './slots.ts';
import { NO_TAILS, setTail, type MapleNode } from './node.ts';

/**
 * Makes a store inside one leaf with room for it: what is left of the first slot, the entry, what is
 * left of the last slot; the slots behind move. One edit serves append, slot and node stores.
 *
 * Mirrors mas_wr_append(), mas_wr_slot_store() and mas_wr_node_store(), lib/maple_tree.c, Linux 6.12.
 *
 * @param offset, offsetEnd the slots where the store begins and ends
 * @param newEnd the leaf's END afterwards
 * @param keepsFirst, beforeImage, beforeTail whether something is left of the first slot, up to here
 * @param lastImage, lastTail upper bound of the store
 * @param keepsLast whether something is left of the last slot
 * @returns the slot of the entry
 */
export function editLeaf<K extends Key, V>(
  leaf: MapleNode<K, V>,
  offset: number,
  offsetEnd: number,
  newEnd: number,
  keepsFirst: boolean,
  beforeImage: number,
  beforeTail: number,
  lastImage: number,
  lastTail: number,
  keepsLast: boolean,
  entry: V | null,
): number {
  const { entries, images, tails } = leaf;
  const rest = entries[offsetEnd] as V | null; // offsetEnd <= END
  const restImage = images[offsetEnd] as number;
  const restTail = tails[offsetEnd] as number;
  if (newEnd !== leaf.end) moveSlots(leaf, offsetEnd + 1, newEnd - leaf.end);
  leaf.end = newEnd;
  let at = offset;
  if (keepsFirst) {
    images[at] = beforeImage;
    if (beforeTail !== 0 || leaf.tails !== NO_TAILS) setTail(leaf, at, beforeTail);
    at++;
  }
  images[at] = lastImage;
  entries[at] = entry;
  if (lastTail !== 0 || leaf.tails !== NO_TAILS) setTail(leaf, at, lastTail);
  if (keepsLast) {
    images[at + 1] = restImage;
    entries[at + 1] = rest;
    if (restTail !== 0 || leaf.tails !== NO_TAILS) setTail(leaf, at + 1, restTail);
  }
  return at;
}

/** Moves a leaf's slots from `from` to its END by `distance`; slots given up are cleared. */
export function moveSlots<K extends Key, V>(
  leaf: MapleNode<K, V>,
  from: number,
  distance: number,
): void {
  const { end, entries, images, tails } = leaf;
  if (distance > 0) {
    for (let offset = end; offset >= from; offset--) {
      entries[offset + distance] = entries[offset] as V | null; // offset <= END
      images[offset + distance] = images[offset] as number;
    }
  } else {
    for (let offset = from; offset <= end; offset++) {
      entries[offset + distance] = entries[offset] as V | null;
      images[offset + distance] = images[offset] as number;
    }
    for (let offset = end + distance + 1; offset <= end; offset++) {
      entries[offset] = null;
      images[offset] = Infinity;
    }
  }
  if (tails !== NO_TAILS) moveNumbers(tails, from, end - from + 1, distance);
}
