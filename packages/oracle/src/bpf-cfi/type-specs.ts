// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import type { CompilerOperation, CompilerSetup, Qualifier, TypeSpec } from '@kernel-models/bpf-cfi';
import type { Case } from '../target.ts';

/* Function types that clang accepts, and what to ask of them. */

const BUILTINS: readonly string[] = [
  ...['int', 'unsigned int', 'char', 'signed char', 'unsigned char', 'short', 'unsigned short'],
  ...['long', 'unsigned long', 'long long', 'unsigned long long', '_Bool', 'float', 'double'],
  ...['long double', '__int128', 'unsigned __int128', '_Float16', '__bf16', '__float128'],
  ...['float _Complex', 'double _Complex', '_BitInt(7)', 'unsigned _BitInt(33)'],
];

/** No _Complex of them, no pass by value of some: only what may stand anywhere. */
const TAGS = [
  ...(['sock', 'file', 'std', 's'] as const).map((name) => ({ tag: 'struct' as const, name })),
  ...(['nf_inet_addr', 'u'] as const).map((name) => ({ tag: 'union' as const, name })),
  ...(['tcp_ca_event', 'e'] as const).map((name) => ({ tag: 'enum' as const, name })),
];
const TYPEDEFS = [
  { tag: 'struct' as const, name: 'kuid_t' },
  { tag: 'union' as const, name: 'sigval_t' },
];

const VOID: TypeSpec = { kind: 'builtin', name: 'void' };

const scalars: Arbitrary<TypeSpec> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(...BUILTINS).map((name): TypeSpec => ({ kind: 'builtin', name })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...TAGS).map((tag): TypeSpec => ({ kind: 'tag', ...tag })),
  },
  fc.constantFrom(...TYPEDEFS).map((tag): TypeSpec => ({ kind: 'typedef', ...tag })),
  fc
    .constantFrom('int', 'unsigned char', 'float', 'double')
    .map((name): TypeSpec => ({ kind: 'vector', bytes: 16, element: { kind: 'builtin', name } })),
  fc
    .constantFrom('int', 'long', '_Bool')
    .map((name): TypeSpec => ({ kind: 'atomic', type: { kind: 'builtin', name } })),
);

const plainQualifiers: Arbitrary<readonly Qualifier[]> = fc.constantFrom<readonly Qualifier[]>(
  ['const'],
  ['volatile'],
  ['const', 'volatile'],
);
const pointerQualifiers: Arbitrary<readonly Qualifier[]> = fc.constantFrom<readonly Qualifier[]>(
  ['const'],
  ['restrict'],
  ['volatile', 'restrict'],
  ['const', 'volatile', 'restrict'],
);

function qualified(type: TypeSpec, qualifiers: readonly Qualifier[]): TypeSpec {
  return { kind: 'qualified', qualifiers, type };
}

/** Types of objects, to a depth. */
function objects(depth: number): Arbitrary<TypeSpec> {
  if (depth === 0) return scalars;
  return fc.oneof(
    { weight: 3, arbitrary: scalars },
    { weight: 5, arbitrary: pointers(depth) },
    fc.tuple(scalars, plainQualifiers).map(([type, list]) => qualified(type, list)),
    fc
      .tuple(pointers(depth), pointerQualifiers)
      .map(([type, list]) => qualifiedPointer(type, list)),
  );
}

/** restrict is for pointers to objects. */
function qualifiedPointer(type: TypeSpec, list: readonly Qualifier[]): TypeSpec {
  const toFunction = type.kind === 'pointer' && type.to.kind === 'function';
  const allowed = toFunction ? list.filter((one) => one !== 'restrict') : list;
  return allowed.length === 0 ? type : qualified(type, allowed);
}

function pointers(depth: number): Arbitrary<TypeSpec> {
  const pointees: Arbitrary<TypeSpec> = fc.oneof(
    { weight: 4, arbitrary: objects(depth - 1) },
    fc.constantFrom(VOID, qualified(VOID, ['const'])),
    { weight: 2, arbitrary: functions(depth - 1) },
    arrays(depth - 1),
  );
  return pointees.map((to): TypeSpec => ({ kind: 'pointer', to }));
}

function arrays(depth: number): Arbitrary<TypeSpec> {
  const bounds = fc.constantFrom(null, 1, 3, 10);
  return fc
    .tuple(objects(depth), bounds)
    .map(([element, bound]): TypeSpec => ({ kind: 'array', bound, element }));
}

/** Function types, to a depth. */
export function functions(depth: number): Arbitrary<TypeSpec> {
  const parameters = fc.array(
    fc.oneof({ weight: 8, arbitrary: objects(depth) }, arrays(Math.max(0, depth - 1))),
    {
      maxLength: 6,
    },
  );
  return fc
    .record({
      returns: fc.oneof(fc.constant(VOID), objects(depth)),
      parameters: fc.oneof({ weight: 12, arbitrary: parameters }, fc.constant(null)),
      variadic: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true)),
    })
    .map(({ returns, parameters: list, variadic }): TypeSpec => ({
      kind: 'function',
      returns,
      parameters: list,
      variadic: variadic && list !== null && list.length > 0,
    }));
}

const SETUPS: readonly CompilerSetup[] = (['clang-16', 'clang-19'] as const).flatMap((compiler) => {
  const plain: CompilerSetup = {
    compiler,
    normalizeIntegers: false,
    unsignedChar: false,
    branchProtection: false,
    prefixNops: 0,
  };
  return [
    plain,
    { ...plain, unsignedChar: true, branchProtection: true, prefixNops: 11 },
    { ...plain, unsignedChar: true, prefixNops: 59 },
    ...(compiler === 'clang-19'
      ? [{ ...plain, normalizeIntegers: true, unsignedChar: true, prefixNops: 16 }]
      : []),
  ];
});

/** Simple types only: what is passed in registers, and a body can be compiled for. */
const SIMPLE: readonly TypeSpec[] = [
  ...['int', 'unsigned long', 'char', '_Bool', 'unsigned short'].map((name): TypeSpec => ({
    kind: 'builtin',
    name,
  })),
  { kind: 'pointer', to: { kind: 'tag', tag: 'struct', name: 'sock' } },
  { kind: 'pointer', to: qualified(VOID, ['const']) },
];
const simpleFunctions: Arbitrary<TypeSpec> = fc
  .record({
    returns: fc.constantFrom(VOID, ...SIMPLE),
    parameters: fc.oneof(
      { weight: 8, arbitrary: fc.array(fc.constantFrom(...SIMPLE), { maxLength: 6 }) },
      fc.constant(null),
    ),
  })
  .map((type): TypeSpec => ({ kind: 'function', variadic: false, ...type }));

const operations: Arbitrary<CompilerOperation> = fc.oneof(
  { weight: 8, arbitrary: functions(3).map((type): CompilerOperation => ({ op: 'hash', type })) },
  simpleFunctions.map((type): CompilerOperation => ({ op: 'preamble', type })),
  simpleFunctions.map((type): CompilerOperation => ({ op: 'callSite', type })),
);

/** Cases for clang: a command line and some types. */
export const compilerCases: Arbitrary<Case<CompilerSetup, CompilerOperation>> = fc.record({
  setup: fc.constantFrom(...SETUPS),
  operations: fc.array(operations, { minLength: 1, maxLength: 12 }),
});
