// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  createMapleTree,
  EINVAL,
  ENOMEM,
  InvariantError,
  loadDump,
  parseDump,
  ZERO_ENTRY,
} from '@kernel-models/maple-tree';

describe('dump, dup and validate', () => {
  test('prints nodes, gaps and entries as the kernel does', () => {
    const tree = createMapleTree<number>({ geometry: 'kernel64', keys: 'u32', allocRange: true });
    for (let i = 0; i < 9; i++) tree.storeRange(10 * i, 10 * i + 4, i);
    const lines = tree.dump('dec').trimEnd().split('\n');
    expect(lines[0]).toBe('maple_tree(tree) flags 9, height 2 root #0');
    expect(lines[1]).toMatch(/^0-4294967295: node #0 depth 0 type 3 contents: 5 \d+ \| 01 01\|/);
    expect(lines).toContain('    10-14: value 1 (0x1)');
    expect(tree.dump()).toContain('a-e: value 1 (0x1)');
    expect(tree.dumpNodes()?.children).toHaveLength(2);
  });

  test('prints trees without nodes', () => {
    const tree = createMapleTree<string>();
    expect(tree.dump()).toBe('maple_tree(tree) flags 0, height 0 root (nil)\n');
    tree.store(0, 'word');
    expect(tree.dump()).toBe('maple_tree(tree) flags 0, height 0 root word\n0: word\n');
  });

  test('a dump is read and loaded again', () => {
    const tree = createMapleTree<string | typeof ZERO_ENTRY>({ keys: 'u64' });
    tree.storeRange(0n, 2n ** 64n - 1n, 'everything');
    tree.storeRange(10n, 19n, null);
    tree.store(15n, ZERO_ENTRY);
    for (const format of ['hex', 'dec'] as const) {
      const dumped = parseDump(tree.dump(format), format);
      const copy = createMapleTree<string | typeof ZERO_ENTRY>({ keys: 'u64' });
      expect(loadDump(copy, dumped, (text) => text)).toBe(0);
      expect(copy.dump()).toBe(tree.dump());
      expect(loadDump(copy, dumped, (text) => text)).toBe(EINVAL);
    }
  });

  test('what is no dump, or does not fit, is refused and leaves the tree empty', () => {
    const head = 'maple_tree(tree) flags 4, height 1 root #0';
    const node = '0-ff: node #0 depth 0 type 1 contents: a 9 b';
    expect(() => parseDump('tree')).toThrow('line 1: expected the header of a dump, got tree');
    expect(() => parseDump(`${head}\n${node}\n  0-9: a\n  b-ff: b`)).toThrow(
      'line 4: expected a range from a on',
    );
    expect(() => parseDump(`${head}\n${node}\n  9-0: a`)).toThrow('line 3');
    expect(() => parseDump(`${head}\nwords`)).toThrow('line 2: expected a range and its entry');
    expect(() => parseDump(`${head}\n  a: x`, 'dec')).toThrow('line 2: expected decimal indices');
    const dumped = parseDump(`${head}\n${node}\n  0-9: a\n  a-ffffffffffff: b`);
    const small = createMapleTree<string>({ keys: 'u32' });
    expect(() => loadDump(small, dumped, (text) => text)).toThrow('index: expected one from 0 to');
    const poor = createMapleTree<string>({ allocator: { tryAllocate: () => false } });
    expect(loadDump(poor, dumped, (text) => text)).toBe(ENOMEM);
    expect([small.empty, poor.empty]).toEqual([true, true]);
  });

  test('a copy is equal and independent; unlike trees are refused', () => {
    const tree = createMapleTree<number>({ geometry: 'kernel64' });
    for (let i = 0; i < 200; i++) tree.store(2 * i, i);
    const copy = createMapleTree<number>({ geometry: 'kernel64' });
    expect(tree.dup(copy)).toBe(0);
    expect(copy.dump()).toBe(tree.dump());
    copy.store(4, 99);
    expect(tree.load(4)).toBe(2);
    expect(tree.dup(copy)).toBe(EINVAL);
    expect(tree.dup(createMapleTree<number>({ geometry: 'kernel64', rcu: true }))).toBe(EINVAL);
  });

  test('validate names the invariant and the node', () => {
    const tree = createMapleTree<string>({ allocRange: true, geometry: 'kernel64' });
    for (let i = 0; i < 40; i++) tree.store(2 * i, 'v');
    const gaps = tree.root?.gaps ?? [];
    gaps[0] = 7;
    expect(() => tree.validate()).toThrow(InvariantError);
    expect(() => tree.validate()).toThrow('I5 at root[0]: gap 7, expected 1');
  });
});
