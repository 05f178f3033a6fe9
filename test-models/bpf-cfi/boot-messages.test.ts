// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { bpfCfi, type Setup } from '@kernel-models/bpf-cfi';
import { covered } from '../support/rule-coverage.ts';

/*
 * What a kernel logs of CFI at boot, as arch/x86/kernel/alternative.c of Linux 6.12 and 6.15 has it, and
 * the patch of Linux 6.18 that worded it anew (Message-ID 20250904034656.3670313-4-kees@kernel.org).
 */

const model = covered(bpfCfi);

const SETUP: Setup = {
  ...{ cfi: true, padding: true, ibt: true, retpoline: false, autoDefault: false, fineibt: true },
  ...{ bhi: true, alignment: 16, permissive: false, returnThunk: true, sls: false },
  cpu: { ibt: true, fred: false },
};
const WITHOUT_FINEIBT: Setup = { ...SETUP, fineibt: false, bhi: false };

function logOf(revision: string, cfi: string, setup: Setup, wrong?: 'preamble'): readonly string[] {
  const boot = { op: 'boot', cfi, seed: 0x9a76_79cd, wrong } as const;
  const { outcome } = model.apply(model.initial(setup), boot, revision);
  if (outcome.kind !== 'booted') throw new Error(outcome.kind);
  return [outcome.mode, ...outcome.messages];
}

describe.each([
  ['linux-6.12', 'off', ['OFF', 'Disabling CFI']],
  ['linux-6.12', 'kcfi', ['KCFI', 'Using kCFI']],
  ['linux-6.12', 'auto', ['FINEIBT', 'Using FineIBT CFI']],
  ['linux-6.12', 'warn', ['KCFI', 'Ignoring unknown cfi option (warn).', 'Using kCFI']],
  ['linux-6.15', 'kcfi,warn', ['KCFI', 'CFI mismatch non-fatal!', 'Using kCFI']],
  ['linux-6.15', 'auto', ['FINEIBT', 'Using paranoid FineIBT CFI']],
  ['linux-6.15', 'fineibt,bhi', ['FINEIBT', 'Using FineIBT+BHI CFI']],
  [
    'linux-6.15',
    'paranoid,bhi,debug',
    [
      'KCFI',
      'Ignoring paranoid; depends on fineibt.',
      'Ignoring bhi; depends on fineibt.',
      'Ignoring unknown cfi option (debug).',
      'Using kCFI',
    ],
  ],
  ['linux-6.18', 'off', ['OFF', 'CFI: disabled']],
  ['linux-6.18', 'kcfi', ['KCFI', 'CFI: Using rehashed retpoline kCFI']],
  ['linux-6.18', 'kcfi,norand', ['KCFI', 'CFI: Using retpoline kCFI']],
  ['linux-6.18', 'auto', ['FINEIBT', 'Using paranoid FineIBT CFI']],
  [
    'linux-6.18',
    'warn,paranoid,bhi,x',
    [
      'KCFI',
      'CFI: mismatch non-fatal!',
      'CFI: ignoring paranoid; depends on fineibt.',
      'CFI: ignoring bhi; depends on fineibt.',
      'CFI: Ignoring unknown option (x).',
      'CFI: Using rehashed retpoline kCFI',
    ],
  ],
  [
    'linux-6.18',
    'fineibt,debug',
    [
      'FINEIBT',
      'CFI: disabling all indirect call checking',
      'CFI: cfi_seed: 0x9a7679cd',
      'CFI: rehashing all preambles',
      'CFI: rehashing all indirect calls',
      'CFI: adding FineIBT to all preambles',
      'CFI: rewriting indirect call sites to use FineIBT',
      'CFI: removing old endbr insns',
      'Using FineIBT CFI',
    ],
  ],
  [
    'linux-6.18',
    'debug,norand',
    [
      'KCFI',
      'CFI: disabling all indirect call checking',
      'CFI: rehashing disabled',
      'CFI: re-enabling all indirect call checking',
      'CFI: Using retpoline kCFI',
    ],
  ],
] as const)('%s with cfi=%s', (revision, cfi, expected) => {
  test('says what it chose', () => expect(logOf(revision, cfi, SETUP)).toEqual(expected));
});

const FAILED = 'Something went horribly wrong trying to rewrite the CFI implementation.';

test.each([
  [
    'debug',
    ['disabling all indirect call checking', 'cfi_seed: 0x9a7679cd', 'rehashing all preambles'],
  ],
  [
    'debug,fineibt,norand',
    [
      'disabling all indirect call checking',
      'rehashing disabled',
      'adding FineIBT to all preambles',
    ],
  ],
])('cfi=%s: the step that failed is the last', (cfi, steps) => {
  const [, ...log] = logOf('linux-6.18', cfi, SETUP, 'preamble');
  expect(log).toEqual([...steps.map((step) => `CFI: ${step}`), FAILED]);
});

test.each([
  ['linux-6.12', []],
  ['linux-6.18', ['CFI: Using standard kCFI']],
])('%s without FineIBT does not read the parameter', (revision, expected) => {
  for (const cfi of ['off', 'kcfi', 'auto,norand', 'x']) {
    expect(logOf(revision, cfi, WITHOUT_FINEIBT)).toEqual(['KCFI', ...expected]);
  }
});

test('without BHI in the build, the word is ignored', () => {
  const setup = { ...SETUP, bhi: false };
  expect(logOf('linux-6.15', 'fineibt,bhi', setup)).toContain(
    'Ignoring bhi; depends on FINEIBT_BHI=y.',
  );
  expect(logOf('linux-6.18', 'fineibt,bhi', setup)).toContain(
    'CFI: ignoring bhi; depends on FINEIBT_BHI=y.',
  );
});
