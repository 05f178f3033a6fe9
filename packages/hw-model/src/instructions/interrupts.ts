// SPDX-License-Identifier: MIT
import { ERROR_CODE_EXT, ERROR_CODE_IDT, VECTOR, VECTORS } from '../cpu/exception.ts';
import { RFLAGS_FIXED } from '../cpu/registers.ts';
import {
  RFLAGS_DEFINED,
  RFLAGS_IF,
  RFLAGS_IOPL,
  RFLAGS_NT,
  RFLAGS_RF,
  RFLAGS_TF,
  RFLAGS_VIF,
  RFLAGS_VIP,
  RFLAGS_VM,
} from './flags.ts';
import { Fault, Unsupported } from './fault.ts';
import type { Executor, Machine } from './machine.ts';
import { enterCode, gateTarget, requireReturnStack, returnTarget, tablesOf } from './segments.ts';
import type { SystemTables } from './system-tables.ts';

/*
 * Into handlers and back. Intel SDM volume 3, "Interrupt and Exception Handling", 64-bit mode; for
 * the tracker volume 1, "Control-flow Enforcement Technology".
 */

/** An exception or interrupt on its way to its handler. */
export interface Delivery {
  readonly vector: number;
  readonly errorCode?: number | undefined;
  /** `software`: INT n and INT3, which need a gate that their level may use. */
  readonly source: 'fault' | 'trap' | 'software' | 'external';
  /** The RIP that is saved. */
  readonly rip: bigint;
}

const RSP = 4;

/**
 * Enters a handler: CS and RIP from its gate, the interrupted ones onto the stack. Where branches
 * are tracked at its level, ENDBR64 is waited for: what the same level waited for, and whether it
 * was suppressed, is lost, since IRET brings neither back. What an outer level waits for stays in
 * that level's own MSR.
 *
 * Throws before anything has changed.
 */
export function deliver(machine: Machine, tables: SystemTables, delivery: Delivery): void {
  const { vector, errorCode, source, rip } = delivery;
  const external = source === 'software' ? 0 : ERROR_CODE_EXT;
  const gate = tables.idt[vector];
  const gateError = (vector << 3) | ERROR_CODE_IDT | external;
  if (gate === undefined || gate === null) throw new Fault(VECTOR.GP, gateError);
  if (source === 'software' && gate.dpl < machine.cpl) throw new Fault(VECTOR.GP, gateError);
  if (!gate.present) throw new Fault(VECTOR.NP, gateError);
  const target = gateTarget(machine, tables, gate.selector, external);

  const [oldCpl, oldRsp] = [machine.cpl, machine.wide(RSP)];
  const inwards = target.cpl !== oldCpl;
  const frame = [BigInt(machine.ss), oldRsp, machine.rflags, BigInt(machine.cs.selector), rip];
  if (errorCode !== undefined) frame.push(BigInt(errorCode));
  const top = gate.ist !== 0 ? (tables.ist[gate.ist - 1] ?? 0n) : inwards ? tables.rsp0 : oldRsp;
  machine.enterLevel(target.cpl);
  let rsp: bigint;
  try {
    rsp = machine.writeStack(top & ~0xfn, 8, frame);
  } catch (fault) {
    machine.enterLevel(oldCpl);
    const noStack = fault instanceof Fault && fault.vector === VECTOR.SS;
    throw noStack ? new Fault(VECTOR.SS, external) : fault;
  }

  enterCode(machine, target);
  machine.setWide(RSP, rsp);
  if (inwards) machine.ss = target.cpl;
  machine.systemFlags &= ~(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
  if (gate.clearsIf) machine.systemFlags &= ~RFLAGS_IF;
  machine.next = gate.offset;
  machine.entered = true;
  machine.awaitLanding();
}

/** INT n. */
export const int: Executor = (machine, instruction) => {
  const [number] = instruction.operands;
  const vector = number?.kind === 'immediate' ? number.low & 0xff : 0;
  enterBySoftware(machine, tablesOf(machine, instruction.mnemonic), vector);
};

/** INT3, which unlike INT 3 is allowed where ENDBR64 is waited for. */
export const int3: Executor = (machine) => {
  const { tables } = machine;
  if (tables === undefined) throw new Fault(VECTOR.BP, undefined, undefined, true);
  enterBySoftware(machine, tables, VECTOR.BP);
};

function enterBySoftware(machine: Machine, tables: SystemTables, vector: number): void {
  if (tables.idt[vector] !== null) {
    deliver(machine, tables, { vector, source: 'software', rip: machine.next });
    return;
  }
  const known = VECTORS.find((one) => one === vector);
  if (known === undefined) throw new Unsupported(`the handler of interrupt ${vector}`);
  throw new Fault(known, undefined, undefined, true);
}

/** INT1: a trap that asks for no right to use the gate. */
export const int1: Executor = () => {
  throw new Fault(VECTOR.DB, undefined, undefined, true);
};

/** IRETQ: the tracker of the level that is returned to is as its MSR has it. */
export const iret: Executor = (machine, { mnemonic, size }) => {
  const tables = tablesOf(machine, mnemonic);
  if (size !== 8) throw new Unsupported('IRET of less than 64 bits');
  if ((machine.systemFlags & RFLAGS_NT) !== 0n) throw new Fault(VECTOR.GP, 0);
  const top = machine.wide(RSP);
  const pop = (index: bigint): bigint => machine.readStack(top + 8n * index, 8);
  const [rip, cs, rflags, rsp, ss] = [pop(0n), pop(1n), pop(2n), pop(3n), pop(4n)];
  const target = returnTarget(machine, tables, Number(cs & 0xffffn));
  machine.requireCanonical(rip);
  requireReturnStack(tables, Number(ss & 0xffffn), target.cpl);

  const changeable = flagsOfIret(machine);
  machine.rflags = (machine.rflags & ~changeable) | (rflags & changeable) | RFLAGS_FIXED;
  enterCode(machine, target);
  machine.setWide(RSP, rsp);
  machine.ss = Number(ss & 0xffffn);
  machine.next = rip;
};

/** The flags that IRET takes from the stack at a level. Intel SDM volume 2, IRET. */
function flagsOfIret({ cpl, systemFlags }: Machine): bigint {
  if (cpl === 0) return RFLAGS_DEFINED | RFLAGS_VIF | RFLAGS_VIP;
  const iopl = Number((systemFlags & RFLAGS_IOPL) >> 12n);
  const kept = RFLAGS_IOPL | RFLAGS_VIF | RFLAGS_VIP | (cpl > iopl ? RFLAGS_IF : 0n);
  return RFLAGS_DEFINED & ~kept;
}

/** STI: external interrupts are taken again, one instruction later. */
export const sti: Executor = (machine) => {
  const iopl = Number((machine.systemFlags & RFLAGS_IOPL) >> 12n);
  if (machine.cpl > iopl) throw new Fault(VECTOR.GP, 0);
  machine.interruptShadow = (machine.systemFlags & RFLAGS_IF) === 0n;
  machine.systemFlags |= RFLAGS_IF;
};
