// SPDX-License-Identifier: MIT
import { Lookout } from './lookout.ts';
import type { Sight } from './operation.ts';
import type { Seen } from './outcome.ts';
import { callersCheck } from './boot.ts';
import { callSite, SITE_SIZE } from './call-site.ts';
import { cfiFailure, resumed, type CfiFailure } from './cfi-failure.ts';
import { isPermissive, type Place, type Trap } from './checked-call.ts';
import {
  CALLER,
  FENCE_SYMBOLS,
  kernelMachine,
  POINTER_SLOT,
  RETPOLINE_R11,
  symbolText,
  type Symbol,
  type Text,
} from './kernel-text.ts';

import { ENDBR_BYTES, type Scheme } from './preamble.ts';
import { le64, relative } from './bytes.ts';
import {
  cetValue,
  decode,
  decodedText,
  disassemble,
  mapBytes,
  mergePages,
  peek,
  READ_WRITE,
  register,
  run,
  trackerOf,
  type MachineEvent,
  type MachineState,
} from '@kernel-models/hw-model/instructions';

/*
 * A call as bytes: the call site, its target and everything between them, executed on the hardware
 * model.
 */

/** A call that can be executed. */
export interface Scenario {
  readonly scheme: Scheme;
  /** What the call site expects, as boot left it; 0 where it checks nothing. */
  readonly hash: number;
  /** The pointer that is called. */
  readonly pointer: bigint;
  /** What is in memory beside the caller. */
  readonly texts: readonly Text[];
  readonly symbols: readonly Symbol[];
  /** By register: rdi, rsi, rdx, rcx, r8, r9, then the stack. */
  readonly arguments: readonly bigint[];
  /** A pointer that takes the place of `pointer` in memory between the check and the call. */
  readonly swapped: bigint | undefined;
  /** Tracing programs, whose context is looked into when they are entered. */
  readonly watches?: readonly Watch[];
}

/** A tracing program and what is read of its context. */
export interface Watch {
  /** bpf_func. */
  readonly address: bigint;
  readonly program: string;
  readonly sees: Sight;
}

/** What executing a call came to. */
export interface Execution {
  readonly reports: readonly (CfiFailure & { readonly rip: bigint })[];
  readonly trap: (Trap & { readonly rip: bigint }) | null;
  /** RAX where the call returned. */
  readonly value: bigint | undefined;
  /** RSP, RBP and RBX as they were before the call: a call that returns keeps them. */
  readonly balanced: boolean;
  /** What watched programs saw, in the order in which they were entered. */
  readonly seen: readonly Seen[];
  readonly retired: number;
  /** Where it still was after EXECUTION_LIMIT instructions; null where it ended before. */
  readonly runaway: bigint | null;
}

/** Instructions after which a call counts as a runaway. */
export const EXECUTION_LIMIT = 10_000;

/** The machine at the first instruction of the caller. */
export function scenarioMachine(scenario: Scenario): MachineState {
  const { scheme, pointer, texts } = scenario;
  const caller = callerText(scenario);
  const [rdi = 0n, rsi = 0n, rdx = 0n, rcx = 0n, r8 = 0n, r9 = 0n, ...stack] = scenario.arguments;
  const machine = kernelMachine(scheme, [caller, ...texts], CALLER, {
    ...{ rdi, rsi, rdx, rcx, r8, r9 },
    ...{ r11: pointer, r12: POINTER_SLOT, rbx: 0x1111n, rbp: 0x2222n },
  });
  const slot = mapBytes([], POINTER_SLOT, Uint8Array.from(le64(pointer)), READ_WRITE);
  const rsp = register(machine, 'rsp');
  const page = machine.pages.find(({ address }) => address === (rsp & ~0xfffn));
  const withSlot = { ...machine, pages: mergePages(machine.pages, slot) };
  if (page === undefined || stack.length === 0) return withSlot;
  const bytes = page.bytes.slice();
  bytes.set(
    stack.flatMap((value) => [...le64(BigInt.asUintN(64, value))]),
    Number(rsp & 0xfffn),
  );
  return { ...withSlot, pages: mergePages(withSlot.pages, [{ ...page, bytes }]) };
}

