// SPDX-License-Identifier: MIT
import type {
  CpuFeatures,
  CpuOperation,
  CpuOutcome,
  HostSave,
  Vmcb,
  VmcbSave,
} from '@kernel-models/hw-model/cpu';
import {
  bitsOf,
  predictCr0,
  predictCr4,
  predictEfer,
  valueOf,
  type Prediction,
  type Registers,
} from './reference.ts';

/*
 * A naive machine of SVM: a host, its VMRUN, the guest's accesses to control registers and MSRs, and
 * #VMEXIT. Written from AMD APM volume 2 (24593, rev. 3.42), "VMRUN Instruction", "#VMEXIT", "MSR
 * Intercepts" and the table "Instruction Intercepts", and from nothing else: one plain object that is
 * changed in place. Memory is one page-directory-pointer entry. Without SMM and VMX.
 */

/** What the reference speaks of. */
export type SvmOperation = Extract<
  CpuOperation,
  {
    readonly op:
      | 'movToCr'
      | 'movFromCr'
      | 'clts'
      | 'lmsw'
      | 'smsw'
      | 'rdmsr'
      | 'wrmsr'
      | 'iret'
      | 'vmrun'
      | 'guestExit'
      | 'hostSaveWrite';
  }
>;

/** The whole machine. */
export interface Machine {
  readonly features: CpuFeatures;
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  cr8: bigint;
  efer: bigint;
  dr6: bigint;
  dr7: bigint;
  cpl: VmcbSave['cpl'];
  l: boolean;
  d: boolean;
  /** The first page-directory-pointer entry in the CPU, and that in memory with its address. */
  pdpte: bigint;
  readonly memory: { readonly address: bigint; readonly entry: bigint } | null;
  isShutDown: boolean;
  /** What runs under which VMCB, its V_TPR, and what #VMEXIT will load; null: the host runs. */
  guest: { readonly vmcb: Vmcb; vTpr: bigint; host: HostSave } | null;
}

/** What an operation answers, and the sentence of the manual that decided. */
export interface Answer {
  readonly outcome: CpuOutcome;
  readonly path: string;
}

const EFER = 0xc000_0080;
/** Names of the bits that rules speak of, by number. */
const [PE, MP, TS, ET, WP, NW, CD, PG] = [0, 1, 3, 4, 16, 29, 30, 31] as const;
const [PSE, PAE, PGE, UMIP, PCIDE, SMEP, CET, LAM] = [4, 5, 7, 11, 17, 20, 23, 28] as const;
const [LME, LMA, SVME] = [8, 10, 12] as const;
const CR0_KEPT = [PE, MP, 2, TS, ET, 5, WP, 18, NW, CD, PG];
/** Exit codes, from the appendix on intercept exit codes; those of CRn are 0 + n and 10h + n. */
const [VMEXIT_INTR, VMEXIT_CR0_SEL_WRITE, VMEXIT_MSR, VMEXIT_VMRUN] = [
  0x60, 0x65, 0x7c, 0x80,
] as const;
const VMEXIT_INVALID = 2n ** 64n - 1n;

const has = (value: bigint, bit: number): boolean => (value / 2n ** BigInt(bit)) % 2n === 1n;
const within = (value: bigint, from: number): boolean => value < 2n ** BigInt(from);
const low32 = (value: bigint): bigint => value % 2n ** 32n;

/** CR0 as it is kept: reserved bits are dropped, ET reads 1. */
const kept = (value: bigint): bigint =>
  valueOf(new Set([...bitsOf(value)].filter((bit) => CR0_KEPT.includes(bit)).concat(ET)));

/** EFER with LMA as hardware keeps it: LME under paging. */
const withLma = (efer: bigint, cr0: bigint): bigint => {
  const bits = new Set(bitsOf(efer));
  bits.delete(LMA);
  if (bits.has(LME) && has(cr0, PG)) bits.add(LMA);
  return valueOf(bits);
};

const is64Bit = ({ efer, l }: Machine): boolean => has(efer, LMA) && l;
const operand = (machine: Machine, value: bigint): bigint =>
  is64Bit(machine) ? value : low32(value);

