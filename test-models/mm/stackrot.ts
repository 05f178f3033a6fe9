// SPDX-License-Identifier: MIT
import type { MapleTree } from '@kernel-models/maple-tree';
import type { Vma } from '@kernel-models/mm';

/** The VMAs of a process, as the kernel holds them. */
export type SharedTree = MapleTree<number, Vma>;

/*
 * StackRot, CVE-2023-3269: Linux 6.1 to 6.4 grew stacks under the mmap_lock held for reading. The
 * tree replaces nodes then, and frees them once no RCU reader can hold them; who reads under the
 * mmap_lock alone is no RCU reader, and goes on in a freed node.
 */

/** FREED of the tree's nodes: the grace period is over, nobody may touch it. */
const FREED = 2;

export type Thread = 'reader' | 'grower';

/** What can go wrong. */
export type Rot = 'use-after-free';

interface Lock {
  readers: number;
  writer: boolean;
}

/** A thread as atomic steps: each yields, so that the other may act; `false` waits for the lock. */
type Steps = Generator<boolean, void, void>;

/**
 * Two threads of one process on one tree, step by step as the schedule says: one walks all VMAs, as
 * a reader of /proc/PID/maps; one makes a stack grow by a page.
 *
 * @param growsUnderReadLock as before Linux 6.5
 * @returns what went wrong, or undefined
 */
export function interleave(
  tree: SharedTree,
  schedule: readonly Thread[],
  growsUnderReadLock: boolean,
): Rot | undefined {
  const lock: Lock = { readers: 0, writer: false };
  const rots: Rot[] = [];
  const threads: Readonly<Record<Thread, Steps>> = {
    reader: reader(tree, lock, rots),
    grower: grower(tree, lock, growsUnderReadLock),
  };
  for (const thread of schedule) {
    threads[thread].next();
    if (rots.length > 0) return rots[0];
  }
  return undefined;
}

function* reader(tree: SharedTree, lock: Lock, rots: Rot[]): Steps {
  while (lock.writer) yield false;
  lock.readers++;
  const cursor = tree.cursor();
  let vma = cursor.find();
  while (vma !== null) {
    yield true;
    if (cursor.node?.state === FREED) rots.push('use-after-free');
    vma = cursor.find();
  }
  lock.readers--;
}

function* grower(tree: SharedTree, lock: Lock, underReadLock: boolean): Steps {
  for (;;) {
    if (underReadLock) {
      while (lock.writer) yield false;
      lock.readers++;
    } else {
      while (lock.writer || lock.readers > 0) yield false;
      lock.writer = true;
    }
    yield true;
    growByOnePage(tree);
    // Nobody is an RCU reader: the grace period of what was replaced is over at once.
    tree.grace.collect();
    yield true;
    if (underReadLock) lock.readers--;
    else lock.writer = false;
  }
}

/** The last VMA is the stack. */
function growByOnePage(tree: SharedTree): void {
  const stack = tree.prev(tree.keys.max);
  if (stack === null) return;
  const start = stack.start - 4096;
  if (tree.load(start) !== null) return;
  tree.storeRange(start, stack.end - 1, { ...stack, start, pgoff: stack.pgoff - 1 });
}
