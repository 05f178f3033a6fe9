// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { editLeaf } from './leaf-edit.ts';
import { joinSmall, splitInPlace } from './in-place.ts';
import { raiseGap, updateGap } from './gaps.ts';
import { entryAt, gapImage, imageAt, tailAt, type MapleNode } from './node.ts';
import { isBelow, LAST_EXACT, nextImage, nextTail, previousImage, previousTail } from './pair.ts';
import { descend, keepPlace, type Place } from './place.ts';
import { spanInPlace } from './span-in-place.ts';
import type { MapleTree } from './tree.ts';

/*
 * Stores of the simple interface that need no cursor: what stays inside one leaf, and in geometries
 * that do not rebuild up to the root what splits, merges or spans leaves under one parent. It takes a
 * quarter of the time of a planned store. Everything here is done on pairs, see pair.ts.
 */

/** Whether a tree's stores may go this way at all. Its nodes may yet be shared. */
export function isDirect<K extends Key, V>(tree: MapleTree<K, V>): boolean {
  return tree.shortcuts && !tree.inRcu;
}

/**
 * Stores over [first, last].
 *
 * @returns false where that takes a planned store, and nothing was done
 */
export function storeDirect<K extends Key, V>(
  tree: MapleTree<K, V>,
  first: K,
  last: K,
  entry: V | null,
): boolean {
  if (!isDirect(tree)) return false;
  const { keys } = tree;
  const image = keys.image(first);
  const tail = keys.tail(first);
  const leaf = descend(tree, image, tail);
  if (leaf === null) return false;
  const { place } = tree.work;
  // Kept here: joining what has become too small descends again.
  place.content = entryAt(leaf, place.offset);
  const before = previousImage(image, tail);
  const beforeTail = previousTail(image, tail);
  return storeAt(tree, leaf, before, beforeTail, keys.image(last), keys.tail(last), entry);
}

/** As {@link storeDirect}, only where nothing is. A refusal is left to the planned insert. */
export function insertDirect<K extends Key, V>(
  tree: MapleTree<K, V>,
  first: K,
  last: K,
  entry: V | null,
): boolean {
  if (!isDirect(tree)) return false;
  const { keys } = tree;
  const image = keys.image(first);
  const tail = keys.tail(first);
  const leaf = descend(tree, image, tail);
  if (leaf === null) return false;
  const { offset } = tree.work.place;
  const lastImage = keys.image(last);
  const lastTail = keys.tail(last);
  if (entryAt(leaf, offset) !== null) return false;
  if (isBelow(imageAt(leaf, offset), tailAt(leaf, offset), lastImage, lastTail)) return false;
  const before = previousImage(image, tail);
  return storeAt(tree, leaf, before, previousTail(image, tail), lastImage, lastTail, entry);
}

/**
 * Erases the range that holds an index.
 *
 * @returns its entry, null where there is none, undefined where it takes a planned store
 */
export function eraseDirect<K extends Key, V>(
  tree: MapleTree<K, V>,
  index: K,
): V | null | undefined {
  if (!isDirect(tree)) return undefined;
  const { keys } = tree;
  const leaf = descend(tree, keys.image(index), keys.tail(index));
  if (leaf === null) return undefined;
  const { offset, slotImage, slotTail } = tree.work.place;
  const entry = entryAt(leaf, offset);
  if (entry === null) return null;
  const last = imageAt(leaf, offset);
  const done = storeAt(tree, leaf, slotImage, slotTail, last, tailAt(leaf, offset), null);
  return done ? entry : undefined;
}

/**
 * Stores over the keys after `before` up to `last`, where {@link descend} has led.
 *
 * Decides as planStore() does, in the same order.
 */
