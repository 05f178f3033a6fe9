// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { childAt, entryAt, imageAt, slotOf, tailAt } from './node.ts';
import { isBelow, nextImage, nextTail } from './pair.ts';
import type { MapleTree } from './tree.ts';

/**
 * Calls a function with every range that touches [from, to], in order. Goes leaf by leaf; where the
 * function writes to the tree, on from behind the range it was called with.
 */
export function forEachRange<K extends Key, V>(
  tree: MapleTree<K, V>,
  visit: (entry: V, first: K, last: K) => void,
  from: K,
  to: K,
): void {
  const { keys } = tree;
  const toImage = keys.image(to);
  const toTail = keys.tail(to);
  let image = keys.image(from);
  let tail = keys.tail(from);
  for (;;) {
    let node = tree.root;
    if (node === null) {
      if (tree.rootEntry !== null && image === 0) visit(tree.rootEntry, keys.zero, keys.zero);
      return;
    }
    const { version } = tree;
    // The key before the slot, as a pair.
    let low = -1;
    let lowTail = 0;
    let offset = slotOf(node, image, tail);
    for (;;) {
      if (offset > 0) {
        low = imageAt(node, offset - 1);
        lowTail = tailAt(node, offset - 1);
      }
      if (node.leaf) break;
      node = childAt(node, offset);
      offset = slotOf(node, image, tail);
    }
    const end = node.end;
    const isLastLeaf = !isBelow(imageAt(node, end), tailAt(node, end), toImage, toTail);
    for (; offset <= end; offset++) {
      const entry = entryAt(node, offset);
      const pivot = imageAt(node, offset);
      const pivotTail = tailAt(node, offset);
      if (entry !== null) {
        const first = keys.keyOf(nextImage(low, lowTail), nextTail(low, lowTail));
        if (isLastLeaf && first > to) return;
        visit(entry, first, keys.keyOf(pivot, pivotTail));
      }
      low = pivot;
      lowTail = pivotTail;
      if (tree.version !== version) break;
    }
    if (!isBelow(low, lowTail, toImage, toTail)) return;
    image = nextImage(low, lowTail);
    tail = nextTail(low, lowTail);
  }
}
