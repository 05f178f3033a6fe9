// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The calls of include/linux/maple_tree.h, Linux 6.12, and what stands for each: file, declaration. */
const CALLS: Readonly<Record<string, readonly [file: string, declaration: string]>> = {
  mt_init_flags: ['options', 'export function createMapleTree'],
  mtree_empty: ['tree', 'get empty('],
  mt_height: ['tree', 'height ='],
  mt_in_rcu: ['tree', 'declare inRcu'],
  mtree_load: ['tree', 'load('],
  mtree_store: ['tree', 'store('],
  mtree_store_range: ['tree', 'storeRange('],
  mtree_insert: ['tree', 'insert('],
  mtree_insert_range: ['tree', 'insertRange('],
  mtree_erase: ['tree', 'erase('],
  mtree_alloc_range: ['tree', 'allocRangeLow('],
  mtree_alloc_rrange: ['tree', 'allocRangeHigh('],
  mtree_alloc_cyclic: ['tree', 'allocCyclic('],
  mtree_destroy: ['tree', 'destroy('],
  __mt_destroy: ['tree', 'destroy('],
  mtree_dup: ['tree', 'dup('],
  __mt_dup: ['tree', 'dup('],
  mt_find: ['tree', 'find('],
  mt_find_after: ['tree', 'findAfter('],
  mt_for_each: ['tree', '*findAll('],
  mt_next: ['tree', 'next('],
  mt_prev: ['tree', 'prev('],
  mt_set_in_rcu: ['tree', 'setInRcu('],
  mt_clear_in_rcu: ['tree', 'setInRcu('],
  mt_dump: ['tree', 'dump('],
  mt_validate: ['tree', 'validate('],
  MA_STATE: ['tree', 'cursor('],
  mas_for_each: ['tree', 'forEach('],
  mas_is_active: ['cursor', 'is('],
  mas_is_err: ['cursor', 'is('],
  mas_set: ['cursor', 'set('],
  mas_set_range: ['cursor', 'set('],
  __mas_set_range: ['cursor', 'setRangeHere('],
  mas_reset: ['cursor', 'reset('],
  mas_pause: ['cursor', 'pause('],
  mas_walk: ['cursor', 'walk('],
  mas_next: ['cursor', 'next('],
  mas_next_range: ['cursor', 'nextRange('],
  mas_prev: ['cursor', 'prev('],
  mas_prev_range: ['cursor', 'prevRange('],
  mas_find: ['cursor', 'find('],
  mas_find_range: ['cursor', 'findRange('],
  mas_find_rev: ['cursor', 'findRev('],
  mas_find_range_rev: ['cursor', 'findRangeRev('],
  mas_store: ['cursor', 'store('],
  mas_store_gfp: ['cursor', 'storeGfp('],
  mas_insert: ['cursor', 'insert('],
  mas_erase: ['cursor', 'erase('],
  mas_preallocate: ['cursor', 'preallocate('],
  mas_store_prealloc: ['cursor', 'storePrealloc('],
  mas_expected_entries: ['cursor', 'expectedEntries('],
  mas_destroy: ['cursor', 'destroy('],
  mas_empty_area: ['cursor', 'emptyArea('],
  mas_empty_area_rev: ['cursor', 'emptyAreaRev('],
  mas_alloc_cyclic: ['tree', 'allocCyclic('],
  mas_nomem: ['reserve', 'export function waitForNodes'],
};

const SOURCES = new URL('../../packages/maple-tree/src/', import.meta.url);

describe('the calls of include/linux/maple_tree.h', () => {
  test.each(Object.entries(CALLS))(
    '%s is named where it is mirrored',
    (call, [file, declaration]) => {
      const text = readFileSync(fileURLToPath(new URL(`${file}.ts`, SOURCES)), 'utf8');
      expect(docstringsOf(text, declaration)).toMatch(new RegExp(`(?<![a-z_])${call}\\(`));
    },
  );
});

/** The doc comments right above a declaration, and above its overloads. */
function docstringsOf(text: string, declaration: string): string {
  const lines = text.split('\n');
  const found: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (!line.trimStart().startsWith(declaration)) continue;
    let from = at - 1;
    while (from >= 0 && !/^\s*(\/\*\*|\}|$)/.test(lines[from] ?? '')) from -= 1;
    found.push(lines.slice(from, at).join('\n'));
  }
  return found.join('\n');
}
