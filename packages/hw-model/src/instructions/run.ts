// SPDX-License-Identifier: MIT
import { VECTOR } from '../cpu/exception.ts';
import { CP_ERROR } from './cet.ts';
import { decode } from './decode.ts';
import { executorOf } from './execute.ts';
import { MAX_INSTRUCTION_LENGTH, type Decoded } from './instruction.ts';
import { Fault, Halt, Machine, Unsupported, type Cached, type LivePage } from './machine.ts';
import {
  PAGE_SIZE,
  type MachineEvent,
  type MachineState,
  type RunResult,
} from './machine-state.ts';

/**
 * Executes instructions until something other than an instruction happens, or `limit` have retired.
 * A fault leaves the state as it was before the instruction; delivering it is the caller's.
 *
 * @param limit instructions, 0 or more
 * @throws RangeError where the limit is not a whole number
 */
export function run(state: MachineState, limit: number): RunResult {
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RangeError(`limit: expected a whole number from 0, got ${limit}`);
  }
  const machine = new Machine(state);
  let retired = 0;
  try {
    for (; retired < limit; retired += 1) executeOne(machine);
    return { state: machine.freeze(), event: { kind: 'limit' }, retired };
  } catch (thrown) {
    const event = eventOf(machine, thrown);
    const ended = event.kind === 'halt' ? retired + 1 : retired;
    return { state: machine.freeze(), event, retired: ended };
  }
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
  machine.ripLow = machine.nextLow;
  machine.ripHigh = machine.nextHigh;
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
    default:
      if (machine.tracker === 'wait') requireLanding(machine, undefined);
      throw decoded.kind === 'invalid' ? new Fault(VECTOR.UD) : new Fault(VECTOR.GP, 0);
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
    machine.ripLow = machine.nextLow;
    machine.ripHigh = machine.nextHigh;
    return { kind: 'halt' };
  }
  const { control, registers } = machine.freeze();
  if (thrown instanceof Unsupported) {
    return { kind: 'unsupported', rip: control.rip, reason: thrown.reason };
  }
  if (!(thrown instanceof Fault)) throw thrown;
  if (thrown.trap) {
    machine.ripLow = machine.nextLow;
    machine.ripHigh = machine.nextHigh;
  }
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
