// SPDX-License-Identifier: MIT

/*
 * The multi-byte NOPs of Linux for 64-bit CPUs. x86_nops, arch/x86/include/asm/nops.h; lengths 9 to
 * 11 exist since Linux 6.3.
 */

const EIGHT = [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0] as const;

/** By length: entry 0 is empty. */
export const NOPS: readonly (readonly number[])[] = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0, 0, 0, 0],
  [...EIGHT],
  [0x2e, ...EIGHT],
  [0x66, 0x2e, ...EIGHT],
  [0x66, 0x66, 0x2e, ...EIGHT],
];

/** ASM_NOP_MAX: the longest. */
export const NOP_MAX = 11;

/** NOPs that fill `length` bytes, the longest first. */
export function nops(length: number, longest: number = NOP_MAX): readonly number[] {
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest -= Math.min(rest, longest)) {
    bytes.push(...(NOPS[Math.min(rest, longest)] ?? []));
  }
  return bytes;
}