const done = (path: string): Answer => ({ outcome: { kind: 'done' }, path });
const value = (path: string, read: bigint): Answer => ({
  outcome: { kind: 'value', value: read },
  path,
});
const ignored = (path: string): Answer => ({ outcome: { kind: 'ignored' }, path });
const undefinedOpcode = (path: string): Answer => ({ outcome: { kind: 'fault', vector: 6 }, path });
/** #GP(0); real mode pushes no error code. */
const protection = (machine: Machine, path: string): Answer =>
  has(machine.cr0, PE)
    ? { outcome: { kind: 'fault', vector: 13, errorCode: 0 }, path }
    : { outcome: { kind: 'fault', vector: 13 }, path };

/** What MOV must not set in CR3: bits above physical addresses, but for LAM's two. */
function hasReservedCr3(features: CpuFeatures, cr3: bigint): boolean {
  const isLegal = (bit: number): boolean =>
    bit < features.maxPhyAddr || ((bit === 61 || bit === 62) && has(features.cr4Valid, LAM));
  return [...bitsOf(cr3)].some((bit) => !isLegal(bit));
}

const isReserved = (bits: bigint, legal: bigint): boolean =>
  [...bitsOf(bits)].some((bit) => !has(legal, bit));
const wantsLongMode = ({ cr0, efer }: HostSave): boolean => has(efer, LME) && has(cr0, PG);

/** "If the guest is in PAE paging mode": whether a save area leads there. */
const wantsPae = (save: HostSave): boolean =>
  has(save.cr0, PG) && has(save.cr4, PAE) && !wantsLongMode(save);
/** The entry that a CR3 names: bits 31:5 are its address. */
const entryAt = ({ memory }: Machine, cr3: bigint): bigint =>
  memory?.address === low32(cr3) - (cr3 % 32n) ? memory.entry : 0n;
/** P with one of bits 2:1 or 8:5. */
const isBadTable = (machine: Machine, cr3: bigint): boolean => {
  const entry = entryAt(machine, cr3);
  return has(entry, 0) && [1, 2, 5, 6, 7, 8].some((bit) => has(entry, bit));
};
/** Without memory nothing is loaded. */
function loadTable(machine: Machine): void {
  if (machine.memory !== null) machine.pdpte = entryAt(machine, machine.cr3);
}

/** "Canonicalization and Consistency Checks" of a guest: the first that it breaks, by name. */
function illegal(machine: Machine, save: VmcbSave): string | undefined {
  const { features } = machine;
  const { cr0, cr3, cr4, efer, dr6, dr7 } = save;
  const isLong = wantsLongMode(save);
  if (!has(efer, SVME)) return 'svme is clear';
  if (!has(cr0, CD) && has(cr0, NW)) return 'nw without cd';
  if (!within(cr0, 32)) return 'high half of cr0';
  if (isLong && !within(cr3, features.maxPhyAddr)) return 'reserved bit of cr3';
  if (isReserved(cr4, features.cr4Valid)) return 'reserved bit of cr4';
  if (!within(dr6, 32) || !within(dr7, 32)) return 'high half of dr6 or dr7';
  if (isReserved(efer, features.eferValid)) return 'reserved bit of efer';
  if (isLong && !has(cr4, PAE)) return 'long mode without pae';
  if (isLong && !has(cr0, PE)) return 'long mode without pe';
  if (isLong && has(cr4, PAE) && save.csL && save.csD) return 'cs.l and cs.d';
  if (has(cr4, CET) && !has(cr0, WP)) return 'cet without wp';
  if (wantsPae(save) && isBadTable(machine, cr3)) return 'reserved bit of a pdpte';
  return undefined;
}

/**
 * Of a host: the "appropriate subset", which the manual does not list. Taken here: what no CPU can
 * hold whatever VMRUN and MOV say, so neither SVME nor CR3 nor CS.
 */
function illegalHost(machine: Machine, save: HostSave): string | undefined {
  const { features } = machine;
  const { cr0, cr3, cr4, efer } = save;
  if (!within(cr0, 32) || (!has(cr0, CD) && has(cr0, NW))) return 'cr0';
  if (wantsLongMode(save) && !has(cr4, PAE)) return 'long mode without pae';
  if (isReserved(cr4, features.cr4Valid)) return 'reserved bit of cr4';
  if (has(cr4, PCIDE) && !wantsLongMode(save)) return 'pcide outside long mode';
  if (has(cr4, CET) && !has(cr0, WP)) return 'cet without wp';
  if (isReserved(efer, features.eferValid)) return 'reserved bit of efer';
  if (wantsPae(save) && isBadTable(machine, cr3)) return 'reserved bit of a pdpte';
  return undefined;
}