const HLT = 0xf4;

/** The function with the call site; HLT where it would go on. */
function callerText({ scheme, hash }: Scenario): Text {
  const head = scheme.setup.ibt ? ENDBR_BYTES : [];
  const end = CALLER + BigInt(head.length + SITE_SIZE);
  const { bytes } = callSite(scheme, hash, relative(RETPOLINE_R11, end));
  return { address: CALLER, bytes: [...head, ...bytes, HLT] };
}

/** Where the check's UD2 stands, or stood. */
export function trapTableOf({ scheme, hash }: Scenario): ReadonlySet<bigint> {
  const head = scheme.setup.ibt ? ENDBR_BYTES.length : 0;
  const { trap } = callSite(scheme, hash, 0);
  return new Set(trap === undefined ? [] : [CALLER + BigInt(head + trap)]);
}

/** Registers that a call keeps, of those that trampolines use. */
const KEPT = ['rsp', 'rbp', 'rbx'] as const;

/**
 * Executes a call to its end, or for as long as EXECUTION_LIMIT allows.
 *
 * @throws RangeError where it comes to an instruction that the hardware model does not execute, or to
 * an exception that no call of this model ends in
 */
export function execute(scenario: Scenario): Execution {
  const { scheme } = scenario;
  const table = trapTableOf(scenario);
  const reports: (CfiFailure & { readonly rip: bigint })[] = [];
  const start = startOf(scenario);
  const lookout = new Lookout(scenario);
  let state = start;
  let retired = 0;
  for (;;) {
    const result = lookout.run(state, EXECUTION_LIMIT - retired);
    retired += result.retired;
    ({ state } = result);
    const { event } = result;
    if (event.kind === 'exception' && event.vector === 6) {
      const failure = cfiFailure(scheme, state, event, table);
      if (failure !== undefined) {
        reports.push({ ...failure, rip: event.rip });
        if (isPermissive(scheme)) {
          state = resumed(state, failure);
          continue;
        }
        const trap = ended(scenario, event, failure.place);
        const { seen } = lookout;
        return { reports, ...trap, balanced: false, seen, retired, runaway: null };
      }
    }
    const { seen } = lookout;
    if (event.kind === 'halt') {
      const balanced = KEPT.every((name) => register(state, name) === register(start, name));
      const value = register(state, 'rax');
      return { reports, trap: null, value, balanced, seen, retired, runaway: null };
    }
    const rest = { reports, balanced: false, seen, retired };
    if (event.kind === 'limit') {
      return { ...rest, trap: null, value: undefined, runaway: state.control.rip };
    }
    return { ...rest, ...ended(scenario, event, undefined), runaway: null };
  }
}

/** With a swap, the pointer in memory changes right before the branch. */
function startOf(scenario: Scenario): MachineState {
  const machine = scenarioMachine(scenario);
  if (scenario.swapped === undefined) return machine;
  const head = scenario.scheme.setup.ibt ? 1 : 0;
  const { state } = run(machine, head + instructionsBeforeBranch(scenario));
  const slot = mapBytes([], POINTER_SLOT, Uint8Array.from(le64(scenario.swapped)), READ_WRITE);
  return { ...state, pages: mergePages(state.pages, slot) };
}

/**
 * Of a check that passes: the jump over the trap leads from the third instruction to the branch.
 */
function instructionsBeforeBranch({ scheme, hash }: Scenario): number {
  const { branch, bytes, trap } = callSite(scheme, hash, 0);
  if (trap !== undefined && !callersCheck(scheme.boot)) return 1;
  if (trap !== undefined && scheme.boot.mode === 'KCFI') return 3;
  return disassemble(Uint8Array.from(bytes.slice(0, branch))).length;
}

