// SPDX-License-Identifier: MIT
import type { CpuFeatures, CpuOperation, CpuOutcome } from '@kernel-models/hw-model/cpu';

/*
 * A naive CPU and what happens to it from outside: SMI and RSM, INIT and SIPI, NMI and IRET, RESET,
 * HLT. Written from Intel SDM volume 3, "System Management Mode", "Interrupt and Exception
 * Handling", "Processor Management and Initialization" and "Multiple-Processor Management", and
 * from AMD APM volume 2, "System-Management Mode"; from nothing else. One plain object that is
 * changed in place; without memory, guests and CPUs without long mode.
 */

/** What the reference speaks of. */
export type EventOperation = Extract<
  CpuOperation,
  {
    readonly op:
      'smi' | 'rsm' | 'smramWrite' | 'nmi' | 'iret' | 'farJump' | 'init' | 'sipi' | 'reset' | 'hlt';
  }
>;

/** What an SMI saves. */
export interface Registers {
  cr0: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  dr6: bigint;
  dr7: bigint;
  rflags: bigint;
  rip: bigint;
  cpl: number;
  selector: number;
  base: bigint;
  l: boolean;
  d: boolean;
}

/** The whole machine. */
export interface Machine extends Registers {
  readonly features: CpuFeatures;
  readonly isBootstrap: boolean;
  cr2: bigint;
  cr8: bigint;
  smbase: number;
  activity: 'active' | 'hlt' | 'shutdown' | 'wait-for-sipi';
  /** In system-management mode: the save area, with the SMBASE that RSM will load. */
  saved: (Registers & { smbase: bigint }) | null;
  isNmiBlocked: boolean;
  readonly pending: { smi: boolean; init: boolean; nmi: boolean };
}

export interface Answer {
  readonly outcome: CpuOutcome;
  readonly path: string;
}

const [PE, EM, TS, ET, WP, NW, CD, PG] = [0, 2, 3, 4, 16, 29, 30, 31] as const;
const [PAE, PCIDE, CET] = [5, 17, 23] as const;
const [LME, LMA] = [8, 10] as const;
const DEFINED = [0, 1, EM, TS, ET, 5, WP, 18, NW, CD, PG];

const has = (value: bigint, bit: number): boolean => (value / 2n ** BigInt(bit)) % 2n === 1n;
const only = (value: bigint, bits: readonly number[]): bigint =>
  bits.reduce((kept, bit) => (has(value, bit) ? kept + 2n ** BigInt(bit) : kept), 0n);
const without = (value: bigint, bits: readonly number[]): bigint => value - only(value, bits);
const isWithin = (value: bigint, legal: bigint): boolean => {
  for (let bit = 0; bit < 64; bit += 1) if (has(value, bit) && !has(legal, bit)) return false;
  return true;
};

const done = (path: string): Answer => ({ outcome: { kind: 'done' }, path });
const latched = (path: string): Answer => ({ outcome: { kind: 'latched' }, path });
const ignored = (path: string): Answer => ({ outcome: { kind: 'ignored' }, path });
const protection = (machine: Machine, path: string): Answer =>
  has(machine.cr0, PE)
    ? { outcome: { kind: 'fault', vector: 13, errorCode: 0 }, path }
    : { outcome: { kind: 'fault', vector: 13 }, path };

/** The table "Processor States Following Power-up, Reset, or INIT", but for what INIT keeps. */
function powerOn(machine: Machine, cr0: bigint): void {
  Object.assign(machine, {
    cr0,
    ...{ cr2: 0n, cr3: 0n, cr4: 0n, cr8: 0n, efer: 0n, dr6: 0xffff_0ff0n, dr7: 0x400n },
    ...{ rflags: 2n, rip: 0xfff0n, cpl: 0, selector: 0xf000, base: 0xffff_0000n },
    ...{ l: false, d: false, saved: null, isNmiBlocked: false },
    activity: machine.isBootstrap ? 'active' : 'wait-for-sipi',
  });
}

/** To the handler: real mode, but at 32 bits of base. */
function enterSmm(machine: Machine): void {
  const { cr0, cr3, cr4, efer, dr6, dr7, rflags, rip, cpl, selector, base, l, d, smbase } = machine;
  machine.saved = {
    ...{ cr0, cr3, cr4, efer, dr6, dr7, rflags, rip, cpl, selector, base, l, d },
    smbase: BigInt(smbase),
  };
  Object.assign(machine, {
    cr0: without(cr0, [PE, EM, TS, PG]),
    ...{ cr4: 0n, efer: 0n, dr7: 0x400n, rflags: 2n, rip: 0x8000n, cpl: 0 },
    ...{ selector: Math.floor(smbase / 16) % 0x1_0000, base: BigInt(smbase), l: false, d: false },
    ...{ activity: 'active', isNmiBlocked: true },
  });
}

/** INIT keeps CD and NW, MSRs and SMBASE. */
function initialize(machine: Machine): void {
  powerOn(machine, 0x10n + only(machine.cr0, [NW, CD]));
}

/** One event that waited, of the highest priority. */
function deliverPending(machine: Machine): void {
  const { pending } = machine;
  if (pending.smi) {
    pending.smi = false;
    enterSmm(machine);
  } else if (pending.init) {
    pending.init = false;
    initialize(machine);
  } else if (pending.nmi) {
    pending.nmi = false;
    machine.isNmiBlocked = true;
  }
}

