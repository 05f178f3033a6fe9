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
 * @param keepsFirst, beforeImage, beforeTail whether something is left of the first slot, up to here
 * @param lastImage, lastTail upper bound of the store
 * @param keepsLast whether something is left of the last slot
 * @returns the slot of the entry
 */
export function editLeaf<K extends Key, V>(
  leaf: MapleNode<K, V>,
  offset: number,
  offsetEnd: number,
  keepsFirst: boolean,
  beforeImage: number,
  beforeTail: number,
  lastImage: number,
  lastTail: number,
  keepsLast: boolean,
  entry: V | null,
): number {
  const at = keepsFirst ? offset + 1 : offset;
  // What is left of the last slot keeps its bound and its entry: it moves with those behind it.
  const from = keepsLast ? offsetEnd : offsetEnd + 1;
  const distance = at + 1 - from;
  if (distance !== 0) moveSlots(leaf, from, distance);
  const { entries, images } = leaf;
  if (keepsFirst) {
    images[offset] = beforeImage;
    // Mostly there are no tails, and looking here saves a call.
    if (beforeTail !== 0 || leaf.tails !== NO_TAILS) setTail(leaf, offset, beforeTail);
  }
  images[at] = lastImage;
  entries[at] = entry;
  if (lastTail !== 0 || leaf.tails !== NO_TAILS) setTail(leaf, at, lastTail);
  return at;
}

/** Moves a leaf's slots from one to its END by a distance; slots given up are cleared. */
function moveSlots<K extends Key, V>(leaf: MapleNode<K, V>, from: number, distance: number): void {
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
  leaf.end = end + distance;
}
