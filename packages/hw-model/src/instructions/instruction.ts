// SPDX-License-Identifier: MIT

/** Bytes of an operand. */
export type OperandSize = 1 | 2 | 4 | 8;

export interface RegisterOperand {
  readonly kind: 'register';
  readonly size: OperandSize;
  /** 0 rax .. 7 rdi, 8 r8 .. 15 r15. */
  readonly index: number;
  /** Bits 15:8 of the register: ah, ch, dh, bh. */
  readonly high: boolean;
}

/** No base or no index register. */
export const NO_REGISTER: number = -1;
/** The base is the address of the next instruction. */
export const RIP_BASE = 16;

export interface MemoryOperand {
  readonly kind: 'memory';
  readonly size: OperandSize;
  /** 0 to 15, {@link NO_REGISTER}, or {@link RIP_BASE}. */
  readonly base: number;
  /** 0 to 15, or {@link NO_REGISTER}. */
  readonly index: number;
  readonly scale: 1 | 2 | 4 | 8;
  /** Signed, 32 bits. */
  readonly displacement: number;
  /** The address is computed modulo 2^32: prefix 67. */
  readonly address32: boolean;
  readonly segment: 'fs' | 'gs' | undefined;
}

/** A constant; also the distance of a branch, from the next instruction. */
export interface ImmediateOperand {
  readonly kind: 'immediate';
  /** The two halves of the value, sign-extended to 64 bits; each signed, 32 bits. */
  readonly low: number;
  readonly high: number;
}

/** A register that is not general: cs, cr4, dr7. */
export interface SpecialOperand {
  readonly kind: 'special';
  readonly name: string;
}

export type Operand = RegisterOperand | MemoryOperand | ImmediateOperand | SpecialOperand;

/** A decoded instruction. */
export interface Instruction {
  /** Lower case, as Intel's manual names it; conditions by their usual name: `je`, `cmovne`. */
  readonly mnemonic: string;
  /** 1 to 15 bytes. */
  readonly length: number;
  readonly operands: readonly Operand[];
  readonly size: OperandSize;
  /** The low four bits of the opcode of Jcc, CMOVcc and SETcc; 0 elsewhere. */
  readonly condition: number;
  /** Prefix 3E as the no-track prefix of an indirect branch. */
  readonly noTrack: boolean;
  /** The same, but another segment prefix stands behind it, or FS or GS beside it. */
  readonly overriddenNoTrack: boolean;
  readonly lock: boolean;
  /** A prefix 66 on a near branch, which Intel CPUs ignore and AMD CPUs do not. */
  readonly vendorDependent: boolean;
}

/** What a byte string is. Exactly one of the five for each. */
export type Decoded =
  | { readonly kind: 'instruction'; readonly instruction: Instruction }
  /** #UD. There is no length. */
  | { readonly kind: 'invalid' }
  /** A sixteenth byte would be needed: #GP(0). */
  | { readonly kind: 'too-long' }
  /** The bytes end before the instruction does. */
  | { readonly kind: 'truncated' }
  /** A real instruction that this decoder does not know. */
  | { readonly kind: 'unsupported' };

export const INVALID: Decoded = Object.freeze({ kind: 'invalid' });
export const TOO_LONG: Decoded = Object.freeze({ kind: 'too-long' });
export const TRUNCATED: Decoded = Object.freeze({ kind: 'truncated' });
export const UNSUPPORTED: Decoded = Object.freeze({ kind: 'unsupported' });

/** The longest instruction. Intel SDM volume 2, 2.3.11. */
export const MAX_INSTRUCTION_LENGTH = 15;

/**
 * The names of the conditions, by the low four bits of an opcode. Intel SDM volume 1, appendix B.
 */
export const CONDITIONS: readonly string[] = 'o no b ae e ne be a s ns p np l ge le g'.split(' ');
