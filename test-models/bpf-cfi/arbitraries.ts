// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  BTF_GAPS,
  CREATE_MISTAKES,
  ENDBR64,
  FIRST_PACK,
  prototype,
  setupError,
  UPDATE_MISTAKES,
  type FunctionCallee,
  type Operation,
  type ProgramBody,
  type RegisteredMember,
  type Setup,
} from '@kernel-models/bpf-cfi';

/** Prototypes of callers and callees: pairs of equal types, near misses, and one of each arity. */
export const PROTOTYPES: readonly string[] = [
  'void f(void)',
  'int f(int *)',
  'int f(const int *)',
  'void f(void *)',
  'unsigned int f(const void *, const struct bpf_insn *)',
  'u32 f(const void *a, const struct bpf_insn *b)',
  'u64 f(u64, u64, u64, u64, u64)',
  'int f(struct bpf_dummy_ops_state *, ...)',
  'long f(struct file *, unsigned int, unsigned long)',
  'int f(char *a, char *b, char *c, char *d)',
  'int f(long, long, long, long, long, long)',
  'int f(long, long, long, long, long, long, long, long)',
];

const flag = fc.boolean();

/** One time in four something is there. */
function seldom<Value>(values: readonly Value[]): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom(...values));
}

/** Builds that can exist. */
export const setups: fc.Arbitrary<Setup> = fc
  .record({
    cfi: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
    autoDefault: flag,
    fineibt: flag,
    bhi: flag,
    ibt: flag,
    padding: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
    alignment: fc.constantFrom<16 | 32 | 64>(16, 16, 16, 32, 64),
    permissive: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    retpoline: flag,
    returnThunk: flag,
    sls: flag,
    cpu: fc.record({ ibt: flag, fred: flag }),
    packed: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      fc.constantFrom(
        [{ first: 0, count: 3 }],
        [
          { first: 1, count: 2 },
          { first: 5, count: 64 },
        ],
      ),
    ),
  })
  .map((setup): Setup => {
    const fineibt = setup.fineibt && setup.cfi && setup.ibt && setup.padding;
    return {
      ...setup,
      fineibt,
      autoDefault: setup.autoDefault && fineibt,
      bhi: setup.bhi && fineibt,
      alignment: fineibt ? 16 : setup.alignment,
    };
  })
  .filter((setup) => setupError(setup) === undefined);

/** Seeds, among them those that turn a hash, or its negation, into ENDBR64. */
const seeds = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc
    .constantFrom(...PROTOTYPES)
    .chain((source) =>
      fc.constantFrom(
        (prototype(source).hash ^ ENDBR64) >>> 0,
        (prototype(source).hash ^ -ENDBR64) >>> 0,
      ),
    ),
);

const words = fc.constantFrom(
  'auto',
  'off',
  'kcfi',
  'fineibt',
  'norand',
  'warn',
  'paranoid',
  'bhi',
  'debug',
  'x',
);

/** Boots with every kind of parameter. */
export const boots: fc.Arbitrary<Operation> = fc.record({
  op: fc.constant('boot' as const),
  cfi: fc.oneof(
    fc.constant(undefined),
    fc.constantFrom('fineibt', 'kcfi', 'fineibt,paranoid', 'fineibt,bhi', 'fineibt,paranoid,bhi'),
    fc.array(words, { minLength: 1, maxLength: 4 }).map((list) => list.join()),
  ),
  seed: seeds,
  wrong: fc.oneof(
    { weight: 7, arbitrary: fc.constant(undefined) },
    fc.constant('preamble' as const),
  ),
});

const callees: fc.Arbitrary<FunctionCallee> = fc.record({
  prototype: fc.constantFrom(...PROTOTYPES),
  addressTaken: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
});

const bodies: fc.Arbitrary<ProgramBody> = fc.oneof(
  fc.record({
    kind: fc.constant('constant' as const),
    value: fc.constantFrom(0, 1, 2, 0xffff_ffff),
  }),
  fc.record({ kind: fc.constant('argument' as const), index: fc.constantFrom(0, 1, 4) }),
  fc.constant({ kind: 'dereference' as const }),
);

