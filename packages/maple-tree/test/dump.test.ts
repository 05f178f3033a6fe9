// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { createMapleTree, EINVAL, InvariantError } from '@kernel-models/maple-tree';

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
