// SPDX-License-Identifier: MIT

/**
 * Exception vectors. Intel SDM volume 3, "Interrupt and Exception Handling", vectors; AMD APM
 * volume 2, "Exceptions and Interrupts" (HV, VC, SX).
 */
export const VECTOR = {
  DE: 0,
  DB: 1,
  NMI: 2,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
  VE: 20,
  CP: 21,
  HV: 28,
  VC: 29,
  SX: 30,
} as const;

/** The number of an exception that a CPU raises. */
export type Vector = (typeof VECTOR)[keyof typeof VECTOR];

/** Every vector, ascending. */
export const VECTORS: readonly Vector[] = Object.values(VECTOR);

const PUSHES_ERROR_CODE: ReadonlySet<Vector> = new Set([
  VECTOR.DF,
  VECTOR.TS,
  VECTOR.NP,
  VECTOR.SS,
  VECTOR.GP,
  VECTOR.PF,
  VECTOR.AC,
  VECTOR.CP,
  VECTOR.VC,
  VECTOR.SX,
]);

/** Whether an exception pushes an error code outside real mode, where none does. */
export function pushesErrorCode(vector: Vector): boolean {
  return PUSHES_ERROR_CODE.has(vector);
}

/**
 * Bits of the error code of exceptions about a segment or gate. Intel SDM volume 3, "Interrupt and
 * Exception Handling", error code.
 */
export const ERROR_CODE_EXT = 1;
export const ERROR_CODE_IDT: number = 1 << 1;
export const ERROR_CODE_TI: number = 1 << 2;

/** Bits of the error code of a page fault. Intel SDM volume 3, "Paging", page-fault exceptions. */
export const PF_PRESENT = 1;
export const PF_WRITE: number = 1 << 1;
export const PF_USER: number = 1 << 2;
export const PF_RESERVED: number = 1 << 3;
export const PF_INSTRUCTION: number = 1 << 4;
export const PF_PROTECTION_KEY: number = 1 << 5;
export const PF_SHADOW_STACK: number = 1 << 6;
export const PF_SGX: number = 1 << 15;

/** How an exception combines with another one that is being delivered. */
export type ExceptionClass = 'benign' | 'contributory' | 'page-fault';

const CONTRIBUTORY: ReadonlySet<Vector> = new Set([
  VECTOR.DE,
  VECTOR.TS,
  VECTOR.NP,
  VECTOR.SS,
  VECTOR.GP,
  VECTOR.CP,
]);

/**
 * The class of an exception. Intel SDM volume 3, "Interrupt and Exception Handling", double fault.
 */
export function exceptionClass(vector: Vector): ExceptionClass {
  if (vector === VECTOR.PF || vector === VECTOR.VE) return 'page-fault';
  return CONTRIBUTORY.has(vector) ? 'contributory' : 'benign';
}

/**
 * What becomes of an exception that is raised while another one is being delivered: it is handled
 * in its turn, both become a double fault, or the CPU shuts down. Intel SDM volume 3, "Interrupt
 * and Exception Handling", double fault.
 */
export function combineExceptions(
  first: Vector,
  second: Vector,
): 'serial' | 'double-fault' | 'shutdown' {
  const later = exceptionClass(second);
  if (first === VECTOR.DF) return later === 'benign' ? 'serial' : 'shutdown';
  const earlier = exceptionClass(first);
  if (earlier === 'contributory' && later === 'contributory') return 'double-fault';
  if (earlier === 'page-fault' && later !== 'benign') return 'double-fault';
  return 'serial';
}
