// SPDX-License-Identifier: MIT
import type { Operation, Setup, State } from '@kernel-models/bpf-cfi';
import type { Exploration } from '../subsystem.ts';

/* Small worlds for bounded exhaustive work. */

/**
 * Callers and callees: two equal types in two spellings, one that differs in a qualifier, one with
 * none.
 */
const TYPES: readonly string[] = [
  'unsigned int f(const void *, const struct bpf_insn *)',
  'u32 f(const void *a, const struct bpf_insn *b)',
  'u32 f(void *a, const struct bpf_insn *b)',
  'int f(void)',
];

const FLAGS = [false, true] as const;

/** Every build that can exist with the parts that calls depend on. */
const BUILDS: readonly Setup[] = FLAGS.flatMap((cfi) =>
  FLAGS.flatMap((padding) =>
    FLAGS.flatMap((ibt) =>
      FLAGS.flatMap((cpuIbt) =>
        FLAGS.map((retpoline): Setup => ({
          ...{ cfi, padding, ibt, retpoline },
          autoDefault: false,
          fineibt: cfi && padding && ibt,
          bhi: false,
          alignment: 16,
          permissive: false,
          returnThunk: false,
          sls: false,
          cpu: { ibt: cpuIbt, fred: false },
        })),
      ),
    ),
  ),
);

const BOOTS: readonly Operation[] = [
  undefined,
  'off',
  'kcfi',
  'fineibt',
  'fineibt,paranoid',
].flatMap((cfi) => [0, 0x9a76_79cd].map((seed): Operation => ({ op: 'boot', cfi, seed })));

const CALLS: readonly Operation[] = TYPES.flatMap((site) =>
  TYPES.flatMap((prototype) =>
    FLAGS.map((addressTaken): Operation => ({
      op: 'call',
      site,
      callee: { prototype, addressTaken },
    })),
  ),
);

const PROGRAMS: readonly Operation[] = [
  { op: 'load', program: 'm', kind: 'main', body: { kind: 'constant', value: 2 } },
  { op: 'load', program: 's', kind: 'subprogram', body: { kind: 'constant', value: 3 } },
  {
    ...{ op: 'load', program: 'd', kind: 'struct_ops', struct: 'bpf_dummy_ops', member: 'test_1' },
    body: { kind: 'constant', value: 4 },
  },
  { op: 'dispatch', program: 'm' },
  { op: 'callback', program: 's' },
  { op: 'tailCall', program: 'm' },
  { op: 'testRun', program: 'd', arguments: [1n] },
  { op: 'unload', program: 'm' },
];

/** Every call in every scheme. */
export const callsWorld: Exploration<State, Operation, Setup> = {
  name: 'calls',
  sentence: 'every build x boot x caller’s type x callee’s type, and the programs of BPF',
  setups: BUILDS,
  operations: ({ boot }) => (boot === null ? BOOTS : [...CALLS, ...PROGRAMS]),
  defaultDepth: 4,
  sometimes: {
    'kCFI enforced': ({ boot }) => boot?.mode === 'KCFI',
    'FineIBT enforced': ({ boot }) => boot?.mode === 'FINEIBT',
    'paranoid FineIBT': ({ boot }) => boot?.paranoid === true,
    'a freed image': ({ programs }) => programs['m']?.image === 'freed',
  },
};

const KERNEL: Setup = {
  ...{ cfi: true, padding: true, ibt: true, retpoline: false, autoDefault: false, fineibt: true },
  ...{ bhi: false, alignment: 16, permissive: false, returnThunk: true, sls: false },
  cpu: { ibt: true, fred: false },
};
const STRUCT = 'tcp_congestion_ops';
const MEMBERS = { ssthresh: 'a', undo_cwnd: 'b', cong_avoid: 'c' };

const REGISTRATION: readonly Operation[] = [
  ...Object.entries(MEMBERS).map(([member, program]): Operation => ({
    ...{ op: 'load', program, kind: 'struct_ops', struct: STRUCT, member },
    body: { kind: 'constant', value: 1 },
  })),
  ...['m', 'n'].flatMap((map): readonly Operation[] => [
    { op: 'mapCreate', map, struct: STRUCT, link: map === 'n' },
    { op: 'mapUpdate', map, name: 'x', members: MEMBERS, owner: false, flags: 0, key: 0 },
    { op: 'mapUpdate', map, name: 'x', members: MEMBERS, owner: true, flags: 0, key: 0 },
    { op: 'mapDelete', map },
    { op: 'linkCreate', map },
    { op: 'linkClose', map },
    { op: 'callMember', map, member: 'ssthresh', arguments: [1n] },
  ]),
  { op: 'unload', program: 'a' },
];

/** Registering, linking and deleting congestion control algorithms. */
export const registrationWorld: Exploration<State, Operation, Setup> = {
  name: 'registration',
  sentence: 'two maps for one algorithm, one of them for links, and its three programs',
  setups: [KERNEL],
  operations: ({ boot }) =>
    boot === null ? [{ op: 'boot', cfi: 'fineibt', seed: 1 }] : REGISTRATION,
  defaultDepth: 8,
  sometimes: {
    'in use': ({ maps }) => maps['m']?.state === 'INUSE',
    'to be freed': ({ maps }) => maps['m']?.state === 'TOBEFREE',
    linked: ({ maps }) => maps['n']?.linked === true,
  },
};
