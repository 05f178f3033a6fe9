// SPDX-License-Identifier: MIT
import type { Instruction } from './instruction.ts';
import type { Executor, Machine } from './machine.ts';
import {
  descriptorOf,
  directTarget,
  enterCode,
  gateTarget,
  requireReturnStack,
  returnTarget,
  rplOf,
  selectorFault,
  tablesOf,
  type CodeTarget,
} from './segments.ts';
import type { Descriptor, SystemTables } from './system-tables.ts';

/*
 * CALL, JMP and RET to another code segment, in 64-bit mode. Intel SDM volume 2, CALL, JMP and RET.
 * A far CALL or JMP makes its target's level wait for ENDBR64, whether tracking was suppressed or a
 * prefix 3E is there; a far RET changes no tracker.
 */

const RSP = 4;

interface FarPointer {
  readonly selector: number;
  readonly offset: bigint;
}

/** The operand in memory: an offset of the operand's size, and a selector behind it. */
function farPointer(machine: Machine, { operands: [operand], mnemonic }: Instruction): FarPointer {
  if (operand?.kind !== 'memory') throw new RangeError(`${mnemonic}: expected a far pointer`);
  machine.read(operand);
  const offset = machine.value;
  machine.read({ ...operand, size: 2, displacement: operand.displacement + operand.size });
  return { selector: machine.low, offset };
}

type CallGate = Extract<Descriptor, { kind: 'call-gate' }>;

/** Gates may be used from their level and inwards. */
function requireGate(machine: Machine, { dpl }: CallGate, selector: number): void {
  if (dpl < machine.cpl || dpl < rplOf(selector)) throw selectorFault(selector);
}

export const jmpf: Executor = (machine, instruction) => {
  const tables = tablesOf(machine, instruction.mnemonic);
  const { selector, offset } = farPointer(machine, instruction);
  const descriptor = descriptorOf(tables, selector);
  if (descriptor.kind === 'call-gate') {
    requireGate(machine, descriptor, selector);
    const target = gateTarget(machine, tables, descriptor.selector);
    // A jump changes no privilege level.
    if (target.cpl !== machine.cpl) throw selectorFault(descriptor.selector);
    goTo(machine, target, descriptor.offset);
  } else {
    goTo(machine, directTarget(machine, descriptor, selector), offset);
  }
  machine.awaitLanding();
};

export const callf: Executor = (machine, instruction) => {
  const tables = tablesOf(machine, instruction.mnemonic);
  const { selector, offset } = farPointer(machine, instruction);
  const descriptor = descriptorOf(tables, selector);
  if (descriptor.kind === 'call-gate') callGate(machine, tables, descriptor, selector);
  else {
    const target = directTarget(machine, descriptor, selector);
    machine.requireCanonical(offset);
    const writer = machine.quirks.conformingCallPushesAsCode ? target.dpl : machine.cpl;
    const frame = [BigInt(machine.cs.selector), machine.next];
    const push = (): bigint => machine.writeStack(machine.wide(RSP), instruction.size, frame);
    machine.setWide(RSP, machine.withRightsOf(writer, push));
    goTo(machine, target, offset);
  }
  machine.awaitLanding();
};

/** Through a gate the frame has 64 bits a field; a call inwards leaves the old stack in it. */
function callGate(machine: Machine, tables: SystemTables, gate: CallGate, selector: number): void {
  requireGate(machine, gate, selector);
  const target = gateTarget(machine, tables, gate.selector);
  const [oldCpl, oldRsp] = [machine.cpl, machine.wide(RSP)];
  const frame = [BigInt(machine.cs.selector), machine.next];
  if (target.cpl === oldCpl) {
    machine.setWide(RSP, machine.writeStack(oldRsp, 8, frame));
  } else {
    const oldStack = [BigInt(machine.ss), oldRsp];
    machine.enterLevel(target.cpl);
    try {
      machine.setWide(RSP, machine.writeStack(tables.rsp0, 8, [...oldStack, ...frame]));
    } catch (fault) {
      machine.enterLevel(oldCpl);
      throw fault;
    }
    machine.ss = target.cpl;
  }
  goTo(machine, target, gate.offset);
}

function goTo(machine: Machine, target: CodeTarget, offset: bigint): void {
  machine.requireCanonical(offset);
  enterCode(machine, target);
  machine.next = offset;
}

export const retf: Executor = (machine, { mnemonic, size, operands: [extra] }) => {
  const tables = tablesOf(machine, mnemonic);
  const released = extra?.kind === 'immediate' ? BigInt(extra.low) : 0n;
  const top = machine.wide(RSP);
  const field = (index: number, skipped = 0n): bigint =>
    machine.readStack(top + skipped + BigInt(size * index), size);
  const [rip, cs] = [field(0), field(1)];
  const target = returnTarget(machine, tables, Number(cs & 0xffffn));
  if (target.cpl === machine.cpl) {
    goTo(machine, target, rip);
    machine.setWide(RSP, top + BigInt(2 * size) + released);
    return;
  }
  const [rsp, ss] = [field(2, released), Number(field(3, released) & 0xffffn)];
  requireReturnStack(tables, ss, target.cpl);
  goTo(machine, target, rip);
  machine.ss = ss;
  machine.setWide(RSP, rsp + released);
};