/** "Saving Host State": no CR2, no debug registers, no task priority. */
const hostOf = ({ cr0, cr3, cr4, efer, l, d }: Machine): HostSave => ({
  cr0,
  cr3,
  cr4,
  efer,
  csL: l,
  csD: d,
});

/** "The same subset of processor state as is loaded by the VMRUN instruction". */
const savedOf = (machine: Machine, vTpr: bigint): VmcbSave => {
  const { cr2, dr6, dr7, cpl } = machine;
  return { ...hostOf(machine), cr2, dr6, dr7, cpl, vTpr };
};

function load(machine: Machine, save: HostSave): void {
  machine.cr0 = kept(save.cr0);
  machine.cr3 = save.cr3;
  machine.cr4 = save.cr4;
  machine.efer = withLma(save.efer, save.cr0);
  machine.l = save.csL;
  machine.d = save.csD;
  if (wantsPae(save)) loadTable(machine);
}

/**
 * #VMEXIT: the host as it was saved, with PE forced, at CPL 0. An illegal one shuts down, with the
 * registers that were there: nobody can read them. Breakpoints are off, and DR7 else as after
 * reset, which the manual leaves open.
 */
function exit(machine: Machine, reason: bigint, path: string, info = 0n): Answer {
  const { guest } = machine;
  if (guest === null) throw new Error('#VMEXIT: expected a guest');
  const { host, vTpr } = guest;
  const forced = { ...host, cr0: has(host.cr0, PE) ? host.cr0 : host.cr0 + 1n };
  machine.guest = null;
  const broken = illegalHost(machine, forced);
  if (broken !== undefined) {
    machine.isShutDown = true;
    return { outcome: { kind: 'shutdown' }, path: `host: ${broken}` };
  }
  const saved = savedOf(machine, vTpr);
  load(machine, forced);
  machine.cpl = 0;
  machine.dr7 = 0x400n;
  const isForced = forced.cr0 !== host.cr0;
  return {
    outcome: { kind: 'exit', reason, qualification: info, saved },
    path: isForced ? 'pe forced' : path,
  };
}

/** Undefined: nothing is intercepted. */
function intercepted(machine: Machine, code: number, path: string): Answer | undefined {
  const { guest } = machine;
  if (guest === null) return undefined;
  const isRead = code < 0x10;
  const mask = isRead ? guest.vmcb.interceptCrReads : guest.vmcb.interceptCrWrites;
  if (!has(BigInt(mask), code % 16)) return undefined;
  return exit(machine, BigInt(code), path);
}

function registersOf({ cr0, cr3, cr4, efer, l }: Machine): Registers {
  return {
    cr0: bitsOf(cr0),
    cr4: bitsOf(cr4),
    efer: bitsOf(efer),
    cr3Low: Number(cr3 % 4096n),
    l,
  };
}

function take(machine: Machine, predicted: Prediction): void {
  if ('faults' in predicted) return;
  machine.cr0 = valueOf(predicted.registers.cr0);
  machine.cr4 = valueOf(predicted.registers.cr4);
  machine.efer = valueOf(predicted.registers.efer);
}

/** "Checks non-memory exceptions before the intercept", the selective one after the other. */
function writeCr0(machine: Machine, source: bigint): Answer {
  const predicted = predictCr0(registersOf(machine), source);
  if ('faults' in predicted) return protection(machine, 'cr0 value');
  const exited = intercepted(machine, 0x10, 'write of cr0');
  if (exited !== undefined) return exited;
  const { guest, cr0 } = machine;
  const next = predicted.registers.cr0;
  const changed = CR0_KEPT.filter((bit) => next.has(bit) !== has(cr0, bit));
  if (guest?.vmcb.selectiveCr0Write === true && changed.some((bit) => bit !== TS && bit !== MP)) {
    return exit(machine, BigInt(VMEXIT_CR0_SEL_WRITE), 'selective write of cr0');
  }
  const isPae = next.has(PG) && has(machine.cr4, PAE) && !has(machine.efer, LME);
  const loads = isPae && [PG, CD, NW].some((bit) => changed.includes(bit));
  if (loads && isBadTable(machine, machine.cr3)) return protection(machine, 'cr0 pdptes');
  take(machine, predicted);
  if (loads) loadTable(machine);
  return done(guest?.vmcb.selectiveCr0Write === true ? 'cr0 written, ts and mp' : 'cr0 written');
}

