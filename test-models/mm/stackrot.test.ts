// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMapleTree } from '@kernel-models/maple-tree';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  mmModel,
  vmasOf,
  type Operation,
  type Vma,
} from '@kernel-models/mm';
import { smallProcess } from '@kernel-models/mm/testing';
import { checkProperty, SUITE_SEED } from '../support/check-property.ts';
import { interleave, type SharedTree, type Thread } from './stackrot.ts';

/**
 * The tree of a process, in the mode that the kernel keeps it in since the fix. One free page lies
 * below the stack: growth that consumes a gap makes the tree replace a node.
 */
function treeOf(): SharedTree {
  const start = mmModel.initial(smallProcess());
  const stack = start.tree.prev(start.machine.taskSize);
  const below: Operation = {
    op: 'mmap',
    address: BigInt(stack?.start ?? 0) - 0x2000n,
    length: 0x1000n,
    prot: 0,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
    fd: -1,
    offset: 0n,
  };
  // A tree that shares no node with a state: what others share is not freed.
  const tree = createMapleTree<Vma>({ geometry: 'kernel64', allocRange: true });
  for (const vma of vmasOf(mmModel.apply(start, below, 'linux-6.1').state)) {
    tree.storeRange(vma.start, vma.end - 1, vma);
  }
  tree.setInRcu(true);
  return tree;
}

const schedules = fc.array(fc.constantFrom<Thread>('reader', 'grower'), { maxLength: 40 });

describe('a stack that grows while another thread reads the mappings', () => {
  test('with the lock for writing, nobody reads what is freed', () =>
    checkProperty(
      'mm stack growth under the write lock',
      fc.property(schedules, (schedule) => interleave(treeOf(), schedule, false) === undefined),
      { runs: 500 },
    ));

  test('with the lock for reading, chance finds who does, and shrinks to the shortest way', () => {
    const found = fc.check(
      fc.property(schedules, (schedule) => interleave(treeOf(), schedule, true) === undefined),
      { seed: SUITE_SEED, numRuns: 500 },
    );
    expect(found.failed).toBe(true);
    const [schedule] = found.counterexample ?? [];
    // The reader stands at a VMA, the grower takes the lock and stores, the reader goes on.
    expect(schedule).toHaveLength(4);
    expect(interleave(treeOf(), schedule ?? [], true)).toBe('use-after-free');
  });
});
