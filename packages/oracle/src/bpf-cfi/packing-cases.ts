// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import type { Operation, ProgramBody } from '@kernel-models/bpf-cfi';

/*
 * Histories of executable memory: programs of every size that come and go, what each has around it,
 * and after every step what is taken of the packs.
 */

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

/** From images of one chunk to images of several pages. */
const bodies: Arbitrary<ProgramBody> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(64, 200, 817, 1600))
      .map((count) => ({ kind: 'moves' as const, count })),
  },
  fc.constant({ kind: 'calls' as const, value: 3 }),
);

const steps: Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('load' as const),
      program: names,
      kind: fc.constant('main' as const),
      body: bodies,
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('unload' as const), program: names }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('allocation' as const), program: names }) },
);

const MEMBERS = { ssthresh: 'x', undo_cwnd: 'y', cong_avoid: 'z' } as const;
const TCP = 'tcp_congestion_ops';

const loads: readonly Operation[] = Object.entries(MEMBERS).map(([member, program]) => ({
  ...{ op: 'load', program, kind: 'struct_ops', struct: TCP, member },
  body: { kind: 'constant', value: 1 },
}));

function update(members: Readonly<Record<string, string>>, capable?: boolean): Operation {
  const fixed = {
    op: 'mapUpdate',
    map: 'm',
    name: 'km_p',
    owner: false,
    flags: 0,
    key: 0,
  } as const;
  return { ...fixed, members, ...(capable !== undefined && { capable }) };
}

/** A map that takes a page for its trampolines, or does not get one. */
const mapSteps: Arbitrary<readonly Operation[]> = fc
  .record({
    link: fc.boolean(),
    limit: fc.constantFrom(0n, 1n, 1n, 0x3f00_0000n, 0x3f00_0001n),
    capable: fc.boolean(),
    complete: fc.boolean(),
  })
  .map(({ link, limit, capable, complete }): readonly Operation[] => [
    ...loads,
    { op: 'jitLimit', bytes: limit },
    { op: 'mapCreate', map: 'm', struct: TCP, link },
    update(complete ? MEMBERS : { ssthresh: 'x' }, capable),
    update(MEMBERS),
  ]);

/** A dummy program, run by who may exceed the limit and by who may not. */
const testRuns: Arbitrary<readonly Operation[]> = fc
  .record({ limit: fc.constantFrom(1n, 0x3f00_0000n), capable: fc.boolean() })
  .map(({ limit, capable }): readonly Operation[] => [
    {
      ...{ op: 'load', program: 'd', kind: 'struct_ops', struct: 'bpf_dummy_ops' },
      ...{ member: 'test_1', body: { kind: 'constant', value: 5 } },
    },
    { op: 'jitLimit', bytes: limit },
    { op: 'testRun', program: 'd', arguments: [1n], capable },
    { op: 'testRun', program: 'd', arguments: [1n] },
  ]);

/** What may happen behind a boot, with a look at the packs after each step. */
export const packings: Arbitrary<readonly Operation[]> = fc
  .oneof(
    { weight: 4, arbitrary: fc.array(steps, { minLength: 6, maxLength: 20, size: 'max' }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.array(steps, { maxLength: 6 }), fc.oneof(mapSteps, testRuns))
        .map(([before, rest]) => [...before, ...rest]),
    },
  )
  .map((list) => list.flatMap((operation): readonly Operation[] => [operation, { op: 'packs' }]));
