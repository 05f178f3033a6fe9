// SPDX-License-Identifier: MIT
import {
  peek,
  peekNumber,
  register,
  withRip,
  type ExceptionEvent,
  type MachineState,
} from '@kernel-models/hw-model/instructions';
import { ARITY_THUNKS } from './kernel-text.ts';
import type { Place } from './checked-call.ts';
import type { Scheme } from './preamble.ts';

/*
 * What the kernel makes of #UD: whether it is a failed check, of what, and where it goes on. Works
 * from registers and bytes alone. Mirrors handle_cfi_failure() and decode_cfi_insn(),
 * arch/x86/kernel/cfi.c, and decode_fineibt_*(), arch/x86/kernel/alternative.c.
 */

/** A failed check, as it is reported. */
export interface CfiFailure {
  readonly place: Place;
  /** Undefined where the caller's instructions could not be decoded. */
  readonly target: bigint | undefined;
  /** The expected type. */
  readonly type: number;
  /** Where execution goes on if failures are not fatal. */
  readonly resume: bigint;
}

const KCFI_CHECK = 12;

/**
 * Recognises a failed check.
 *
 * @param trapTable the addresses of the UD2 of every call site
 * @returns undefined where the exception is something else
 */
export function cfiFailure(
  scheme: Scheme,
  state: MachineState,
  event: ExceptionEvent,
  trapTable: ReadonlySet<bigint>,
): CfiFailure | undefined {
  const { boot } = scheme;
  const { rip } = event;
  if (boot.mode === 'FINEIBT') {
    return (
      paranoidFailure(scheme, state, rip, trapTable) ??
      arityFailure(scheme, state, rip) ??
      preambleFailure(scheme, state, rip)
    );
  }
  return trapTable.has(rip) ? kcfiFailure(state, rip) : undefined;
}

/**
 * The two instructions before the trap say which type was expected and which register was called.
 */
function kcfiFailure(state: MachineState, rip: bigint): CfiFailure {
  const code = peek(state, rip - BigInt(KCFI_CHECK), KCFI_CHECK);
  const resume = rip + 2n;
  const place = 'caller-check';
  // MOV takes six bytes and ADD four; other lengths are read as they happen to lie.
  if (code?.[1] !== 0xba || code[7] !== 0x03) return { place, target: undefined, type: 0, resume };
  const type = -new DataView(code.buffer).getUint32(2, true) >>> 0;
  const base = (code[8] ?? 0) & 7;
  const extended = ((code[6] ?? 0) & 1) << 3;
  return { place, target: state.registers[base | extended], type, resume };
}

function hashRegister(state: MachineState, { features }: Scheme): number {
  const name = features.layout === 'linux-6.18' ? 'rax' : 'r10';
  return Number(register(state, name) & 0xffff_ffffn);
}

function isLanding(state: MachineState, address: bigint): boolean {
  const bytes = peek(state, address, 4);
  return (
    bytes !== undefined && [0xf3, 0x0f, 0x1e, 0xfa].every((byte, index) => bytes[index] === byte)
  );
}

/** Bytes from the landing of a preamble to its trap. */
function trapDistance({ features }: Scheme): bigint {
  return { 'linux-6.2': 13n, 'linux-6.15': 6n, 'linux-6.18': 19n }[features.layout];
}

/** The type of the caller is what SUB left plus what it subtracted. */
function callerType(scheme: Scheme, state: MachineState, entry: bigint): number | undefined {
  const distance = scheme.features.layout === 'linux-6.18' ? 11n : 9n;
  const hash = peekNumber(state, entry - distance, 4);
  return hash === undefined ? undefined : (hashRegister(state, scheme) + Number(hash)) >>> 0;
}

function preambleFailure(scheme: Scheme, state: MachineState, rip: bigint): CfiFailure | undefined {
  const landing = rip - trapDistance(scheme);
  if (!isLanding(state, landing)) return undefined;
  const entry = landing + 16n;
  const type = callerType(scheme, state, entry);
  if (type === undefined) return undefined;
  const resume = scheme.features.layout === 'linux-6.2' ? rip + 2n : entry;
  return { place: 'callee-check', target: entry, type, resume };
}

/** The trap lies in a thunk; the return address of the thunk's call is the function. */
function arityFailure(scheme: Scheme, state: MachineState, rip: bigint): CfiFailure | undefined {
  if (rip < ARITY_THUNKS || rip >= ARITY_THUNKS + 8n * 32n) return undefined;
  const entry = peekNumber(state, register(state, 'rsp'), 8);
  const type = entry === undefined ? undefined : callerType(scheme, state, entry);
  if (entry === undefined || type === undefined) return undefined;
  return { place: 'arity-thunk', target: entry, type, resume: entry };
}

/** LOCK JNE, three bytes, one byte before the UD2 that the site was compiled with ended. */
function paranoidFailure(
  { boot, features }: Scheme,
  state: MachineState,
  rip: bigint,
  trapTable: ReadonlySet<bigint>,
): CfiFailure | undefined {
  if (!boot.paranoid || !trapTable.has(rip - 1n)) return undefined;
  const name = features.layout === 'linux-6.18' ? 'rax' : 'r10';
  const type = Number(register(state, name) & 0xffff_ffffn);
  const target = BigInt.asUintN(64, register(state, 'r11') + 16n);
  return { place: 'caller-paranoid', target, type, resume: rip + 3n };
}

/** The state in which execution goes on after a failure that is not fatal. */
export function resumed(state: MachineState, failure: CfiFailure): MachineState {
  const next = withRip(state, failure.resume);
  if (failure.place !== 'arity-thunk') return next;
  // The thunk was called: its return address is dropped as RET would have done.
  const registers = next.registers.map((value, index) => (index === 4 ? value + 8n : value));
  return { ...next, registers };
}
