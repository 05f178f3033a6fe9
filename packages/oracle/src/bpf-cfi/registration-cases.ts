// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import {
  CREATE_MISTAKES,
  UPDATE_MISTAKES,
  type Operation,
  type StructName,
} from '@kernel-models/bpf-cfi';

/*
 * Histories of struct_ops maps: programs that make a complete algorithm, or nearly, and what may be
 * done with maps of them, right or wrong.
 */

const TCP: StructName = 'tcp_congestion_ops';

/** Programs by the member that each implements; together they make an algorithm. */
const PROGRAMS: Readonly<Record<string, string>> = {
  a: 'ssthresh',
  b: 'undo_cwnd',
  c: 'cong_avoid',
  d: 'cong_control',
  e: 'set_state',
  f: 'init',
  g: 'min_tso_segs',
  h: 'pkts_acked',
};
/** Too many for a page of trampolines, too few for two, and none. */
const MEMBERSHIPS: readonly Readonly<Record<string, string>>[] = [
  { ssthresh: 'a', undo_cwnd: 'b', cong_avoid: 'c' },
  { ssthresh: 'a', undo_cwnd: 'b', cong_control: 'd' },
  { ssthresh: 'a', undo_cwnd: 'b', cong_avoid: 'c', set_state: 'e', init: 'f' },
  { ssthresh: 'a', undo_cwnd: 'b', cong_avoid: 'c', min_tso_segs: 'g', pkts_acked: 'h' },
];
const DEFECTIVE: readonly Readonly<Record<string, string>>[] = [
  {},
  { undo_cwnd: 'b', cong_avoid: 'c' },
  { ssthresh: 'a', cong_avoid: 'c' },
  { ssthresh: 'a', undo_cwnd: 'b' },
  { ssthresh: 'b', undo_cwnd: 'b', cong_avoid: 'c' },
  { ssthresh: 'a', undo_cwnd: 'b', cong_avoid: 'x' },
  { ssthresh: 'a', undo_cwnd: 'b', get_info: 'c', cong_avoid: 'c' },
];

function load(program: string, member: string, wrong?: 'struct'): Operation {
  const body = { kind: 'constant', value: 1 } as const;
  return { op: 'load', program, kind: 'struct_ops', struct: TCP, member, wrong, body };
}

/** One time in four something is wrong. */
function seldom<Value>(values: readonly Value[]): Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom(...values));
}

const maps = fc.constantFrom('m', 'm', 'n');
const algorithms = fc.constantFrom('km_a', 'km_a', 'km_b');
const programs = fc.constantFrom(...Object.keys(PROGRAMS));

const creations: Arbitrary<Operation> = fc
  .record({
    map: maps,
    struct: fc.constantFrom(TCP, TCP, TCP, 'bpf_dummy_ops' as const),
    link: fc.boolean(),
    wrong: seldom(CREATE_MISTAKES),
  })
  .map((fields) => ({ op: 'mapCreate', ...fields }));

const updates: Arbitrary<Operation> = fc
  .record({ map: maps, name: algorithms, members: fc.constantFrom(...MEMBERSHIPS) })
  .map((fields) => ({ op: 'mapUpdate', ...fields, owner: false, flags: 0, key: 0 }));

/** Now and then more than one thing is wrong: then the order of checks shows. */
const mistakenUpdates: Arbitrary<Operation> = fc
  .record({
    map: maps,
    name: fc.oneof(algorithms, fc.constantFrom('reno', '', 'a b', 'x'.repeat(16), 'x'.repeat(15))),
    members: fc.constantFrom(...MEMBERSHIPS, ...DEFECTIVE),
    owner: fc.constantFrom(false, false, false, true),
    flags: fc.constantFrom(0, 0, 0, 1, 2),
    key: fc.constantFrom(0, 0, 0, 1),
    wrong: seldom(UPDATE_MISTAKES),
  })
  .map((fields) => ({ op: 'mapUpdate', ...fields }));

type MapOp = 'mapLookup' | 'mapDelete' | 'linkCreate' | 'linkClose';

const onMap = (...ops: readonly MapOp[]): Arbitrary<Operation> =>
  fc.tuple(fc.constantFrom(...ops), maps).map(([op, map]): Operation => ({ op, map }));

const trampolines: Arbitrary<Operation> = fc
  .record({ map: maps, member: fc.constantFrom(...Object.values(PROGRAMS)) })
  .map((fields) => ({ op: 'trampoline', ...fields }));

type ProgramOp = 'unload' | 'image' | 'text';

const onProgram = (...ops: readonly ProgramOp[]): Arbitrary<Operation> =>
  fc.tuple(fc.constantFrom(...ops), programs).map(([op, program]): Operation => ({ op, program }));

const steps: Arbitrary<Operation> = fc.oneof(
  { weight: 2, arbitrary: creations },
  { weight: 4, arbitrary: updates },
  { weight: 4, arbitrary: mistakenUpdates },
  { weight: 3, arbitrary: onMap('mapLookup', 'mapDelete') },
  { weight: 4, arbitrary: onMap('linkCreate', 'linkCreate', 'linkClose') },
  { weight: 2, arbitrary: trampolines },
  { weight: 2, arbitrary: onProgram('unload', 'image', 'text') },
  programs.map((program) => load(program, PROGRAMS[program] ?? 'ssthresh')),
  programs.map((program): Operation => load(program, 'ssthresh', 'struct')),
);

const PRELUDE: readonly Operation[] = [
  ...Object.entries(PROGRAMS).map(([program, member]) => load(program, member)),
  { op: 'mapCreate', map: 'm', struct: TCP, link: false },
  { op: 'mapCreate', map: 'n', struct: TCP, link: true },
];

/** What may happen behind a boot: all programs are loaded as a rule, and two maps are there. */
export const registrations: Arbitrary<readonly Operation[]> = fc
  .tuple(
    fc.constantFrom(PRELUDE, PRELUDE, PRELUDE.slice(0, 8), PRELUDE.slice(0, 3)),
    fc.array(steps, { minLength: 2, maxLength: 14, size: 'max' }),
  )
  .map(([prelude, list]) => [...prelude, ...list]);
