// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { test } from 'vitest';
import {
  machineState,
  mapBytes,
  READ_EXECUTE,
  register,
  run,
} from '@kernel-models/hw-model/instructions';
import { checkProperty } from '../../support/check-property.ts';

/*
 * Results and flags of arithmetic, against BigInt and the definitions of Intel SDM volume 1, 3.4.3.1.
 */

const CODE = 0x40_0000n;

type Operator = 'add' | 'sub' | 'cmp' | 'xor' | 'and' | 'or' | 'test';
const OPCODES: Readonly<Record<Operator, number>> = {
  ...{ add: 0x01, sub: 0x29, cmp: 0x39, xor: 0x31, and: 0x21, or: 0x09, test: 0x85 },
};

interface Expected {
  readonly value: bigint;
  readonly flags: bigint;
}

function reference(operator: Operator, size: bigint, a: bigint, b: bigint): Expected {
  const bits = 8n * size;
  const cut = (value: bigint): bigint => BigInt.asUintN(Number(bits), value);
  const signed = (value: bigint): bigint => BigInt.asIntN(Number(bits), value);
  const [x, y] = [cut(a), cut(b)];
  const subtracts = operator === 'sub' || operator === 'cmp';
  const logic = { xor: x ^ y, and: x & y, test: x & y, or: x | y } as Record<string, bigint>;
  const exact = operator === 'add' ? x + y : subtracts ? x - y : (logic[operator] ?? 0n);
  const value = cut(exact);
  const arithmetic = operator === 'add' || subtracts;
  const exactSigned = operator === 'add' ? signed(x) + signed(y) : signed(x) - signed(y);
  const low = operator === 'add' ? (x & 15n) + (y & 15n) : (x & 15n) - (y & 15n);
  const flag = (holds: boolean, bit: bigint): bigint => (holds ? 1n << bit : 0n);
  const ones = [...(value & 0xffn).toString(2)].filter((digit) => digit === '1').length;
  return {
    value,
    flags:
      flag(arithmetic && exact !== value, 0n) |
      flag(ones % 2 === 0, 2n) |
      flag(arithmetic && (low > 15n || low < 0n), 4n) |
      flag(value === 0n, 6n) |
      flag(signed(value) < 0n, 7n) |
      flag(arithmetic && exactSigned !== signed(value), 11n),
  };
}

const edges = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(
    0n,
    1n,
    0x7fn,
    0x80n,
    0xffn,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    1n << 63n,
    (1n << 64n) - 1n,
  ),
);

test('results and flags are those of BigInt', async () => {
  await checkProperty(
    'instructions: arithmetic',
    fc.property(
      fc.constantFrom<Operator>('add', 'sub', 'cmp', 'xor', 'and', 'or', 'test'),
      fc.constantFrom(2n, 4n, 8n),
      edges,
      edges,
      (operator, size, a, b) => {
        // MOVs go before, in registers: RAX op RCX.
        const prefix = size === 8n ? [0x48] : size === 2n ? [0x66] : [];
        const code = Uint8Array.from([...prefix, OPCODES[operator], 0xc8]);
        const pages = mapBytes([], CODE, code, READ_EXECUTE);
        const state = machineState({ ibt: false, rip: CODE, registers: { rax: a, rcx: b }, pages });
        const after = run(state, 1).state;
        const { value, flags } = reference(operator, size, a, b);
        const keeps = operator === 'cmp' || operator === 'test';
        const upper = size === 2n ? a & ~0xffffn : 0n;
        const expected = keeps ? a : upper | value;
        const [found, status] = [register(after, 'rax'), after.control.rflags & 0x8d5n];
        if (found !== expected || status !== flags) {
          throw new Error(
            `rax ${found.toString(16)}, expected ${expected.toString(16)}; flags ${status.toString(16)}, expected ${flags.toString(16)}`,
          );
        }
      },
    ),
    { runs: 5_000 },
  );
});
