// SPDX-License-Identifier: MIT
import type { ControlState, Cpl } from '../cpu/state.ts';
import type { Vector } from '../cpu/exception.ts';
import type { SystemState } from './system-tables.ts';

/** Bytes of a page. */
export const PAGE_SIZE = 4096;

/** A mapped page. A write to it makes another page; nobody changes `bytes`. */
export interface Page {
  /** The first address of the page. */
  readonly address: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
  /** Whether code of CPL 3 may use it. */
  readonly user: boolean;
  /** {@link PAGE_SIZE} of them. */
  readonly bytes: Uint8Array;
}

/** The names of the general registers, by their number. */
export const REGISTER_NAMES: readonly RegisterName[] = [
  ...(['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
];

export type RegisterName =
  | ('rax' | 'rcx' | 'rdx' | 'rbx' | 'rsp' | 'rbp' | 'rsi' | 'rdi')
  | ('r8' | 'r9' | 'r10' | 'r11' | 'r12' | 'r13' | 'r14' | 'r15');

/** In what an implementation departs from the manuals. */
export interface CpuQuirks {
  /** ENDBR64 clears SUPPRESS and TRACKER also where branches are not tracked. */
  readonly endbranchAlwaysResets: boolean;
  /** A prefix 3E is the no-track prefix whatever other segment prefixes there are. */
  readonly anyNoTrackPrefix: boolean;
  /** An instruction of more than 15 bytes is #GP before a missing ENDBR64 is #CP. */
  readonly lengthBeforeLanding: boolean;
  /** The legacy code page bitmap is read with the rights of CPL 0, whoever branches. */
  readonly bitmapReadByCpl0: boolean;
  /** A far CALL to conforming code pushes with the rights of that code's level. */
  readonly conformingCallPushesAsCode: boolean;
}

/** What CPUID says of control-flow enforcement: leaf 7, EDX[20] and ECX[7]. */
export interface CetFeatures {
  readonly ibt: boolean;
  readonly shadowStack: boolean;
}

/**
 * A CPU that executes instructions from memory, in 64-bit mode. RIP, RFLAGS, CR0.WP, CR4.CET, CPL
 * and the MSRs are those of `control`.
 */
export interface MachineState {
  readonly control: ControlState;
  /** By register number; 64 bits each. */
  readonly registers: readonly bigint[];
  /** Ascending by address; what is not here is not present. */
  readonly pages: readonly Page[];
  readonly cet: CetFeatures;
  /** Absent: none. */
  readonly quirks?: CpuQuirks;
  /**
   * Tables of segments and gates. Absent: far transfers are `unsupported`, and every exception ends
   * a run.
   */
  readonly system?: SystemState;
}

/** An exception as a handler sees it. */
export interface ExceptionEvent {
  readonly kind: 'exception';
  readonly vector: Vector;
  /** Undefined where the exception pushes none. */
  readonly errorCode: number | undefined;
  /** Of a fault the instruction's first byte, prefixes included; of #BP the byte behind it. */
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rflags: bigint;
  readonly cpl: Cpl;
  /** The address of a page fault: CR2. */
  readonly address: bigint | undefined;
}

/** How a run ended. */
export type MachineEvent =
  | ExceptionEvent
  /** HLT was executed; RIP is behind it. */
  | { readonly kind: 'halt' }
  /** A double fault could not be delivered. */
  | { readonly kind: 'shutdown' }
  /** As much was done as was allowed. */
  | { readonly kind: 'limit' }
  /** An instruction that this model does not execute; nothing of it was done. */
  | { readonly kind: 'unsupported'; readonly rip: bigint; readonly reason: string };

/** A run of instructions. */
export interface RunResult {
  readonly state: MachineState;
  readonly event: MachineEvent;
  /** Instructions that were executed to their end. */
  readonly retired: number;
}

/** A general register's value. */
export function register(state: MachineState, name: RegisterName): bigint {
  return state.registers[REGISTER_NAMES.indexOf(name)] ?? 0n;
}

/** The same machine with other values in some registers; values are taken modulo 2^64. */
export function withRegisters(
  state: MachineState,
  values: Readonly<Partial<Record<RegisterName, bigint>>>,
): MachineState {
  const registers = state.registers.map((old, index) => {
    const name = REGISTER_NAMES[index];
    const value = name === undefined ? undefined : values[name];
    return value === undefined ? old : BigInt.asUintN(64, value);
  });
  return { ...state, registers };
}

/** The same machine about to execute at another address. */
export function withRip(state: MachineState, rip: bigint): MachineState {
  return { ...state, control: { ...state.control, rip: BigInt.asUintN(64, rip) } };
}