function writeCr3(machine: Machine, source: bigint): Answer {
  const word = operand(machine, source);
  const isTagged = has(machine.cr4, PCIDE) && has(word, 63);
  const stored = isTagged ? word - 2n ** 63n : word;
  if (hasReservedCr3(machine.features, stored)) return protection(machine, 'cr3 value');
  const exited = intercepted(machine, 0x13, 'write of cr3');
  if (exited !== undefined) return exited;
  const isPae = has(machine.cr0, PG) && has(machine.cr4, PAE) && !has(machine.efer, LMA);
  if (isPae && isBadTable(machine, stored)) return protection(machine, 'cr3 pdptes');
  machine.cr3 = stored;
  if (isPae) loadTable(machine);
  return done(isTagged ? 'cr3 written, no flush' : 'cr3 written');
}

function writeCr4(machine: Machine, source: bigint): Answer {
  const predicted = predictCr4(registersOf(machine), source, machine.features);
  if ('faults' in predicted) return protection(machine, 'cr4 value');
  const exited = intercepted(machine, 0x14, 'write of cr4');
  if (exited !== undefined) return exited;
  const next = predicted.registers.cr4;
  const isPae = has(machine.cr0, PG) && next.has(PAE) && !has(machine.efer, LMA);
  const loads =
    isPae && [PSE, PAE, PGE, SMEP].some((bit) => next.has(bit) !== has(machine.cr4, bit));
  if (loads && isBadTable(machine, machine.cr3)) return protection(machine, 'cr4 pdptes');
  take(machine, predicted);
  if (loads) loadTable(machine);
  return done('cr4 written');
}

/** CR8 takes a REX prefix, which only 64-bit mode has, or AMD's LOCK in its place. */
function exists(machine: Machine, cr: number): boolean {
  if (cr === 8) return is64Bit(machine) || machine.features.vendor === 'amd';
  return [0, 2, 3, 4].includes(cr);
}

function writeCr(machine: Machine, cr: number, source: bigint): Answer {
  if (!exists(machine, cr)) return undefinedOpcode('no such cr');
  if (machine.cpl > 0) return protection(machine, 'cpl');
  if (cr === 0) return writeCr0(machine, source);
  if (cr === 3) return writeCr3(machine, source);
  if (cr === 4) return writeCr4(machine, source);
  const word = operand(machine, source);
  if (cr === 8 && !within(word, 4)) return protection(machine, 'cr8 value');
  const exited = intercepted(machine, 0x10 + cr, `write of cr${cr}`);
  if (exited !== undefined) return exited;
  if (cr === 2) {
    machine.cr2 = word;
    return done('cr2 written');
  }
  const { guest } = machine;
  if (guest !== null) guest.vTpr = word;
  const isMasked = guest?.vmcb.virtualTpr === true;
  if (!isMasked) machine.cr8 = word;
  return done(isMasked ? 'v_tpr written' : 'cr8 written');
}

function readCr(machine: Machine, cr: number): Answer {
  if (!exists(machine, cr)) return undefinedOpcode('no such cr');
  if (machine.cpl > 0) return protection(machine, 'cpl');
  const exited = intercepted(machine, cr, `read of cr${cr}`);
  if (exited !== undefined) return exited;
  const { cr0, cr2, cr3, cr4, cr8, guest } = machine;
  if (cr === 8 && guest?.vmcb.virtualTpr === true) return value('v_tpr read', guest.vTpr);
  const read = new Map([
    [0, cr0],
    [2, cr2],
    [3, cr3],
    [4, cr4],
    [8, cr8],
  ]).get(cr);
  return value(`cr${cr} read`, operand(machine, read ?? 0n));
}

/** Checks the generic intercept, not the selective one. */
function clts(machine: Machine): Answer {
  if (machine.cpl > 0) return protection(machine, 'cpl');
  const exited = intercepted(machine, 0x10, 'clts');
  if (exited !== undefined) return exited;
  if (has(machine.cr0, TS)) machine.cr0 -= 2n ** BigInt(TS);
  return done('ts cleared');
}

