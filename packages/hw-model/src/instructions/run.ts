// SPDX-License-Identifier: MIT
import { combineExceptions, VECTOR } from '../cpu/exception.ts';
import { CP_ERROR } from './cet.ts';
import { decode } from './decode.ts';
import { executorOf } from './execute.ts';
import { RFLAGS_IF, RFLAGS_TF } from './flags.ts';
import { MAX_INSTRUCTION_LENGTH, type Decoded } from './instruction.ts';
import { deliver } from './interrupts.ts';
import { Fault, Halt, Unsupported } from './fault.ts';
import type { LivePage } from './live-page.ts';
import { Machine, type Cached } from './machine.ts';
import {
  PAGE_SIZE,
  type MachineEvent,
  type MachineState,
  type RunResult,
} from './machine-state.ts';
import type { SystemTables } from './system-tables.ts';

/**
 * Executes instructions until something other than an instruction happens, or `limit` have retired.
 * A fault leaves the state as it was before the instruction; delivering it is the caller's, unless
 * the machine has a gate for it.
 *
 * @param limit instructions, 0 or more; where there are gates, entering a handler counts as one
 * @throws RangeError where the limit is not a whole number
 */
export function run(state: MachineState, limit: number): RunResult {
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RangeError(`limit: expected a whole number from 0, got ${limit}`);
  }
  const machine = new Machine(state);
  const { tables } = machine;
  if (tables !== undefined) return runThroughGates(machine, tables, limit);
  let retired = 0;
  try {
    for (; retired < limit; retired += 1) executeOne(machine);
    return { state: machine.freeze(), event: { kind: 'limit' }, retired };
  } catch (thrown) {
    return ended(machine, eventOf(machine, thrown), retired);
  }
}

function ended(machine: Machine, event: MachineEvent, retired: number): RunResult {
  return {
    state: machine.freeze(),
    event,
    retired: event.kind === 'halt' ? retired + 1 : retired,
  };
}

/** The same where exceptions and interrupts enter handlers. */
function runThroughGates(machine: Machine, tables: SystemTables, limit: number): RunResult {
  let retired = 0;
  for (let done = 0; done < limit; done += 1) {
    try {
      if (takeInterrupt(machine, tables)) continue;
      const traps = (machine.systemFlags & RFLAGS_TF) !== 0n;
      machine.entered = false;
      executeOne(machine);
      retired += 1;
      // Whoever enters a handler clears TF; what trapped is not the handler's first instruction.
      if (traps && !machine.entered) throw new Fault(VECTOR.DB, undefined, undefined, true);
    } catch (thrown) {
      const event = handle(machine, tables, thrown);
      if (event !== undefined) return ended(machine, event, retired);
    }
  }
  return ended(machine, { kind: 'limit' }, retired);
}

/** Enters the handler of an external interrupt, if one is due before the next instruction. */
function takeInterrupt(machine: Machine, tables: SystemTables): boolean {
  const vector = machine.interrupt;
  const shadow = machine.interruptShadow;
  machine.interruptShadow = false;
  if (vector === undefined || shadow || (machine.systemFlags & RFLAGS_IF) === 0n) return false;
  const { rip } = machine;
  machine.interrupt = undefined;
  deliver(machine, tables, { vector, source: 'external', rip });
  machine.goOn();
  return true;
}

/**
 * Enters the handler of an exception; where that fails, the handler of what came of both. The event
 * that ends the run where nobody has a gate for it.
 */
function handle(machine: Machine, tables: SystemTables, thrown: unknown): MachineEvent | undefined {
  let current = thrown;
  while (current instanceof Fault) {
    const fault: Fault = current;
    if (tables.idt[fault.vector] === null) break;
    try {
      const { vector, errorCode, address, trap } = fault;
      if (address !== undefined) machine.cr2 = address;
      deliver(machine, tables, {
        ...{ vector, errorCode },
        source: trap ? 'trap' : 'fault',
        rip: trap ? machine.next : machine.rip,
      });
      machine.goOn();
      return undefined;
    } catch (next) {
      if (!(next instanceof Fault)) throw next;
      const together = combineExceptions(fault.vector, next.vector);
      if (together === 'shutdown') return { kind: 'shutdown' };
      current = together === 'serial' ? next : new Fault(VECTOR.DF, 0);
    }
  }
  return eventOf(machine, current);
}

