// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { decode, disassemble } from '../../src/instructions/index.ts';

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

test.each([
  ['f30f1efa', 'endbr64'],
  ['48f30f1efa', 'endbr64'],
  ['66f30f1efa', 'endbr64'],
  ['660f1f00', 'nop [rax]'],
  ['0f1f40d6', 'nop [rax-0x2a]'],
  ['4181ea78563412', 'sub r10d, 0x12345678'],
  ['450353f1', 'add r10d, dword [r11-0xf]'],
  ['45035424fc', 'add r10d, dword [r12-0x4]'],
  ['450355fc', 'add r10d, dword [r13-0x4]'],
  ['440350fc', 'add r10d, dword [rax-0x4]'],
  ['4d8d5bf0', 'lea r11, [r11-0x10]'],
  ['2e0f8503000000', 'jne 0xa'],
  ['490f45fa', 'cmovne rdi, r10'],
  ['f5', 'cmc'],
  ['eb0c', 'jmp 0xe'],
  ['2ee800000000', 'call 0x6'],
  ['41ffd3', 'call r11'],
  ['3effe0', 'notrack jmp rax'],
  ['413effe0', 'notrack jmp rax'],
  ['3e2effe0', 'jmp rax'],
  ['48bf0807060504030201', 'mov rdi, 0x102030405060708'],
])('%s is %s', (hex, text) => {
  expect(disassemble(bytes(hex)).map((line) => line.text)).toEqual([text]);
});

test.each([
  ['ea', 'invalid'],
  ['d6', 'invalid'],
  ['f075fd', 'invalid'],
  ['f075', 'truncated'],
  ['f00f1f00', 'invalid'],
  ['f30f38f6c0', 'unsupported'],
  ['c5f877', 'unsupported'],
  ['66'.repeat(15), 'too-long'],
  ['66'.repeat(14), 'truncated'],
])('%s is %s', (hex, kind) => {
  expect(decode(bytes(hex)).kind).toBe(kind);
});
