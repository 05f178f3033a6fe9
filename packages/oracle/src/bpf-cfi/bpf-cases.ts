// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import type { Operation, ProgramBody, Setup } from '@kernel-models/bpf-cfi';
import type { Case } from '../target.ts';
import { registrations } from './registration-cases.ts';
import { packings } from './packing-cases.ts';
import { tracings } from './tracing-cases.ts';

/* Cases that a running kernel can be put: loading programs, reading their images, running them. */

/** A kernel without CFI and IBT. */
export const PLAIN_BUILD: Setup = {
  cfi: false,
  autoDefault: false,
  fineibt: false,
  bhi: false,
  ibt: false,
  padding: false,
  alignment: 16,
  permissive: false,
  retpoline: false,
  returnThunk: true,
  sls: false,
  cpu: { ibt: false, fred: false },
};

const names = fc.constantFrom('a', 'b', 'c');
const values = fc.constantFrom(0n, 1n, 0x1_0002n, 0x1_0000_0001n, (1n << 64n) - 1n);

const constants: Arbitrary<ProgramBody> = fc.record({
  kind: fc.constant('constant' as const),
  value: fc.constantFrom(0, 1, 2, 0x7fff_ffff),
});

function structOps(
  struct: 'tcp_congestion_ops' | 'bpf_dummy_ops',
  members: readonly string[],
  bodies: Arbitrary<ProgramBody>,
): Arbitrary<Operation> {
  return fc.record({
    op: fc.constant('load' as const),
    program: names,
    kind: fc.constant('struct_ops' as const),
    struct: fc.constant(struct),
    member: fc.constantFrom(...members),
    sleepable: fc.constantFrom(false, false, true),
    body: bodies,
  });
}

const TCP = [
  'ssthresh',
  'undo_cwnd',
  'cong_avoid',
  'set_state',
  'init',
  'get_info',
  'name',
  'owner',
];
/** The first argument is a pointer, which the verifier lets nobody return. */
const argumentBodies: Arbitrary<ProgramBody> = fc
  .constantFrom(1, 2, 3, 4)
  .map((index) => ({ kind: 'argument' as const, index }));

const operations: Arbitrary<Operation> = fc.oneof(
  fc.record({
    op: fc.constant('load' as const),
    program: names,
    kind: fc.constant('main' as const),
    body: fc.record({
      kind: fc.constantFrom('constant' as const, 'calls' as const, 'tailCall' as const),
      value: fc.constantFrom(0, 1, 2),
    }),
  }),
  fc.record({
    op: fc.constant('tailSet' as const),
    program: names,
    target: fc.oneof({ weight: 4, arbitrary: names }, fc.constant(null)),
  }),
  structOps('tcp_congestion_ops', TCP, constants),
  {
    weight: 2,
    arbitrary: structOps('bpf_dummy_ops', ['test_2'], fc.oneof(constants, argumentBodies)),
  },
  structOps('bpf_dummy_ops', ['test_1', 'test_sleepable', 'nothing'], constants),
  structOps('bpf_dummy_ops', ['test_1'], fc.constant<ProgramBody>({ kind: 'dereference' })),
  fc.record({ op: fc.constant('unload' as const), program: names }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant('image' as const), program: names }) },
  fc.record({
    op: fc.constant('text' as const),
    program: names,
    part: fc.constantFrom(undefined, 'subprogram' as const),
  }),
  fc.record({ op: fc.constant('allocation' as const), program: names }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant('dispatch' as const), program: names }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('testRun' as const),
      program: names,
      arguments: fc.oneof(fc.tuple(fc.constantFrom(0n, 1n)), {
        weight: 2,
        arbitrary: fc.tuple(fc.constantFrom(0n, 1n, 1n), values, values, values, values),
      }),
    }),
  },
);

/** Programs by themselves: loaded, looked at, run, and jumping into each other. */
export const programHistories: Arbitrary<readonly Operation[]> = fc.array(operations, {
  minLength: 1,
  maxLength: 14,
  size: 'max',
});

const histories: Arbitrary<readonly Operation[]> = fc.oneof(
  { weight: 2, arbitrary: programHistories },
  { weight: 2, arbitrary: registrations },
  tracings,
);

/**
 * Wrong calls that a kernel makes on demand: lkdtm’s CFI_FORWARD_PROTO, and what its table of actions
 * can be made to name.
 */
export const WRONG_CALLS: readonly Operation[] = [
  {
    op: 'call',
    site: 'void f(int *)',
    callee: { prototype: 'int f(int *)', addressTaken: true },
  },
  ...[
    { prototype: 'int f(void)', addressTaken: true },
    { prototype: 'int f(void)', addressTaken: false },
    { prototype: 'void f(void)', addressTaken: false },
  ].map((callee): Operation => ({ op: 'call', site: 'void f(void)', callee })),
];

/** What boot has left of functions and callers. */
export const KERNEL_CODE: readonly Operation[] = [
  ...[
    { prototype: 'int f(void)', addressTaken: true },
    { prototype: 'int f(void)', addressTaken: false },
    { prototype: 'void f(void)', addressTaken: false },
  ].map((callee): Operation => ({ op: 'function', callee })),
  { op: 'site', site: 'void f(void)' },
];

/**
 * Cases for a running kernel: programs by themselves, what is registered of them and, where it
 * checks calls, now and then one of the wrong type.
 *
 * @param boot how it was booted; its seed is the one that the kernel drew
 */
export function casesAfter(
  boot: Extract<Operation, { op: 'boot' }>,
  setup: Setup,
): Arbitrary<Case<Setup, Operation>> {
  const nothing = fc.constant<readonly Operation[]>([]);
  const call = fc.constantFrom(...WRONG_CALLS).map((one) => [one]);
  const wrong = fc.oneof({ weight: 9, arbitrary: nothing }, call);
  return fc
    .tuple(setup.packed === undefined ? histories : packings, setup.cfi ? wrong : nothing)
    .map(([list, last]) => ({ setup, operations: [boot, ...list, ...last] }));
}

/** How a kernel that checks calls is booted here: its hashes are the compiler’s. */
export const DEFAULT_PARAMETER = 'norand';

/** Cases for a kernel that a target has, by what it is. */
export function bpfCases(
  worlds: readonly Setup[] = [PLAIN_BUILD],
): Arbitrary<Case<Setup, Operation>> {
  return fc
    .constantFrom(...worlds)
    .chain((setup) =>
      casesAfter({ op: 'boot', cfi: setup.cfi ? DEFAULT_PARAMETER : undefined, seed: 0 }, setup),
    );
}
