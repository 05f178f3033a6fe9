// SPDX-License-Identifier: MIT
import { disassemble } from '@kernel-models/hw-model/instructions';
import { toHex } from './bytes.ts';

/** MOV RAX with four bytes and their sign: how a trampoline has the address of its function. */
const KERNEL_ADDRESS = '48c7c0';

/**
 * Bytes as hexadecimal digits, with question marks for what depends on where things lie: the
 * distances of calls and of jumps that leave the bytes, 64-bit constants, and the addresses of
 * functions.
 */
export function maskedHex(bytes: Uint8Array): string {
  return disassemble(bytes)
    .map(({ bytes: code, decoded, address }) => {
      const hex = toHex(code);
      if (decoded.kind !== 'instruction') return hex;
      const { mnemonic, operands, length } = decoded.instruction;
      const [first, second] = operands;
      const branch = first?.kind === 'immediate' && length >= 5;
      const jumpsOut =
        branch && mnemonic === 'jmp' && leaves(Number(address) + length + first.low, bytes);
      if (jumpsOut || (branch && mnemonic === 'call')) {
        return hex.slice(0, -8) + '?'.repeat(8);
      }
      const constant = mnemonic === 'mov' && second?.kind === 'immediate';
      if (constant && length === 10) return hex.slice(0, -16) + '?'.repeat(16);
      return constant && hex.startsWith(KERNEL_ADDRESS) ? hex.slice(0, -8) + '?'.repeat(8) : hex;
    })
    .join('');
}

function leaves(target: number, bytes: Uint8Array): boolean {
  return target < 0 || target >= bytes.length;
}