/** Random bits: of the nearest distance, the farthest, and any. */
const random = fc.oneof(
  fc.constantFrom(undefined, undefined, 0, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);

const programs = fc.constantFrom('a', 'b', 'c', 'd');
const maps = fc.constantFrom('m', 'n');
const TCP = ['ssthresh', 'undo_cwnd', 'cong_avoid', 'cong_control', 'set_state', 'init'];
const DUMMY = ['test_1', 'test_2', 'test_sleepable'];
const OTHERS = ['get_info', 'name', 'owner', 'nothing'];

/** Programs of every kind and size. */
export const loads: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    op: fc.constant('load' as const),
    program: programs,
    kind: fc.constantFrom('main' as const, 'subprogram' as const),
    random,
    body: fc.oneof(
      fc.record({ kind: fc.constant('constant' as const), value: fc.constantFrom(0, 2) }),
      fc.record({ kind: fc.constant('moves' as const), count: fc.constantFrom(1, 2, 9, 900) }),
      fc.record({
        kind: fc.constantFrom('calls' as const, 'tailCall' as const),
        value: fc.constantFrom(0, 7),
      }),
    ),
  }),
  fc.record({
    op: fc.constant('load' as const),
    program: programs,
    kind: fc.constant('struct_ops' as const),
    struct: fc.constant('tcp_congestion_ops' as const),
    member: fc.constantFrom(...TCP, ...TCP, ...OTHERS),
    sleepable: fc.constantFrom(false, false, true),
    wrong: seldom(['struct'] as const),
    random,
    body: bodies,
  }),
  fc.record({
    op: fc.constant('load' as const),
    program: programs,
    kind: fc.constant('struct_ops' as const),
    struct: fc.constant('bpf_dummy_ops' as const),
    member: fc.constantFrom(...DUMMY),
    sleepable: flag,
    random,
    body: bodies,
  }),
);

const tailSets: fc.Arbitrary<Operation> = fc.record({
  op: fc.constant('tailSet' as const),
  program: programs,
  target: fc.oneof({ weight: 3, arbitrary: programs }, fc.constant(null)),
});

const values = fc.constantFrom(0n, 1n, 0x1_0000_0001n, (1n << 64n) - 1n);
/**
 * Where the first program's patch site lies behind the header of its pack: with a preamble and
 * ENDBR64, with ENDBR64, and without either.
 */
const PATCH_SITES = [0x1cn, 0x0cn, 0x08n].map((offset) => FIRST_PACK + offset);
const POKE_TARGETS = [
  ...[null, null, 0xffff_ffff_8100_0000n, 0xffff_ffff_8100_1000n, 0x1000n],
  ...PATCH_SITES,
];

const POINTER = 'int f(struct sock *a, int b)';

function member(
  source: string,
  stub: string | null = source,
  nullable: readonly number[] = [],
  known = true,
): RegisteredMember {
  const own = stub === null ? null : { prototype: stub, nullable, known };
  return { kind: 'function', prototype: source, stub: own };
}

/** Members that a module may register, by what they are. */
export const REGISTERED: Readonly<Record<string, RegisteredMember>> = {
  data: { kind: 'data' },
  'a module pointer': { kind: 'module', known: true },
  'a module pointer without its BTF': { kind: 'module', known: false },
  anonymous: { kind: 'anonymous' },
  'a bit-field': { kind: 'bit-field' },
  'a callback': member('int f(int)'),
  'a wide return': member('__int128 f(void)'),
  'a wide return without a stub': member('__int128 f(void)', null),
  'a struct returned': member('struct pair { long a, b; }; struct pair f(void);'),
  '24 bytes passed': member('struct three { long a, b, c; }; int f(struct three)'),
  '16 bytes passed': member('struct pair { long a, b; }; int f(struct pair a, struct pair *b)'),
  variadic: member('int f(int, ...)'),
  '13 parameters': member('int f(int, int, int, int, int, int, int, int, int, int, int, int, int)'),
  'a stub that nobody knows': member('int f(int)', 'int f(int)', [], false),
  'a stub of two': member('int f(int)', 'int f(int, int)'),
  'a nullable pointer': member(POINTER, POINTER, [0]),
  'a nullable int': member(POINTER, POINTER, [1]),
  'a nullable pointer to another struct': member(POINTER, 'int f(struct file *a, int b)', [0]),
};

const structRegistrations: fc.Arbitrary<Operation> = fc.record({
  op: fc.constant('registerStruct' as const),
  name: fc.constantFrom('my_ops', 'my_ops', 'x'.repeat(112), 'x'.repeat(113)),
  stubs: fc.constantFrom(true, true, false),
  btf: seldom(BTF_GAPS),
  members: fc.oneof(
    {
      weight: 9,
      arbitrary: fc.array(fc.constantFrom(...Object.values(REGISTERED)), { maxLength: 3 }),
    },
    fc.constant<readonly RegisteredMember[]>(
      new Array<RegisteredMember>(65).fill({ kind: 'data' }),
    ),
  ),
});