export function storeAt<K extends Key, V>(
  tree: MapleTree<K, V>,
  leaf: MapleNode<K, V>,
  before: number,
  beforeTail: number,
  last: number,
  lastTail: number,
  entry: V | null,
): boolean {
  const { place } = tree.work;
  const { end } = leaf;
  let { offset, slotImage, slotTail } = place;
  let offsetEnd = offset;
  while (isBelow(imageAt(leaf, offsetEnd), tailAt(leaf, offsetEnd), last, lastTail)) {
    if (++offsetEnd > end) return spans(tree, before, beforeTail, last, lastTail, entry);
  }
  let endsSlot = imageAt(leaf, offsetEnd) === last && tailAt(leaf, offsetEnd) === lastTail;
  let startsSlot = before === slotImage && beforeTail === slotTail;
  let from = before;
  let fromTail = beforeTail;
  let to = last;
  let toTail = lastTail;
  if (entry === null) {
    if (endsSlot && offsetEnd === end && !isLast(tree, last, lastTail)) {
      return spans(tree, before, beforeTail, last, lastTail, entry);
    }
    // Widens over the nulls at both ends.
    if (entryAt(leaf, offsetEnd) !== null && endsSlot && offsetEnd < end) {
      if (entryAt(leaf, offsetEnd + 1) === null) offsetEnd++;
    }
    if (entryAt(leaf, offsetEnd) === null) {
      to = imageAt(leaf, offsetEnd);
      toTail = tailAt(leaf, offsetEnd);
      endsSlot = true;
    }
    if (entryAt(leaf, offset) !== null && startsSlot && offset > 0) {
      if (entryAt(leaf, offset - 1) === null) {
        offset--;
        slotImage = offset > 0 ? imageAt(leaf, offset - 1) : place.leafImage;
        slotTail = offset > 0 ? tailAt(leaf, offset - 1) : place.leafTail;
      }
    }
    if (entryAt(leaf, offset) === null) {
      from = slotImage;
      fromTail = slotTail;
      startsSlot = true;
    }
  }

  const { level } = place.path;
  if (startsSlot && endsSlot && offset === offsetEnd) {
    const changesGap = tree.nodes.hasGaps && (entry === null) !== (leaf.entries[offset] === null);
    place.type = 'exact_fit';
    tree.counters.stores.exact_fit++;
    const lost = changesGap && entry !== null ? longestHole(leaf, place, offset, offset) : -1;
    tree.version++;
    leaf.entries[offset] = entry;
    keepPlace(tree, offset);
    if (changesGap) leafChanged(tree, leaf, entry, lost);
    return true;
  }
  if (from === -1 && isLast(tree, to, toTail)) return false; // The whole domain: a new root.
  const newEnd = end + 2 - (offsetEnd - offset) - (startsSlot ? 1 : 0) - (endsSlot ? 1 : 0);
  const { leafMin, leafSlots, rebuildsToRoot } = tree.nodes.geometry;
  if (newEnd >= leafSlots) {
    if (rebuildsToRoot) return false;
    // What ends a half must be left of the slot there, or the store would span or end it with null.
    const mayCutBehind = offset === offsetEnd && (entry !== null || !endsSlot);
    splitInPlace(tree, place.path, offset, mayCutBehind);
    const again = descend(tree, nextImage(before, beforeTail), nextTail(before, beforeTail));
    if (again === null) return false;
    return storeAt(tree, again, before, beforeTail, last, lastTail, entry);
  }
  if (newEnd < leafMin && level > 0 && rebuildsToRoot) return false;
  // The last leaf may be small, and grows: ascending stores would even it out with the full one before.
  const isSmall = newEnd < leafMin && level > 0 && newEnd < end;
  countStore(tree, isSmall, newEnd < leafMin, offset === end, newEnd === end);
  const { hasGaps } = tree.nodes;
  const lost = hasGaps && entry !== null ? longestHole(leaf, place, offset, offsetEnd) : -1;
  tree.version++;
  const keepsFirst = !startsSlot;
  const keepsLast = !endsSlot;
  const at = editLeaf(
    leaf,
    offset,
    offsetEnd,
    keepsFirst,
    from,
    fromTail,
    to,
    toTail,
    keepsLast,
    entry,
  );
  keepPlace(tree, at);
  if (hasGaps) leafChanged(tree, leaf, entry, lost);
  if (isSmall) joinSmall(tree, to, toTail);
  return true;
}

