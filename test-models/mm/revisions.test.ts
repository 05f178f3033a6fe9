// SPDX-License-Identifier: MIT
import { deepEqual, type RevisionId } from '@kernel-models/model-core';
import { describe, expect, test } from 'vitest';
import { mmModel, type Operation, type Outcome } from '@kernel-models/mm';
import { ARENA, smallProcess } from '@kernel-models/mm/testing';
import { covered } from '../support/rule-coverage.ts';

/*
 * Every decision on which the kernels differ, with a history that tells them apart. That they do not
 * differ otherwise, the comparison of each with the reference and with its recording says.
 */

const model = covered(mmModel);
const PAGE = 4096n;
const INFINITY = (1n << 64n) - 1n;

function at(page: number): bigint {
  return ARENA + BigInt(page) * PAGE;
}

function map(page: number, pages: number, prot = 3, flags = 0x32): Operation {
  return {
    op: 'mmap',
    address: at(page),
    length: BigInt(pages) * PAGE,
    prot,
    flags,
    fd: -1,
    offset: 0n,
  };
}

function range(op: 'munmap' | 'mlock', page: number, pages: number): Operation {
  return { op, address: at(page), length: BigInt(pages) * PAGE };
}

function protect(page: number, pages: number, prot: number): Operation {
  return { op: 'mprotect', address: at(page), length: BigInt(pages) * PAGE, prot };
}

function write(page: number): Operation {
  return { op: 'touchWrite', address: at(page) };
}

function move(page: number, pages: number, to: number, flags: number): Operation {
  const length = BigInt(pages) * PAGE;
  return {
    op: 'mremap',
    address: at(page),
    oldLength: length,
    newLength: length,
    flags,
    newAddress: at(to),
  };
}

function limitSize(pages: bigint): Operation {
  return { op: 'setrlimit', resource: 'AS', soft: pages * PAGE, hard: INFINITY };
}

const DONTUNMAP = 7;
const FIXED = 3;
const SMAPS: Operation = { op: 'smaps' };

interface Row {
  readonly decision: string;
  readonly history: readonly Operation[];
  /** Revisions that answer alike stand together. */
  readonly apart: readonly (readonly RevisionId[])[];
}

const ROWS: readonly Row[] = [
  {
    decision: 'written memory beside unwritten memory',
    history: [map(0, 2), map(2, 2, 7), write(2), protect(2, 2, 3)],
    apart: [['linux-6.1', 'linux-6.12'], ['linux-6.18']],
  },
  {
    decision: 'which neighbour a new mapping joins',
    history: [map(0, 2), map(4, 2), write(0), write(4), map(2, 2)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'MAP_FIXED refused by a limit',
    history: [map(0, 6), limitSize(10n), map(4, 8)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'MAP_FIXED refused by overcommit',
    history: [map(0, 6, 1), map(2, 1 << 22)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'read-only memory that was never written to',
    history: [map(0, 2), protect(0, 2, 1), map(2, 2, 1)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'alignment for huge pages',
    history: [
      { op: 'mmap', address: 0n, length: 0x20_0000n, prot: 3, flags: 0x22, fd: -1, offset: 0n },
    ],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'mremap: order of checks',
    history: [move(0, 2, 1, FIXED)],
    apart: [['linux-6.1', 'linux-6.12'], ['linux-6.18']],
  },
  {
    decision: 'mremap: several mappings at once',
    history: [map(0, 1), map(1, 1, 1), move(0, 2, 8, FIXED)],
    apart: [['linux-6.1', 'linux-6.12'], ['linux-6.18']],
  },
  {
    decision: 'DONTUNMAP of a part of a locked mapping',
    history: [map(0, 4), range('mlock', 0, 4), move(1, 1, 8, DONTUNMAP)],
    apart: [
      ['linux-6.1', 'linux-6.12', 'linux-6.18-fixed'],
      ['linux-6.18'],
      ['bug:dontunmap-unlocks-whole'],
    ],
  },
  {
    decision: 'DONTUNMAP of a whole locked mapping',
    history: [map(0, 4), range('mlock', 0, 4), move(0, 4, 8, DONTUNMAP)],
    apart: [['linux-6.1', 'linux-6.12', 'linux-6.18-fixed'], ['linux-6.18']],
  },
  {
    decision: 'offset of what DONTUNMAP empties',
    history: [map(0, 2), write(0), move(0, 2, 8, FIXED), move(8, 2, 16, DONTUNMAP), map(10, 2)],
    apart: [['linux-6.1', 'linux-6.12', 'linux-6.18-fixed'], ['linux-6.18']],
  },
  {
    decision: 'DONTUNMAP of unwritten memory beside itself',
    history: [map(0, 2), map(4, 2), move(0, 2, 2, DONTUNMAP)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18-fixed'], ['linux-6.18']],
  },
  {
    decision: 'PR_SET_MEMORY_MERGE',
    history: [map(0, 2), { op: 'setMemoryMerge', on: true }, map(2, 2)],
    apart: [['linux-6.1'], ['linux-6.12'], ['linux-6.18']],
  },
  {
    decision: 'mseal(2)',
    history: [map(0, 2), { op: 'mseal', address: at(0), length: PAGE, flags: 0 }],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'MAP_DROPPABLE',
    history: [map(0, 2, 3, 0x38)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'MAP_STACK',
    history: [map(0, 2, 3, 0x2_0032)],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'PR_SET_MDWE',
    history: [{ op: 'setMdwe' }],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'letters of VM_LOCKONFAULT',
    history: [map(0, 2), { op: 'mlock2', address: at(0), length: PAGE, flags: 1 }],
    apart: [['linux-6.1'], ['linux-6.12', 'linux-6.18']],
  },
  {
    decision: 'shrinking a heap that is not mapped',
    history: [
      { op: 'brk', address: 0x40_8000n },
      { op: 'munmap', address: 0x40_4000n, length: 4n * PAGE },
      { op: 'brk', address: 0x40_5000n },
    ],
    apart: [['linux-6.0'], ['posted-v12', 'linux-6.1-rc'], ['linux-6.1']],
  },
  {
    decision: 'a heap beside bss',
    history: [{ op: 'brk', address: 0x40_5000n }],
    apart: [['linux-6.0'], ['linux-6.1']],
  },
];

/** 6.1 calls more mappings [heap], in every history. */
function withoutNames(outcome: Outcome): Outcome {
  if (outcome.kind !== 'smaps') return outcome;
  return { ...outcome, vmas: outcome.vmas.map((vma) => ({ ...vma, name: '' })) };
}

/** What a history answers, and shows after each operation. */
function answers(history: readonly Operation[], revision: RevisionId): readonly Outcome[] {
  let state = model.initial(smallProcess());
  const outcomes: Outcome[] = [];
  for (const operation of history) {
    const step = model.apply(state, operation, revision);
    ({ state } = step);
    outcomes.push(step.outcome, withoutNames(model.apply(state, SMAPS, revision).outcome));
  }
  return outcomes;
}

describe('where the kernels differ', () => {
  test.each(ROWS)('$decision', ({ history, apart }) => {
    const groups = apart.map((alike) => alike.map((revision) => answers(history, revision)));
    for (const [index, group] of groups.entries()) {
      for (const one of group) expect(deepEqual(one, group[0])).toBe(true);
      for (const other of groups.slice(index + 1)) {
        expect(deepEqual(group[0], other[0])).toBe(false);
      }
    }
  });
});
