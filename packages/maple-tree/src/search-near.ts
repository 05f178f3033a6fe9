// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { isDirect, storeAt } from './direct.ts';
import type { Key } from './key.ts';
import { entryAt, imageAt, maxOf } from './node.ts';
import { LAST_EXACT } from './pair.ts';
import { descend, forgetPlace } from './place.ts';
import type { MapleTree } from './tree.ts';

/*
 * Forward searches that end in the leaf where they begin, as most do: no gap above that leaf needs to be
 * looked at, which leaves a third of the time. Only where images are keys, see pair.ts; what needs more is
 * left to emptyArea(), and so is what it refuses.
 */

/**
 * Finds the lowest free indices in a window, if they lie in the leaf of its lower bound. The tree's place is
 * that slot then.
 *
 * @returns the first of them, or -1
 */
function searchNear<K extends Key, V>(
  tree: MapleTree<K, V>,
  low: number,
  high: number,
  size: number,
): number {
  const leaf = high - low >= size - 1 && size > 0 ? descend(tree, low, 0) : null;
  if (leaf === null || high > tree.maxImage) return -1;
  const { place } = tree.work;
  let before = place.slotImage;
  for (let offset = place.offset; offset <= leaf.end; offset++) {
    const pivot = imageAt(leaf, offset);
    if (entryAt(leaf, offset) === null) {
      const first = before < low ? low : before + 1;
      const last = pivot < high ? pivot : high;
      if (last > LAST_EXACT) return -1;
      // The length of the whole domain has no number: emptyArea() knows what that means.
      if (last - first >= size - 1 && pivot - before <= tree.maxImage) {
        place.offset = offset;
        place.path.offsets[place.path.level] = offset;
        place.slotImage = before;
        place.slotTail = 0;
        return first;
      }
    }
    if (pivot >= high) return -1;
    before = pivot;
  }
  return -1;
}

/**
 * As emptyArea(), for a cursor that has not walked.
 *
 * @returns false where nothing was found here, and the cursor is as it was
 */
export function emptyAreaNear<K extends Key, V>(
  cursor: Cursor<K, V>,
  min: K,
  max: K,
  size: K,
): boolean {
  const { tree } = cursor;
  const { keys, work } = tree;
  const low = keys.image(min);
  if (!isDirect(tree) || low > LAST_EXACT) return false;
  const sizeImage = keys.image(size);
  const first = searchNear(tree, low, keys.image(max), sizeImage);
  if (first < 0) return false;
  const { place } = work;
  const { leafImage, offset, path } = place;
  const leaf = path.node(path.level);
  // The cursor takes the path, and the place the cursor's, to fill it anew.
  place.path = cursor.path;
  cursor.path = path;
  forgetPlace(tree);
  cursor.status = 'active';
  cursor.node = leaf;
  cursor.offset = offset;
  cursor.end = leaf.end;
  cursor.min = keys.keyOf(leafImage + 1, 0);
  cursor.max = maxOf(leaf);
  cursor.index = keys.keyOf(first, 0);
  cursor.last = keys.keyOf(first + sizeImage - 1, 0);
  return true;
}

/**
 * Stores at the lowest free indices of a window.
 *
 * @returns the first of them; undefined where that takes a search and a planned store
 */
export function allocateNear<K extends Key, V>(
  tree: MapleTree<K, V>,
  entry: V,
  size: K,
  min: K,
  max: K,
): K | undefined {
  const { keys } = tree;
  const low = keys.image(min);
  if (!isDirect(tree) || low > LAST_EXACT) return undefined;
  const sizeImage = keys.image(size);
  const first = searchNear(tree, low, keys.image(max), sizeImage);
  if (first < 0) return undefined;
  const { path } = tree.work.place;
  const leaf = path.node(path.level);
  const done = storeAt(tree, leaf, first - 1, 0, first + sizeImage - 1, 0, entry);
  return done ? keys.keyOf(first, 0) : undefined;
}
