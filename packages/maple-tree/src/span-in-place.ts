// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import type { MapleTree } from './tree.ts';

export function spanInPlace<K extends Key, V>(
  _tree: MapleTree<K, V>,
  _before: number,
  _beforeTail: number,
  _last: number,
  _lastTail: number,
  _entry: V | null,
): boolean {
  return false;
}
