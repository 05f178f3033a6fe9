// SPDX-License-Identifier: MIT
import { decode } from './decode.ts';
import {
  NO_REGISTER,
  RIP_BASE,
  type Decoded,
  type ImmediateOperand,
  type Instruction,
  type MemoryOperand,
  type Operand,
} from './instruction.ts';
import { REGISTER_NAMES } from './machine-state.ts';

/** A line of a listing. */
export interface Listing {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Intel syntax; `(bad)` where the bytes are none, which takes one byte. */
  readonly text: string;
  readonly decoded: Decoded;
}

/** Lists code from its first byte to its last. */
export function disassemble(bytes: Uint8Array, address = 0n): readonly Listing[] {
  const lines: Listing[] = [];
  for (let at = 0; at < bytes.length;) {
    const decoded = decode(bytes, at);
    const length = decoded.kind === 'instruction' ? decoded.instruction.length : 1;
    const here = address + BigInt(at);
    lines.push({
      address: here,
      bytes: bytes.subarray(at, at + length),
      text: decodedText(decoded, here),
      decoded,
    });
    at += length;
  }
  return lines;
}

/** What was decoded at an address, in Intel syntax. */
export function decodedText(decoded: Decoded, address: bigint): string {
  if (decoded.kind !== 'instruction') {
    return decoded.kind === 'unsupported' ? '(outside the decoder)' : `(bad: ${decoded.kind})`;
  }
  return instructionText(decoded.instruction, address);
}

const SIZES: Readonly<Record<number, string>> = { 1: 'byte', 2: 'word', 4: 'dword', 8: 'qword' };

/** An instruction at an address, in Intel syntax; branches show where they lead. */
export function instructionText(instruction: Instruction, address: bigint): string {
  const { mnemonic, operands, lock, noTrack } = instruction;
  const end = address + BigInt(instruction.length);
  const isBranch = /^(j|call$|loop)/.test(mnemonic);
  const shown = operands.map((operand) =>
    isBranch && operand.kind === 'immediate'
      ? hex(BigInt.asUintN(64, end + immediateValue(operand)))
      : operandText(operand, end, mnemonic === 'lea' || mnemonic === 'nop'),
  );
  const prefix = `${lock ? 'lock ' : ''}${noTrack ? 'notrack ' : ''}`;
  return `${prefix}${mnemonic}${shown.length > 0 ? ` ${shown.join(', ')}` : ''}`;
}

function operandText(operand: Operand, end: bigint, sizeless: boolean): string {
  switch (operand.kind) {
    case 'register':
      return registerText(operand.index, operand.size, operand.high);
    case 'immediate': {
      const value = immediateValue(operand);
      return value < 0n ? `-${hex(-value)}` : hex(value);
    }
    case 'special':
      return operand.name;
    case 'memory':
      return sizeless
        ? memoryText(operand, end)
        : `${SIZES[operand.size] ?? ''} ${memoryText(operand, end)}`;
  }
}

function memoryText(operand: MemoryOperand, end: bigint): string {
  const { base, index, scale, displacement, segment, address32 } = operand;
  const prefix = segment === undefined ? '' : `${segment}:`;
  if (base === RIP_BASE) return `${prefix}[${hex(BigInt.asUintN(64, end + BigInt(displacement)))}]`;
  const size = address32 ? 4 : 8;
  const parts: string[] = [];
  if (base !== NO_REGISTER) parts.push(registerText(base, size, false));
  if (index !== NO_REGISTER) parts.push(`${registerText(index, size, false)}*${scale}`);
  const sum = parts.join('+');
  if (sum === '') return `${prefix}[${hex(BigInt.asUintN(64, BigInt(displacement)))}]`;
  if (displacement === 0) return `${prefix}[${sum}]`;
  const sign = displacement < 0 ? '-' : '+';
  return `${prefix}[${sum}${sign}${hex(BigInt(Math.abs(displacement)))}]`;
}

const LOW_BYTES: readonly string[] = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const HIGH_BYTES: readonly string[] = ['ah', 'ch', 'dh', 'bh'];

function registerText(index: number, size: number, high: boolean): string {
  const name = REGISTER_NAMES[index] ?? '';
  if (high) return HIGH_BYTES[index] ?? name;
  if (index >= 8) return `${name}${{ 1: 'b', 2: 'w', 4: 'd' }[size] ?? ''}`;
  if (size === 1) return LOW_BYTES[index] ?? name;
  return size === 8 ? name : size === 4 ? name.replace('r', 'e') : name.slice(1);
}

function immediateValue({ low, high }: ImmediateOperand): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
