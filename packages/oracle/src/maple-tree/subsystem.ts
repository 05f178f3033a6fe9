// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { canonicalJson } from '@kernel-models/model-core';
import type { Subsystem } from '../subsystem.ts';
import type { Case } from '../target.ts';
import { generateCase } from './generate.ts';
import { mapleTreeModel, type State } from './model.ts';
import { encodeOperation, type Operation } from './operation.ts';
import { encodeOutcome, type Outcome } from './outcome.ts';
import { lastIndex, type Setup } from './setup.ts';
import { mapleTreeTargets, probeLine } from './targets.ts';

/** Operations in a generated case. */
const CASE_LENGTH = 400;

/** The maple tree, as the oracle holds it against lib/maple_tree.c. */
export const mapleTreeSubsystem: Subsystem<State, Operation, Outcome, Setup> = {
  model: mapleTreeModel,
  title: 'lib/maple_tree.c: content, structure and cursors, 64-bit and 32-bit',
  defaultRevision: 'linux-6.12',
  cases: () => fc.nat().map((seed) => generateCase(seed, CASE_LENGTH)),
  isExecutable,
  targets: mapleTreeTargets,
  explorations: [
    {
      name: 'few-indices',
      sentence: 'stores, erasures and allocations on the indices 0 to 3 and the last two',
      setups: [
        { machine: '64-bit', allocRange: true, rcu: false },
        { machine: '32-bit', allocRange: true, rcu: true },
      ],
      operations: () => smallOperations(),
      defaultDepth: 2,
      sometimes: {
        'a tree of one leaf': ({ session }) => session.tree.height === 1,
        'an entry in the root word': ({ session }) => session.tree.rootEntry !== null,
      },
    },
  ],
  describeOperation: (operation) => probeLine(operation).trim().replace(/^op=/, ''),
  describeOutcome: (outcome) => canonicalJson(encodeOutcome(outcome)),
  reproducer: ({ setup, operations }) =>
    [
      `/* ${setup.machine}: feed these lines to the probe, built with --kernel-source. */`,
      ...operations.map((operation) => `// ${probeLine(operation).trim()}`),
      '',
    ].join('\n'),
};

/**
 * Whether the kernel's code has an answer: words fit the machine, ranges are not reversed where
 * only a
 * bug of the caller's reverses them, bulk loading is left to recordings, and after a gap search the
 * cursor stores or starts over.
 */
function isExecutable({ operations, setup }: Case<Setup, Operation>): boolean {
  const max = lastIndex(setup.machine);
  let searched = false;
  return operations.every((operation) => {
    const words = Object.entries(encodeOperation(operation)).filter(([key]) => key !== 'op');
    if (words.some(([, value]) => BigInt(String(value)) > max)) return false;
    if (operation.op === 'mas_set' && operation.first > operation.last) return false;
    if (operation.op === 'mas_expected_entries') return false;
    if ('entry' in operation && !isEntry(operation.entry)) return false;
    if (operation.op.startsWith('alloc') && 'entry' in operation && operation.entry === 0n) {
      return false;
    }
    if (searched && !/^(mas_store_gfp|mas_set|mas_reset|dump|load)$/.test(operation.op)) {
      return false;
    }
    if (operation.op.startsWith('mas_')) searched = operation.op.startsWith('mas_empty_area');
    return true;
  });
}

/** Of the words that the kernel keeps for itself the session knows the retry and the zero entry. */
function isEntry(word: bigint): boolean {
  const isReserved = (word & 3n) === 2n && word < 4096n;
  return !isReserved || word === 0x402n || word === 0x406n;
}

function* smallOperations(): Generator<Operation> {
  const indices = [0n, 1n, 2n, 3n];
  for (const first of indices) {
    for (const last of indices.filter((index) => index >= first)) {
      for (const entry of [0n, 3n]) yield { op: 'store', first, last, entry };
    }
    yield { op: 'erase', index: first };
    yield { op: 'insert', first, last: first, entry: 5n };
  }
  yield { op: 'alloc_range', size: 2n, min: 0n, max: 5n, entry: 7n };
  yield { op: 'alloc_rrange', size: 2n, min: 0n, max: 5n, entry: 7n };
}