/** Executes one instruction: {@link run} with a limit of 1. */
export function step(state: MachineState): RunResult {
  return run(state, 1);
}

function executeOne(machine: Machine): void {
  const low = machine.ripLow;
  const high = machine.ripHigh;
  const page = machine.fetchPage(low, high);
  const offset = low & (PAGE_SIZE - 1);
  const cached = page.code[offset] ?? fetch(machine, page, offset);
  const { instruction } = cached;
  const next = (low + instruction.length) | 0;
  machine.nextLow = next;
  machine.nextHigh = next >>> 0 < low >>> 0 ? (high + 1) | 0 : high;
  if (machine.tracker === 'wait') requireLanding(machine, instruction.mnemonic);
  cached.execute(machine, instruction);
  machine.goOn();
}

/**
 * Instructions that may stand where ENDBR64 is waited for: as recorded from Bochs 2.7, not INT1.
 */
const LANDINGS: ReadonlySet<string> = new Set(['endbr64', 'int3']);

function requireLanding(machine: Machine, mnemonic: string | undefined): void {
  if (!machine.tracking || (mnemonic !== undefined && LANDINGS.has(mnemonic))) return;
  if (!machine.isLegacyPage(machine.ripLow, machine.ripHigh)) {
    throw new Fault(VECTOR.CP, CP_ERROR.ENDBRANCH);
  }
  machine.suppress();
}

/** Decodes what RIP points to; a missing landing is noticed before what is wrong with the bytes. */
function fetch(machine: Machine, page: LivePage, offset: number): Cached {
  let decoded = decode(page.bytes, offset);
  const inside = offset + MAX_INSTRUCTION_LENGTH <= PAGE_SIZE;
  if (decoded.kind === 'truncated' && !inside) decoded = decodeAcross(machine, page, offset);
  switch (decoded.kind) {
    case 'instruction': {
      const { instruction } = decoded;
      const cached = { instruction, execute: executorOf(instruction) };
      page.code[offset] = cached;
      return cached;
    }
    case 'unsupported':
      if (machine.tracker === 'wait') requireLanding(machine, undefined);
      throw new Unsupported('an instruction outside the decoder');
    case 'too-long':
      if (machine.tracker === 'wait' && !machine.quirks.lengthBeforeLanding) {
        requireLanding(machine, undefined);
      }
      throw new Fault(VECTOR.GP, 0);
    default:
      if (machine.tracker === 'wait') requireLanding(machine, undefined);
      throw new Fault(VECTOR.UD);
  }
}

function decodeAcross(machine: Machine, page: LivePage, offset: number): Decoded {
  const rest = PAGE_SIZE - offset;
  const nextLow = (machine.ripLow + rest) | 0;
  const nextHigh = (machine.ripHigh + (nextLow === 0 ? 1 : 0)) | 0;
  const following = machine.fetchPage(nextLow, nextHigh);
  const bytes = new Uint8Array(MAX_INSTRUCTION_LENGTH + 1);
  bytes.set(page.bytes.subarray(offset));
  bytes.set(following.bytes.subarray(0, bytes.length - rest), rest);
  return decode(bytes);
}

function eventOf(machine: Machine, thrown: unknown): MachineEvent {
  if (thrown instanceof Halt) {
    machine.goOn();
    return { kind: 'halt' };
  }
  const { control, registers } = machine.freeze();
  if (thrown instanceof Unsupported) {
    return { kind: 'unsupported', rip: control.rip, reason: thrown.reason };
  }
  if (!(thrown instanceof Fault)) throw thrown;
  if (thrown.trap) machine.goOn();
  const { vector, errorCode, address, trap } = thrown;
  return {
    kind: 'exception',
    ...{ vector, errorCode, address },
    rip: trap ? machine.freeze().control.rip : control.rip,
    rsp: registers[4] ?? 0n,
    rflags: control.rflags,
    cpl: control.cpl,
  };
}
