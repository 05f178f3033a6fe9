// SPDX-License-Identifier: MIT
import type { Operation, Setup, TracingKind } from '@kernel-models/bpf-cfi';

/** A call worth looking at instruction by instruction. */
export interface NamedScenario {
  readonly name: string;
  readonly sentence: string;
  readonly revision: string;
  readonly setup: Setup;
  /** The last one is the call. */
  readonly operations: readonly Operation[];
}

/** A kernel with everything, on a CPU with indirect branch tracking. */
const KERNEL: Setup = {
  ...{ cfi: true, autoDefault: false, fineibt: true, bhi: false, ibt: true, padding: true },
  ...{ alignment: 16, permissive: false, retpoline: false, returnThunk: false, sls: false },
  cpu: { ibt: true, fred: false },
};

/** Randomisation is off, so that hashes are those of the compiler. */
function testRun(cfi: string): readonly Operation[] {
  return [
    { op: 'boot', cfi, seed: 0 },
    {
      ...{ op: 'load', program: 'prog', kind: 'struct_ops', struct: 'bpf_dummy_ops' },
      member: 'test_1',
      body: { kind: 'constant', value: 42 },
    },
    { op: 'testRun', program: 'prog', arguments: [1n] },
  ];
}

function mismatch(cfi: string): readonly Operation[] {
  const callee = { prototype: 'void callee(int *)', addressTaken: true };
  return [
    { op: 'boot', cfi, seed: 0 },
    { op: 'call', site: 'int site(int *)', callee },
  ];
}

const TRACED = 'int bpf_modify_return_test(int a, int *b)';

/** A call of a function with a program of each kind on it. */
function traced(cfi: string, site: string, returns: number): readonly Operation[] {
  const attach = (
    program: string,
    kind: TracingKind,
    index: number,
    returned: number,
  ): Operation => ({
    ...{ op: 'attach', program, kind, function: TRACED, returns: returned },
    ...{ sees: { kind: 'argument', index }, sleepable: false, cookie: 0n },
  });
  return [
    { op: 'boot', cfi, seed: 0 },
    attach('before', 'fentry', 0, 0),
    attach('instead', 'fmod_ret', 1, returns),
    attach('behind', 'fexit', 2, 0),
    { op: 'callTraced', site, function: TRACED, arguments: [1n, 2n] },
  ];
}

/** Where the first program's entry is patched: behind its preamble and what stands for ENDBR64. */
const PATCH_SITE = 0xffff_ffff_c000_001cn;

function patchedTo(to: bigint): readonly Operation[] {
  return [
    { op: 'boot', cfi: 'fineibt,norand', seed: 0 },
    { op: 'load', program: 'prog', kind: 'main', body: { kind: 'constant', value: 42 } },
    { op: 'textPoke', program: 'prog', kind: 'jmp', from: null, to },
    { op: 'dispatch', program: 'prog' },
  ];
}

/** The scenarios that `kernel-oracle cfi run` knows by name. */
export const SCENARIOS: readonly NamedScenario[] = [
  ...(['kcfi', 'fineibt'] as const).flatMap((mode): readonly NamedScenario[] => [
    {
      name: `null-stub-${mode}`,
      sentence: 'the posting’s XXX: a dummy test run whose trampoline took its hash from no stub',
      revision: 'posted-2023-12',
      setup: KERNEL,
      operations: testRun(`${mode},norand`),
    },
    {
      name: `member-stub-${mode}`,
      sentence: 'the other wrong answer: the member’s own stub under a variadic caller',
      revision: 'bug:member-stub',
      setup: KERNEL,
      operations: testRun(`${mode},norand`),
    },
    {
      name: `variadic-stub-${mode}`,
      sentence: 'the answer that was merged: a variadic stub',
      revision: 'linux-6.12',
      setup: KERNEL,
      operations: testRun(`${mode},norand`),
    },
    {
      name: `mismatch-${mode}`,
      sentence: 'an int function called through a pointer to a void one',
      revision: 'linux-6.12',
      setup: KERNEL,
      operations: mismatch(`${mode},norand`),
    },
  ]),
  {
    name: 'mismatch-paranoid',
    sentence: 'the same, where the caller compares too',
    revision: 'linux-6.15',
    setup: KERNEL,
    operations: mismatch('fineibt,norand,paranoid'),
  },
  {
    name: 'no-preamble',
    sentence: 'a member of a registered struct, before trampolines had preambles',
    revision: 'bug:no-preamble',
    setup: KERNEL,
    operations: testRun('kcfi,norand'),
  },
  ...(['kcfi', 'fineibt'] as const).map((mode): NamedScenario => ({
    name: `traced-${mode}`,
    sentence: 'a function with programs for fentry, fmod_ret and fexit, called through a pointer',
    revision: 'linux-6.12',
    setup: KERNEL,
    operations: traced(`${mode},norand`, TRACED, 0),
  })),
  {
    name: 'traced-modified',
    sentence: 'the same, where fmod_ret returns a value and the function is skipped',
    revision: 'linux-6.12',
    setup: KERNEL,
    operations: traced('fineibt,norand', TRACED, 7),
  },
  {
    name: 'traced-mismatch',
    sentence: 'a call of the wrong type, which reaches neither the function nor its trampoline',
    revision: 'linux-6.12',
    setup: KERNEL,
    operations: traced('fineibt,norand', 'void site(int, int *)', 0),
  },
  {
    name: 'patched-nowhere',
    sentence: 'a program whose entry was patched to jump where no code is',
    revision: 'linux-6.12',
    setup: KERNEL,
    operations: patchedTo(0xffff_ffff_c200_0000n),
  },
  {
    name: 'patched-runaway',
    sentence: 'a program whose entry was patched to jump to itself: the listing is bounded',
    revision: 'linux-6.12',
    setup: KERNEL,
    operations: patchedTo(PATCH_SITE),
  },
];