/** The memberships that make a complete algorithm out of loaded programs, or nearly. */
const memberships = fc.oneof(
  fc.constant({ ssthresh: 'a', undo_cwnd: 'b', cong_avoid: 'c' }),
  fc.constant({ ssthresh: 'a', undo_cwnd: 'b', cong_control: 'c' }),
  fc.dictionary(fc.constantFrom(...TCP), programs, { maxKeys: 4 }),
);

/** Every operation, without sight of a state. */
export const operations: fc.Arbitrary<Operation> = fc.oneof(
  boots,
  { weight: 4, arbitrary: loads },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('call' as const),
      site: fc.constantFrom(...PROTOTYPES),
      callee: callees,
      swapped: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, callees),
    }),
  },
  fc.record({
    op: fc.constantFrom('unload', 'image', 'text', 'dispatch', 'callback', 'tailCall', 'dispatch'),
    program: programs,
  }) as fc.Arbitrary<Operation>,
  fc.constant<Operation>({ op: 'destroy' }),
  fc.record({
    op: fc.constant('textPoke' as const),
    program: programs,
    kind: fc.constantFrom('call' as const, 'jmp' as const),
    from: fc.constantFrom(...POKE_TARGETS),
    to: fc.constantFrom(...POKE_TARGETS),
  }),
  fc.record({ op: fc.constant('allocation' as const), program: programs }),
  tailSets,
  fc.constant({ op: 'packs' as const }),
  fc.record({
    op: fc.constant('jitLimit' as const),
    bytes: fc.constantFrom(0n, 1n, 1n, 0x3f00_0000n, 0x3f00_0001n),
  }),
  structRegistrations,
  fc.record({
    op: fc.constant('mapCreate' as const),
    map: maps,
    struct: fc.constantFrom(
      ...(['tcp_congestion_ops', 'tcp_congestion_ops', 'bpf_dummy_ops'] as const),
    ),
    link: flag,
    wrong: seldom(CREATE_MISTAKES),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('mapUpdate' as const),
      map: maps,
      name: fc.constantFrom('cubic2', 'cubic2', 'other', 'reno', '', 'a b'),
      members: memberships,
      owner: fc.constantFrom(false, false, false, true),
      flags: fc.constantFrom(0, 0, 0, 1),
      key: fc.constantFrom(0, 0, 0, 1),
      wrong: seldom(UPDATE_MISTAKES),
      capable: seldom([false]),
    }),
  },
  fc.record({
    op: fc.constantFrom('mapDelete', 'mapLookup', 'linkCreate', 'linkClose'),
    map: maps,
  }) as fc.Arbitrary<Operation>,
  fc.record({
    op: fc.constant('trampoline' as const),
    map: maps,
    member: fc.constantFrom(...TCP, 'owner'),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('callMember' as const),
      map: maps,
      member: fc.constantFrom(...TCP, 'owner'),
      arguments: fc.array(values, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('testRun' as const),
      program: programs,
      capable: seldom([false]),
      arguments: fc.oneof(
        fc.tuple(fc.constantFrom(0n, 1n)),
        fc.tuple(fc.constantFrom(0n, 1n), values, values, values, values),
      ),
    }),
  },
);

/** A complete algorithm, registered and called: what random operations seldom find together. */
export const registration: fc.Arbitrary<readonly Operation[]> = fc
  .record({ link: flag, bodies: fc.tuple(bodies, bodies, bodies), control: flag, argument: values })
  .map(({ link, bodies: [x, y, z], control, argument }): readonly Operation[] => {
    const third = control ? 'cong_control' : 'cong_avoid';
    const members = { ssthresh: 'a', undo_cwnd: 'b', [third]: 'c' };
    const struct = 'tcp_congestion_ops';
    const load = (program: string, member: string, body: ProgramBody): Operation => ({
      op: 'load',
      ...{ program, kind: 'struct_ops', struct, member, body },
    });
    const args = [argument, 7n, 8n, 9n];
    return [
      ...[load('a', 'ssthresh', x), load('b', 'undo_cwnd', y), load('c', third, z)],
      { op: 'mapCreate', map: 'm', struct, link },
      { op: 'mapUpdate', map: 'm', name: 'cubic2', members, owner: false, flags: 0, key: 0 },
      { op: 'linkCreate', map: 'm' },
      ...['ssthresh', 'undo_cwnd', third].map((member): Operation => ({
        op: 'callMember',
        map: 'm',
        member,
        arguments: args,
      })),
    ];
  });

