// SPDX-License-Identifier: MIT
import type { CpuFeatures } from '@kernel-models/hw-model/cpu';

/*
 * A naive reference of the control registers, written from the manuals' lists of exceptions and
 * from nothing else: registers are sets of bit numbers, every rule is one sentence about such sets.
 * It knows MOV to CR0 and CR4, WRMSR EFER, LMSW and CLTS at privilege level 0, without memory and
 * guests.
 */

/** A register as the numbers of the bits that are 1. */
export type Bits = ReadonlySet<number>;

/** The state that the rules speak of. */
export interface Registers {
  readonly cr0: Bits;
  readonly cr4: Bits;
  readonly efer: Bits;
  readonly cr3Low: number;
  /** CS.L. */
  readonly l: boolean;
}

/** What an instruction came to. */
export type Prediction = { readonly faults: true } | { readonly registers: Registers };

/** The digits of a number in base 2, read from the right. */
export const bitsOf = (value: bigint): Bits => {
  const digits = value.toString(2);
  const bits = new Set<number>();
  for (let bit = 0; bit < digits.length; bit += 1) {
    if (digits[digits.length - 1 - bit] === '1') bits.add(bit);
  }
  return bits;
};

export const valueOf = (bits: Bits): bigint =>
  [...bits].reduce((value, bit) => value + 2n ** BigInt(bit), 0n);

const PE = 0;
const ET = 4;
const WP = 16;
const NW = 29;
const CD = 30;
const PG = 31;
const CR0_BITS = [0, 1, 2, 3, 4, 5, 16, 18, 29, 30, 31];
const PAE = 5;
const LA57 = 12;
const PCIDE = 17;
const CET = 23;
const LME = 8;
const LMA = 10;

const FAULT: Prediction = { faults: true };

/** Whether LMA is set: the CPU is in long mode, 64-bit or compatibility. */
const isLong = ({ efer }: Registers): boolean => efer.has(LMA);
const is64Bit = (registers: Registers): boolean => isLong(registers) && registers.l;

/** What a MOV has of its source: 64 bits in 64-bit mode, else 32. */
function operand(registers: Registers, source: bigint): Bits {
  return bitsOf(is64Bit(registers) ? source : source % 2n ** 32n);
}

export function predictCr0(registers: Registers, source: bigint): Prediction {
  const { cr0, cr4, efer, l } = registers;
  const value = operand(registers, source);
  const turnsOn = value.has(PG) && !cr0.has(PG);
  const turnsOff = !value.has(PG) && cr0.has(PG);
  if ([...value].some((bit) => bit >= 32)) return FAULT;
  if (value.has(PG) && !value.has(PE)) return FAULT;
  if (value.has(NW) && !value.has(CD)) return FAULT;
  if (cr4.has(CET) && !value.has(WP)) return FAULT;
  if (turnsOn && efer.has(LME) && !cr4.has(PAE)) return FAULT;
  if (turnsOn && efer.has(LME) && l) return FAULT;
  if (turnsOff && is64Bit(registers)) return FAULT;
  if (turnsOff && cr4.has(PCIDE)) return FAULT;
  return { registers: withCr0(registers, value) };
}

function withCr0(registers: Registers, value: Bits): Registers {
  const cr0 = new Set([...value].filter((bit) => CR0_BITS.includes(bit)).concat(ET));
  const efer = new Set(registers.efer);
  if (efer.has(LME) && cr0.has(PG)) efer.add(LMA);
  else efer.delete(LMA);
  return { ...registers, cr0, efer };
}

export function predictCr4(
  registers: Registers,
  source: bigint,
  { cr4Valid }: CpuFeatures,
): Prediction {
  const { cr0, cr4, cr3Low } = registers;
  const value = operand(registers, source);
  const legal = bitsOf(cr4Valid);
  if ([...value].some((bit) => !legal.has(bit))) return FAULT;
  if (isLong(registers) && !value.has(PAE)) return FAULT;
  if (isLong(registers) && value.has(LA57) !== cr4.has(LA57)) return FAULT;
  if (value.has(PCIDE) && !cr4.has(PCIDE) && (!isLong(registers) || cr3Low !== 0)) return FAULT;
  if (value.has(CET) && !cr0.has(WP)) return FAULT;
  return { registers: { ...registers, cr4: value } };
}

export function predictEfer(
  registers: Registers,
  source: bigint,
  { eferValid }: CpuFeatures,
): Prediction {
  const { cr0, efer } = registers;
  const value = bitsOf(source);
  const legal = bitsOf(eferValid);
  if ([...value].some((bit) => bit !== LMA && !legal.has(bit))) return FAULT;
  if (cr0.has(PG) && value.has(LME) !== efer.has(LME)) return FAULT;
  const next = new Set([...value].filter((bit) => bit !== LMA));
  if (efer.has(LMA)) next.add(LMA);
  return { registers: { ...registers, efer: next } };
}
