// SPDX-License-Identifier: MIT
import {
  MSR_IA32_SYSENTER_CS,
  MSR_IA32_SYSENTER_EIP,
  MSR_IA32_SYSENTER_ESP,
  MSR_LSTAR,
  MSR_STAR,
  MSR_SYSCALL_MASK,
} from '../../cpu/msr-numbers.ts';
import { RFLAGS_IF, RFLAGS_IOPL, RFLAGS_TF } from '../flags.ts';
import type { Descriptor, Gate, SystemState } from '../system-tables.ts';
import { HANDLER, KERNEL_STACK, TARGET } from './layout.ts';
import type { BranchOperation } from './operation.ts';

/*
 * The segments and gates that code finds: probes/bochs/indirect-branches.S of the oracle has the
 * same ones.
 */

/** Selectors, with the privilege level that asks for them. */
export const SELECTOR = {
  KERNEL_DATA: 0x10,
  KERNEL_CODE: 0x18,
  USER_CODE_32: 0x28,
  USER_DATA: 0x33,
  USER_CODE: 0x3b,
  CALL_GATE: 0x5b,
  CONFORMING: 0x6b,
} as const;

/** What INT n is allowed at CPL 3; the vector above it is an external interrupt's. */
export const INTERRUPT = 0x20;
export const EXTERNAL = 0x21;

const kernelCode: Descriptor = { kind: 'code', dpl: 0, long: true, conforming: false };
const kernelData: Descriptor = { kind: 'data', dpl: 0 };
const userCode: Descriptor = { kind: 'code', dpl: 3, long: true, conforming: false };
const userData: Descriptor = { kind: 'data', dpl: 3 };
const other: Descriptor = { kind: 'other' };

const GDT: readonly (Descriptor | null)[] = [
  ...[null, { ...kernelCode, long: false }, kernelData],
  // What SYSCALL, SYSENTER and their returns imply, in the order that they want.
  ...[kernelCode, kernelData, { ...userCode, long: false }, userData, userCode, userData],
  ...[other, other],
  { kind: 'call-gate', dpl: 3, selector: SELECTOR.KERNEL_CODE, offset: HANDLER },
  ...[other, { ...kernelCode, conforming: true }],
];

const toHandler: Gate = {
  ...{ dpl: 3, present: true, selector: SELECTOR.KERNEL_CODE, offset: HANDLER },
  ...{ ist: 0, clearsIf: true },
};

/** The tables that a run begins with. */
export function systemOf({
  cpl,
  start,
  handled,
  absent,
}: Extract<BranchOperation, { op: 'execute' }>): SystemState {
  const exceptions = Array.from({ length: INTERRUPT }, (_, vector) => {
    if (vector === handled) return toHandler;
    return vector === absent ? { ...toHandler, present: false } : null;
  });
  return {
    tables: {
      gdt: GDT,
      idt: [...exceptions, toHandler, { ...toHandler, dpl: 0 }],
      rsp0: KERNEL_STACK,
      ist: [],
    },
    ss: cpl === 0 ? SELECTOR.KERNEL_DATA : SELECTOR.USER_DATA,
    interrupt: start === 'interrupted' ? EXTERNAL : null,
    interruptShadow: false,
  };
}

/** RFLAGS of the first instruction, without the bit that always reads 1. */
export const START_FLAGS: Readonly<Record<'plain' | 'stepping' | 'interrupted', bigint>> = {
  plain: 0n,
  stepping: RFLAGS_TF,
  interrupted: RFLAGS_IOPL,
};

/** The flags that SYSCALL clears. */
const SYSCALL_MASK = RFLAGS_TF | RFLAGS_IF | 0x400n;

/** The MSRs of system calls. */
export const SYSTEM_CALL_MSRS: Readonly<Record<number, bigint>> = {
  [MSR_STAR]: (BigInt(SELECTOR.USER_CODE_32) << 48n) | (BigInt(SELECTOR.KERNEL_CODE) << 32n),
  [MSR_LSTAR]: HANDLER,
  [MSR_SYSCALL_MASK]: SYSCALL_MASK,
  [MSR_IA32_SYSENTER_CS]: BigInt(SELECTOR.KERNEL_CODE),
  [MSR_IA32_SYSENTER_ESP]: KERNEL_STACK,
  [MSR_IA32_SYSENTER_EIP]: HANDLER,
};

/** The far pointers, by their distance from RBX: of 64 bits first, then two of 32. */
export const FAR_POINTERS: readonly (readonly [at: number, offset: bigint, selector: number])[] = [
  [0x10, TARGET, SELECTOR.KERNEL_CODE],
  [0x20, TARGET, SELECTOR.USER_CODE],
  [0x30, 0n, SELECTOR.CALL_GATE],
  [0x40, TARGET, SELECTOR.CONFORMING],
  [0x50, TARGET, 0],
  [0x60, TARGET, SELECTOR.USER_DATA],
  [0x70, 1n << 60n, SELECTOR.KERNEL_CODE],
];
export const SHORT_FAR_POINTERS: readonly (readonly [at: number, selector: number])[] = [
  [0x80, SELECTOR.KERNEL_CODE],
  [0x88, SELECTOR.USER_CODE],
];
