// SPDX-License-Identifier: MIT

/** The status flags of RFLAGS as bits of a number. Intel SDM volume 1, 3.4.3. */
export const CF = 0x1;
export const PF = 0x4;
export const AF = 0x10;
export const ZF = 0x40;
export const SF = 0x80;
export const OF = 0x800;

/** The flags that arithmetic sets. */
export const STATUS: number = CF | PF | AF | ZF | SF | OF;

/** The flags that far transfers and handlers change. Intel SDM volume 1, 3.4.3.3. */
export const RFLAGS_TF = 0x100n;
export const RFLAGS_IF = 0x200n;
export const RFLAGS_IOPL = 0x3000n;
export const RFLAGS_NT = 0x4000n;
export const RFLAGS_RF = 0x1_0000n;
export const RFLAGS_VM = 0x2_0000n;
export const RFLAGS_VIF = 0x8_0000n;
export const RFLAGS_VIP = 0x10_0000n;
/** Every flag that there is, but for VM and the one that always reads 1. */
export const RFLAGS_DEFINED = 0x3d_7fd5n;

/**
 * Whether a condition holds: the low four bits of the opcode of Jcc. Intel SDM volume 1, appendix
 * B.
 */
export function holds(condition: number, flags: number): boolean {
  let result: boolean;
  switch (condition >> 1) {
    case 0:
      result = (flags & OF) !== 0;
      break;
    case 1:
      result = (flags & CF) !== 0;
      break;
    case 2:
      result = (flags & ZF) !== 0;
      break;
    case 3:
      result = (flags & (CF | ZF)) !== 0;
      break;
    case 4:
      result = (flags & SF) !== 0;
      break;
    case 5:
      result = (flags & PF) !== 0;
      break;
    case 6:
      result = isLess(flags);
      break;
    default:
      result = (flags & ZF) !== 0 || isLess(flags);
  }
  return (condition & 1) === 0 ? result : !result;
}

function isLess(flags: number): boolean {
  return ((flags & SF) !== 0) !== ((flags & OF) !== 0);
}

/** PF for each low byte: set where the number of ones is even. */
export const PARITY: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest !== 0; rest >>= 1) ones += rest & 1;
  return (ones & 1) === 0 ? PF : 0;
});
