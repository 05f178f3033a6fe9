// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import xxhash from 'xxhash-wasm';
import {
  declarationOf,
  demangle,
  kcfiTypeId,
  kcfiTypeIds,
  preludeOf,
  typeIdModel,
  xxHash64,
  xxHash64Low,
  type TypeSpec,
} from '@kernel-models/bpf-cfi';
import { functionTypes as functions } from '@kernel-models/oracle';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { referenceMangle, referenceTree } from './reference-mangle.ts';

/** The mangled type of what a specification declares. */
function mangled(spec: TypeSpec, prelude = '', declaration = declarationOf(spec, 'f')): string {
  const source = `${preludeOf([spec])}\n${prelude}\n${declaration};`;
  return kcfiTypeIds(source).find(({ name }) => name === 'f')?.mangled ?? 'none';
}

test('mangled types are those of a naive reference', async () => {
  await checkProperty(
    'type-id.reference',
    fc.property(functions(3), (spec) => {
      const [found, expected] = [mangled(spec), referenceMangle(referenceTree(spec))];
      if (found !== expected)
        throw new Error(`${declarationOf(spec, 'f')}: ${found}, expected ${expected}`);
    }),
    { runs: 700 },
  );
});

test('taking a mangled type apart gives back the tree that it was made of', async () => {
  await checkProperty(
    'type-id.demangle',
    fc.property(functions(3), (spec) => {
      expect(demangle(mangled(spec))).toEqual(referenceTree(spec));
    }),
    { runs: 400 },
  );
});

test('a type has one id in every spelling of it', async () => {
  await checkProperty(
    'type-id.spelling',
    fc.property(functions(2), (spec) => {
      if (spec.kind !== 'function') return;
      const { parameters, returns, variadic } = spec;
      // A typedef for each parameter and for the result, names for parameters, and const where it is dropped.
      const lines = (parameters ?? []).map(
        (one, index) => `typedef ${declarationOf(one, `t${index}`)};`,
      );
      const list = (parameters ?? []).map(
        (one, index) =>
          `${one.kind === 'function' || one.kind === 'array' ? '' : 'const '}t${index} name${index}`,
      );
      const all = [...list, ...(variadic ? ['...'] : [])].join(', ');
      const prelude = `${lines.join('\n')}\ntypedef ${declarationOf(returns, 'result')};`;
      const shown = parameters === null ? '' : all === '' ? 'void' : all;
      expect(mangled(spec, prelude, `result (f)(${shown})`)).toBe(mangled(spec));
    }),
    { runs: 500 },
  );
});

test('types that differ have names that differ', async () => {
  await checkProperty(
    'type-id.injective',
    fc.property(functions(2), functions(2), (a, b) => {
      const same = JSON.stringify(referenceTree(a)) === JSON.stringify(referenceTree(b));
      return same === (mangled(a) === mangled(b));
    }),
    { runs: 500 },
  );
});

test('xxHash64 is that of a kept library', async () => {
  const { h64Raw } = await xxhash();
  await checkProperty(
    'type-id.xxhash64',
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => xxHash64(bytes) === h64Raw(bytes)),
    { runs: 3_000 },
  );
  expect(xxHash64(new Uint8Array())).toBe(0xef46db3751d8e999n);
  expect(xxHash64Low('_ZTSFvvE')).toBe(0xa540670c);
});

test('what is unstable by nature says so', () => {
  expect(kcfiTypeId('void f(struct { int a; } *p)').unstable).toContain('numbered');
  expect(kcfiTypeId('void f(struct local *p)').unstable).toContain('local to f()');
  expect(kcfiTypeId('struct s; void f(struct s *p)').unstable).toBeUndefined();
});

test.each([
  ['int f(foo_t x)', 'line 1, column 7: parameter: expected a declared type'],
  ['int f(', 'expected'],
  ['int f(int) __attribute__((what))', 'attribute: expected one that is known, got "what"'],
  ['struct s; int f(char (*p)[sizeof(struct s)])', 'sizeof: expected a complete type'],
  ['int\nf(int, void)', 'line 2'],
  ['int f(int) int g(int)', 'expected'],
  ['#include <x.h>\nint f(void)', 'directive: expected preprocessed C'],
  [`int ${'('.repeat(5000)}f`, 'nesting'],
  ['int f(char c) { "', 'literal'],
])('%s is refused with its place', (source, message) => {
  expect(() => kcfiTypeId(source)).toThrow(message);
});

test('the compiler’s model answers every kind of question', () => {
  const model = covered(typeIdModel);
  const setup = {
    compiler: 'clang-19',
    normalizeIntegers: false,
    unsignedChar: false,
    branchProtection: true,
    prefixNops: 11,
  } as const;
  const plain: TypeSpec = {
    kind: 'function',
    returns: { kind: 'builtin', name: 'int' },
    parameters: [],
    variadic: false,
  };
  const bare: TypeSpec = { ...plain, parameters: null };
  const ask = (op: 'hash' | 'preamble' | 'callSite', type: TypeSpec): unknown =>
    model.apply(setup, { op, type }, 'linux-6.12').outcome;
  expect(ask('preamble', plain)).toMatchObject({
    bytes: expect.stringMatching(/^b8.{8}(90){11}f30f1efa$/) as string,
  });
  expect(ask('callSite', plain)).toMatchObject({
    bytes: expect.stringMatching(/^41ba.{8}450353f174020f0b$/) as string,
  });
  expect(ask('callSite', bare)).toEqual({ kind: 'bytes', bytes: '' });
  expect(ask('hash', { kind: 'builtin', name: 'int' })).toEqual({ kind: 'rejected' });
  expect(
    model.apply(setup, { op: 'source', source: 'void f(void *);' }, 'linux-6.12').outcome,
  ).toEqual({ kind: 'type-ids', ids: { f: 0xa488ebfc } });
});