/** Programs that are loaded, called in every way there is, freed, and called again. */
export const programUse: fc.Arbitrary<readonly Operation[]> = fc
  .record({
    member: fc.constantFrom(...DUMMY),
    body: bodies,
    state: fc.constantFrom(0n, 1n),
    random,
  })
  .map(({ member, body, state, random: bits }): readonly Operation[] => [
    {
      ...{ op: 'load', program: 'a', kind: 'main', random: bits },
      body: { kind: 'constant', value: 2 },
    },
    { op: 'load', program: 'b', kind: 'subprogram', body: { kind: 'constant', value: 3 } },
    { op: 'load', program: 'c', kind: 'struct_ops', struct: 'bpf_dummy_ops', member, body },
    { op: 'dispatch', program: 'a' },
    { op: 'callback', program: 'b' },
    { op: 'tailCall', program: 'a' },
    {
      op: 'testRun',
      program: 'c',
      arguments: member === 'test_2' ? [state, 1n, 2n, 3n, 4n] : [state],
    },
    { op: 'unload', program: 'a' },
    { op: 'dispatch', program: 'a' },
    { op: 'tailCall', program: 'a' },
  ]);

/** A program whose entry is patched, to lead nowhere or in a circle, and then back. */
export const patchUse: fc.Arbitrary<readonly Operation[]> = fc
  .record({
    kind: fc.constantFrom('call' as const, 'jmp' as const, 'jmp' as const),
    to: fc.constantFrom(0xffff_ffff_8100_0000n, 0xffff_ffff_c200_0000n, ...PATCH_SITES),
    first: fc.constantFrom('a', 'c'),
  })
  .map(({ kind, to, first }): readonly Operation[] => {
    const loads: readonly Operation[] = [
      { op: 'load', program: 'a', kind: 'main', body: { kind: 'constant', value: 2 } },
      {
        ...{ op: 'load', program: 'c', kind: 'struct_ops', struct: 'bpf_dummy_ops' },
        member: 'test_1',
        body: { kind: 'constant', value: 3 },
      },
    ];
    const calls: readonly Operation[] = [
      { op: 'dispatch', program: 'a' },
      { op: 'tailCall', program: 'a' },
      { op: 'testRun', program: 'c', arguments: [1n] },
    ];
    const poke = (from: bigint | null, next: bigint | null): Operation => ({
      ...{ op: 'textPoke', program: first, kind, from, to: next },
    });
    const ordered = first === 'a' ? loads : loads.toReversed();
    return [...ordered, poke(null, to), ...calls, poke(to, null), ...calls];
  });

/** Programs that jump into each other, are run and let go. */
export const tailUse: fc.Arbitrary<readonly Operation[]> = fc
  .record({
    random,
    targets: fc.tuple(programs, programs),
    gone: programs,
    cleared: flag,
  })
  .map(({ random: bits, targets: [first, second], gone, cleared }): readonly Operation[] => {
    const load = (program: string, kind: 'tailCall' | 'calls', value: number): Operation => ({
      ...{ op: 'load', program, kind: 'main', random: bits, body: { kind, value } },
    });
    const runs = ['a', 'b'].map((program): Operation => ({ op: 'dispatch', program }));
    return [
      ...[load('a', 'tailCall', 1), load('b', 'tailCall', 2), load('c', 'calls', 3)],
      { op: 'tailSet', program: 'a', target: first },
      { op: 'tailSet', program: 'b', target: second },
      ...runs,
      { op: 'unload', program: gone },
      ...(cleared ? [{ op: 'tailSet', program: 'a', target: null } as const] : []),
      ...runs,
      { op: 'packs' },
    ];
  });

/** A kernel that boots and lives: a build, a boot, and what is done then. */
export interface Life {
  readonly setup: Setup;
  readonly operations: readonly Operation[];
}

export const lives: fc.Arbitrary<Life> = fc
  .record({
    setup: setups,
    boot: boots,
    prefix: fc.oneof(
      fc.constant<readonly Operation[]>([]),
      { weight: 2, arbitrary: registration },
      ...[programUse, patchUse, tailUse],
    ),
    rest: fc.array(operations, { minLength: 1, maxLength: 16, size: 'max' }),
  })
  .map(({ setup, boot, prefix, rest }) => ({ setup, operations: [boot, ...prefix, ...rest] }));