const VECTORS: Readonly<Record<number, Trap['vector']>> = { 3: 'BP', 6: 'UD', 14: 'PF', 21: 'CP' };

function ended(
  scenario: Scenario,
  event: MachineEvent,
  place: Place | undefined,
): { readonly trap: Execution['trap']; readonly value: undefined } {
  if (event.kind !== 'exception') {
    const what =
      event.kind === 'unsupported'
        ? `${event.reason} at ${symbolText(scenario.symbols, event.rip)}`
        : event.kind;
    throw new RangeError(`execution: expected an exception or HLT, got ${what}`);
  }
  const vector = VECTORS[event.vector];
  if (vector === undefined) {
    const where = symbolText(scenario.symbols, event.rip);
    throw new RangeError(
      `execution: expected #BP, #UD, #PF or #CP, got ${event.vector} at ${where}`,
    );
  }
  const rip = vector === 'BP' ? event.rip - 1n : event.rip;
  const trap = {
    vector,
    errorCode: event.errorCode ?? null,
    place: place ?? placeOf(scenario, rip),
    rip,
  };
  return { trap, value: undefined };
}

function placeOf({ pointer, scheme, hash }: Scenario, rip: bigint): Place {
  if (rip >= CALLER && rip < CALLER + 64n) {
    const { trap } = callSite(scheme, hash, 0);
    const at = Number(rip - CALLER) - (scheme.setup.ibt ? ENDBR_BYTES.length : 0);
    return at === trap ? 'caller-check' : 'caller-load';
  }
  return rip < pointer && rip >= pointer - 16n ? 'before-callee' : 'callee';
}

/** One instruction of an execution. */
export interface TraceLine {
  readonly address: bigint;
  /** `caller+0x4/0x19`. */
  readonly symbol: string;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The registers that checks use, after the instruction. */
  readonly registers: Readonly<Record<'rax' | 'r10' | 'r11' | 'rsp', bigint>>;
  readonly tracker: 'idle' | 'wait' | 'suppressed';
  /** What ended the execution here. */
  readonly event: MachineEvent | undefined;
}

/** Executes a call one instruction at a time, to its first exception or its end. */
export function trace(scenario: Scenario, limit: number = EXECUTION_LIMIT): readonly TraceLine[] {
  const lines: TraceLine[] = [];
  let state = startOf(scenario);
  while (lines.length < limit) {
    const address = state.control.rip;
    const code = peek(state, address, 15) ?? new Uint8Array();
    const decoded = decode(code);
    const length = decoded.kind === 'instruction' ? decoded.instruction.length : 1;
    const result = run(state, 1);
    const ended = result.event.kind !== 'limit';
    ({ state } = result);
    lines.push({
      address,
      symbol: symbolText([CALLER_SYMBOL, ...scenario.symbols, ...FENCE_SYMBOLS], address),
      bytes: code.subarray(0, length),
      text: decodedText(decoded, address),
      registers: {
        rax: register(state, 'rax'),
        r10: register(state, 'r10'),
        r11: register(state, 'r11'),
        rsp: register(state, 'rsp'),
      },
      tracker: trackerOf(cetValue(state.control, 0)),
      event: ended ? result.event : undefined,
    });
    if (ended) break;
  }
  return lines;
}

/** What the kernel prints of a failed check. report_cfi_failure(), kernel/cfi.c. */
export function reportText(scenario: Scenario, failure: CfiFailure, rip: bigint): string {
  const symbols = [CALLER_SYMBOL, ...scenario.symbols];
  const at = symbolText(symbols, rip);
  if (failure.target === undefined) return `CFI failure at ${at} (no target information)`;
  const type = failure.type.toString(16).padStart(8, '0');
  return `CFI failure at ${at} (target: ${symbolText(symbols, failure.target)}; expected type: 0x${type})`;
}

const CALLER_SYMBOL: Symbol = { name: 'caller', address: CALLER, size: 0x20 };
