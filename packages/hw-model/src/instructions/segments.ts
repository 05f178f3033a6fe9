// SPDX-License-Identifier: MIT
import { ERROR_CODE_TI, VECTOR } from '../cpu/exception.ts';
import type { Cpl } from '../cpu/state.ts';
import { CET_SH_STK_EN, IA32_S_CET, IA32_U_CET } from './cet.ts';
import { Fault, Unsupported } from './fault.ts';
import type { Machine } from './machine.ts';
import type { Descriptor, SystemTables } from './system-tables.ts';

/*
 * Selectors and what they lead to: the checks that every far transfer makes. Intel SDM volume 3,
 * "Protection", privilege level checking when transferring program control between code segments.
 */

/** A code segment and the level that its code will run at. */
export interface CodeTarget {
  readonly selector: number;
  readonly cpl: Cpl;
}

/** The level of the code's descriptor, which conforming code does not run at. */
export interface DirectTarget extends CodeTarget {
  readonly dpl: Cpl;
}

/** The tables of a machine that has them, and no shadow stack for a far transfer to keep. */
export function tablesOf(machine: Machine, mnemonic: string): SystemTables {
  const { tables } = machine;
  if (tables === undefined) throw new Unsupported(mnemonic);
  const bits = machine.msr(IA32_U_CET) | machine.msr(IA32_S_CET);
  if ((bits & CET_SH_STK_EN) !== 0n) throw new Unsupported(`${mnemonic} with a shadow stack`);
  return tables;
}

/** The requested privilege level of a selector. */
export function rplOf(selector: number): Cpl {
  return ([0, 1, 2, 3] as const)[selector & 3] ?? 0;
}

/** #GP about a selector: its index and table, without its RPL. */
export function selectorFault(selector: number, external = 0): Fault {
  return new Fault(VECTOR.GP, (selector & 0xfffc) | external);
}

/** What a selector names. A null one is #GP(0), one outside the table #GP(selector). */
export function descriptorOf(tables: SystemTables, selector: number, external = 0): Descriptor {
  if ((selector & 0xfffc) === 0) throw new Fault(VECTOR.GP, external);
  const isLocal = (selector & ERROR_CODE_TI) !== 0;
  const descriptor = isLocal ? undefined : tables.gdt[selector >> 3];
  if (descriptor === undefined || descriptor === null) throw selectorFault(selector, external);
  return descriptor;
}

/** A jump or call straight to code: it stays at the current level. */
export function directTarget(
  machine: Machine,
  descriptor: Descriptor,
  selector: number,
): DirectTarget {
  const code = codeOf(descriptor, selector);
  const { cpl } = machine;
  const allowed = code.conforming ? code.dpl <= cpl : code.dpl === cpl && rplOf(selector) <= cpl;
  if (!allowed) throw selectorFault(selector);
  requireLong(code.long);
  return { selector, cpl, dpl: code.dpl };
}

/** A return to code: to the level that the selector asks for, never inwards. */
export function returnTarget(machine: Machine, tables: SystemTables, selector: number): CodeTarget {
  const code = codeOf(descriptorOf(tables, selector), selector);
  const cpl = rplOf(selector);
  if (cpl < machine.cpl) throw selectorFault(selector);
  if (code.conforming ? code.dpl > cpl : code.dpl !== cpl) throw selectorFault(selector);
  requireLong(code.long);
  return { selector, cpl };
}

/** The code that a gate leads to: at the current level, or further inwards. */
export function gateTarget(
  machine: Machine,
  tables: SystemTables,
  selector: number,
  external = 0,
): CodeTarget {
  const code = codeOf(descriptorOf(tables, selector, external), selector, external);
  if (code.dpl > machine.cpl) throw selectorFault(selector, external);
  if (!code.long) throw selectorFault(selector, external);
  return { selector, cpl: code.conforming ? machine.cpl : code.dpl };
}

/** SS of a return that changes the level, or of IRET: data of the level that is returned to. */
export function requireReturnStack(tables: SystemTables, selector: number, cpl: Cpl): void {
  if ((selector & 0xfffc) === 0) {
    if (cpl === 3) throw new Fault(VECTOR.GP, 0);
    return;
  }
  const descriptor = descriptorOf(tables, selector);
  const fits = descriptor.kind === 'data' && descriptor.dpl === cpl && rplOf(selector) === cpl;
  if (!fits) throw selectorFault(selector);
}

/** Goes on in a code segment, whose selector then says the level. */
export function enterCode(machine: Machine, { selector, cpl }: CodeTarget): void {
  machine.enterLevel(cpl);
  machine.cs = { selector: (selector & 0xfffc) | cpl, base: 0n, l: true, d: false };
}

function codeOf(
  descriptor: Descriptor,
  selector: number,
  external = 0,
): Extract<Descriptor, { kind: 'code' }> {
  if (descriptor.kind !== 'code') throw selectorFault(selector, external);
  return descriptor;
}

function requireLong(long: boolean): void {
  if (!long) throw new Unsupported('compatibility mode');
}