/** What makes RSM shut the CPU down. */
function problem({ features }: Machine, saved: Registers): string | undefined {
  const { cr0, cr4, efer, dr6, dr7, l, d } = saved;
  const isLong = has(efer, LME) && has(cr0, PG);
  if ([cr0, dr6, dr7].some((value) => value >= 2n ** 32n)) return 'high half';
  if (!isWithin(cr4, features.cr4Valid)) return 'cr4';
  if (has(cr0, PG) && !has(cr0, PE)) return 'pg without pe';
  if (has(cr0, NW) && !has(cr0, CD)) return 'nw without cd';
  if (!isWithin(without(efer, [LMA]), features.eferValid)) return 'efer';
  if (isLong && !has(cr4, PAE)) return 'long mode without pae';
  if (isLong && l && d) return 'cs.l and cs.d';
  if (has(cr4, PCIDE) && !isLong) return 'pcide';
  if (has(cr4, CET) && !has(cr0, WP)) return 'cet';
  return undefined;
}

function rsm(machine: Machine): Answer {
  const { saved } = machine;
  if (saved === null) return { outcome: { kind: 'fault', vector: 6 }, path: 'rsm outside smm' };
  const broken = problem(machine, saved);
  if (broken !== undefined) {
    machine.activity = 'shutdown';
    return { outcome: { kind: 'shutdown' }, path: `rsm: ${broken}` };
  }
  const { smbase, ...registers } = saved;
  const isLong = has(saved.efer, LME) && has(saved.cr0, PG);
  Object.assign(machine, registers, {
    cr0: only(saved.cr0 - (has(saved.cr0, ET) ? 0x10n : 0n), DEFINED) + 0x10n,
    efer: without(saved.efer, [LMA]) + (isLong ? 0x400n : 0n),
    ...{ smbase: Number(smbase), saved: null, isNmiBlocked: false },
  });
  const { smi, init, nmi } = machine.pending;
  deliverPending(machine);
  return done(smi ? 'rsm, then smi' : init ? 'rsm, then init' : nmi ? 'rsm, then nmi' : 'rsm');
}

/** Where AMD64's save area has a register, offset from SMBASE. */
const PLACES: Readonly<Record<number, 'efer' | 'smbase' | 'cr4' | 'cr3' | 'cr0' | 'dr7' | 'dr6'>> =
  {
    0xfed0: 'efer',
    0xff00: 'smbase',
    0xff48: 'cr4',
    0xff50: 'cr3',
    0xff58: 'cr0',
    0xff60: 'dr7',
    0xff68: 'dr6',
  };

function iret(machine: Machine, operation: Extract<EventOperation, { op: 'iret' }>): Answer {
  const isReal = !has(machine.cr0, PE);
  const { l, d, cpl } = operation;
  if (!isReal && has(machine.efer, LMA) && l && d) return protection(machine, 'l and d');
  if (!isReal && cpl < machine.cpl) return protection(machine, 'iret to more privilege');
  machine.isNmiBlocked = machine.pending.nmi;
  machine.pending.nmi = false;
  Object.assign(machine, isReal ? { l: false, d: false } : { l, d, cpl });
  return done(isReal ? 'iret in real mode' : 'iret');
}

/** Does an operation to a machine, in place. */
export function perform(machine: Machine, operation: EventOperation): Answer {
  const { pending, saved, activity } = machine;
  switch (operation.op) {
    case 'smi':
      if (saved !== null || activity === 'wait-for-sipi') {
        pending.smi = true;
        return latched(saved === null ? 'smi before sipi' : 'smi in smm');
      }
      enterSmm(machine);
      return done('smi');
    case 'nmi':
      if (machine.isNmiBlocked || activity === 'wait-for-sipi') {
        pending.nmi = true;
        return latched(machine.isNmiBlocked ? 'nmi blocked' : 'nmi before sipi');
      }
      Object.assign(machine, { activity: 'active', isNmiBlocked: true });
      return done('nmi');
    case 'init':
      if (saved !== null) {
        pending.init = true;
        return latched('init in smm');
      }
      initialize(machine);
      return done('init');
    case 'sipi':
      if (activity !== 'wait-for-sipi') return ignored('sipi not heard');
      Object.assign(machine, {
        ...{ activity: 'active', rip: 0n, l: false, d: false },
        ...{ selector: operation.vector * 256, base: BigInt(operation.vector) * 4096n },
      });
      deliverPending(machine);
      return done(machine.saved === null ? 'sipi' : 'sipi, then smi');
    case 'reset':
      powerOn(machine, 0x6000_0010n);
      Object.assign(pending, { smi: false, init: false, nmi: false });
      machine.smbase = 0x3_0000;
      return done('reset');
    case 'smramWrite': {
      const field = PLACES[operation.offset];
      const size = field === 'smbase' ? 32n : 64n;
      if (saved !== null && field !== undefined) saved[field] = operation.value % 2n ** size;
      return done('smram');
    }
    default:
  }
  if (activity !== 'active') return ignored('not executing');
  switch (operation.op) {
    case 'rsm':
      return rsm(machine);
    case 'iret':
      return iret(machine, operation);
    case 'farJump': {
      const isReal = !has(machine.cr0, PE);
      const { l, d } = operation;
      if (!isReal && has(machine.efer, LMA) && l && d) return protection(machine, 'l and d');
      Object.assign(machine, isReal ? { l: false, d: false } : { l, d });
      return done(isReal ? 'jump in real mode' : 'jump');
    }
    case 'hlt':
      if (machine.cpl > 0) return protection(machine, 'hlt: cpl');
      machine.activity = 'hlt';
      return done('hlt');
  }
}
