// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, deepEqual, formatHex, stateDiff } from '@kernel-models/model-core';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.integer(),
    fc.string(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1, maxLength: 2 }), tie('value'), { maxKeys: 3 }),
  ),
})).value;

describe('stateDiff', () => {
  test('names the places that changed and nothing else', () => {
    const before = { tasks: { t1: { uid: 7, fds: [1, 2] } }, log: ['a'] };
    const after = { tasks: { t1: { uid: 8, fds: [1, 2] } }, log: ['a', 'b'] };
    expect(stateDiff(before, after)).toEqual([
      { path: 'tasks.t1.uid', before: 7, after: 8 },
      { path: 'log[1]', before: undefined, after: 'b' },
    ]);
  });

  test('is empty exactly for equal values', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        expect(stateDiff(a, b).length === 0).toBe(deepEqual(a, b));
        expect(stateDiff(a, structuredClone(a))).toEqual([]);
      }),
    );
  });

  test('takes a plain form of class instances', () => {
    class Tree {
      readonly #root: number;
      constructor(root: number) {
        this.#root = root;
      }
      dump(): unknown {
        return { root: this.#root };
      }
    }
    const describeTree = (value: object) => (value instanceof Tree ? value.dump() : value);
    expect(stateDiff({ tree: new Tree(1) }, { tree: new Tree(2) }, describeTree)).toEqual([
      { path: 'tree.root', before: 1, after: 2 },
    ]);
  });
});

describe('deepEqual and canonicalJson', () => {
  test('agree with each other', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        // Text and a bigint's 0x form are the one pair that canonical JSON does not tell apart.
        if (deepEqual(a, b)) expect(canonicalJson(a)).toBe(canonicalJson(b));
      }),
    );
  });

  test('do not care for the order of fields, nor for absent ones', () => {
    expect(deepEqual({ a: 1, b: 2 }, { b: 2, a: 1, c: undefined })).toBe(true);
    expect(canonicalJson({ a: 1, b: 2 })).toBe(canonicalJson({ b: 2, a: 1, c: undefined }));
  });

  test('keep 64 bits and tell types apart', () => {
    expect(deepEqual(1n, 1)).toBe(false);
    expect(deepEqual([1], { 0: 1 })).toBe(false);
    expect(deepEqual(2n ** 64n - 1n, 2n ** 64n - 2n)).toBe(false);
    expect(canonicalJson(2n ** 64n - 1n)).toBe('"0xffffffffffffffff"');
    expect(formatHex(-5n)).toBe('-0x5');
  });

  test('compare typed arrays by type and bytes', () => {
    expect(deepEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(deepEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(deepEqual(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
    expect(deepEqual(Uint8Array.of(1), Int8Array.of(1))).toBe(false);
    expect(deepEqual(Uint8Array.of(1), [1])).toBe(false);
  });
});