/** To LMSW the selective intercept is one that looks at no value. */
function lmsw(machine: Machine, source: bigint): Answer {
  if (machine.cpl > 0) return protection(machine, 'cpl');
  const exited = intercepted(machine, 0x10, 'lmsw');
  if (exited !== undefined) return exited;
  const { guest, cr0 } = machine;
  if (guest?.vmcb.selectiveCr0Write === true) {
    return exit(machine, BigInt(VMEXIT_CR0_SEL_WRITE), 'selective lmsw');
  }
  machine.cr0 = cr0 - (cr0 % 16n) + (source % 16n);
  if (has(cr0, PE) && !has(machine.cr0, PE)) machine.cr0 += 1n;
  return done('msw loaded');
}

function smsw(machine: Machine): Answer {
  if (machine.cpl > 0 && has(machine.cr4, UMIP)) return protection(machine, 'umip');
  return intercepted(machine, 0, 'smsw') ?? value('msw read', machine.cr0);
}

/** "MSR Ranges Covered by MSRPM"; the map itself has no bit set. */
const isCovered = (msr: number): boolean =>
  [0, 0xc000_0000, 0xc001_0000].some((first) => first <= msr && msr < first + 0x2000);

/** RDMSR and WRMSR: the privilege, the intercept, and then what the MSR says. Only EFER is there. */
function accessMsr(machine: Machine, msr: number, written: bigint | undefined): Answer {
  if (machine.cpl > 0) return protection(machine, 'cpl');
  if (machine.guest?.vmcb.interceptMsrs === true && !isCovered(msr)) {
    const isRead = written === undefined;
    const path = `${isRead ? 'rdmsr' : 'wrmsr'} outside the map`;
    return exit(machine, BigInt(VMEXIT_MSR), path, isRead ? 0n : 1n);
  }
  if (msr !== EFER) return protection(machine, 'no such msr');
  if (written === undefined) return value('efer read', machine.efer);
  const predicted = predictEfer(registersOf(machine), written, machine.features);
  if ('faults' in predicted) return protection(machine, 'efer value');
  take(machine, predicted);
  return done('efer written');
}

function vmrun(machine: Machine, vmcb: Vmcb): Answer {
  if (!has(machine.efer, SVME) || !has(machine.cr0, PE)) return undefinedOpcode('no svm');
  if (machine.cpl > 0) return protection(machine, 'cpl');
  const { guest } = machine;
  if (guest !== null) return exit(machine, BigInt(VMEXIT_VMRUN), 'vmrun in a guest');
  const { save } = vmcb;
  const broken = illegal(machine, save);
  if (broken !== undefined) {
    const outcome = { kind: 'exit', reason: VMEXIT_INVALID, qualification: 0n } as const;
    return { outcome, path: `guest: ${broken}` };
  }
  machine.guest = { vmcb, vTpr: save.vTpr, host: hostOf(machine) };
  load(machine, save);
  machine.cr2 = save.cr2;
  machine.dr6 = save.dr6;
  machine.dr7 = save.dr7;
  machine.cpl = has(save.cr0, PE) ? save.cpl : 0;
  return done(has(save.cr0, PE) || save.cpl === 0 ? 'guest runs' : 'guest runs, cpl forced');
}

/** Does an operation to a machine, in place. */
export function perform(machine: Machine, operation: SvmOperation): Answer {
  const { guest, isShutDown } = machine;
  if (operation.op === 'guestExit') {
    if (guest === null) return ignored('no guest');
    return exit(machine, BigInt(VMEXIT_INTR), 'interrupt');
  }
  if (operation.op === 'hostSaveWrite') {
    if (guest === null) return done('no guest');
    guest.host = operation.host;
    return done('host changed');
  }
  if (isShutDown) return ignored('shut down');
  switch (operation.op) {
    case 'movToCr':
      return writeCr(machine, operation.cr, operation.value);
    case 'movFromCr':
      return readCr(machine, operation.cr);
    case 'clts':
      return clts(machine);
    case 'lmsw':
      return lmsw(machine, operation.value);
    case 'smsw':
      return smsw(machine);
    case 'rdmsr':
    case 'wrmsr':
      return accessMsr(
        machine,
        operation.msr,
        operation.op === 'wrmsr' ? operation.value : undefined,
      );
    case 'iret':
      machine.cpl = operation.cpl;
      machine.l = operation.l;
      machine.d = operation.d;
      return done('returned');
    case 'vmrun':
      return vmrun(machine, operation.vmcb);
  }
}