/** Names and counts a store as typeBySize() does. By hand: a computed name takes 20 ns. */
function countStore<K extends Key, V>(
  tree: MapleTree<K, V>,
  isSmall: boolean,
  isBelowMin: boolean,
  isAtEnd: boolean,
  keepsEnd: boolean,
): void {
  const { place } = tree.work;
  const { stores } = tree.counters;
  if (isSmall) {
    place.type = 'rebalance';
    stores.rebalance++;
  } else if (isBelowMin) {
    place.type = 'node_store';
    stores.node_store++;
  } else if (isAtEnd) {
    place.type = 'append';
    stores.append++;
  } else if (keepsEnd) {
    place.type = 'slot_store';
    stores.slot_store++;
  } else {
    place.type = 'node_store';
    stores.node_store++;
  }
}

/** Whether a pair is the last key of the domain. */
function isLast<K extends Key, V>(tree: MapleTree<K, V>, image: number, tail: number): boolean {
  return image === tree.maxImage && tail === tree.maxTail;
}

/** The longest null run among slots of the place's leaf, as an image; Infinity where images do not tell. */
function longestHole<K extends Key, V>(
  leaf: MapleNode<K, V>,
  place: Place<K, V>,
  from: number,
  to: number,
): number {
  if (imageAt(leaf, to) > LAST_EXACT) return Infinity;
  let longest = 0;
  let low = from > 0 ? imageAt(leaf, from - 1) : place.leafImage;
  for (let offset = from; offset <= to; offset++) {
    const pivot = imageAt(leaf, offset);
    if (entryAt(leaf, offset) === null && pivot - low > longest) longest = pivot - low;
    low = pivot;
  }
  return longest;
}

/** Whether a leaf, which begins behind `low`, has a null run of a length. Images are keys. */
function hasRun<K extends Key, V>(leaf: MapleNode<K, V>, low: number, length: number): boolean {
  let before = low;
  for (let offset = 0; offset <= leaf.end; offset++) {
    const pivot = imageAt(leaf, offset);
    if (pivot - before >= length && entryAt(leaf, offset) === null) return true;
    before = pivot;
  }
  return false;
}

/**
 * Tells the ancestors of the leaf where a store was made what its longest null run is now. Mostly what they
 * know says it: an entry that took less than the longest run left that as it was, and a null makes the
 * longest run or none of interest.
 *
 * @param lost the longest run that an entry took
 */
function leafChanged<K extends Key, V>(
  tree: MapleTree<K, V>,
  leaf: MapleNode<K, V>,
  entry: V | null,
  lost: number,
): void {
  const { place } = tree.work;
  const { leafImage, leafTail, offset, path } = place;
  const { level } = path;
  if (level === 0) return;
  if (imageAt(leaf, leaf.end) <= LAST_EXACT) {
    const known = gapImage(path.node(level - 1), path.offset(level - 1));
    if (entry !== null) {
      if (lost < known || hasRun(leaf, leafImage, known)) return;
    } else {
      const made = imageAt(leaf, offset) - (offset > 0 ? imageAt(leaf, offset - 1) : leafImage);
      if (made > known) raiseGap(tree, path, level, made, 0);
      return;
    }
  }
  const min = tree.keys.keyOf(nextImage(leafImage, leafTail), nextTail(leafImage, leafTail));
  updateGap(tree, path, level, min);
}

/** A store that leaves its leaf. */
function spans<K extends Key, V>(
  tree: MapleTree<K, V>,
  before: number,
  beforeTail: number,
  last: number,
  lastTail: number,
  entry: V | null,
): boolean {
  if (tree.nodes.geometry.rebuildsToRoot) return false;
  return spanInPlace(tree, before, beforeTail, last, lastTail, entry);
}
