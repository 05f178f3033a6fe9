// SPDX-License-Identifier: MIT
import type { CpuFeatures, CpuOperation, CpuOutcome, Vmcs } from '@kernel-models/hw-model/cpu';
import { bitsOf, predictCr0, predictCr4, valueOf, type Registers } from './reference.ts';

/*
 * A naive machine of VMX: how VMX operation is entered and left, VM entry with its checks, and VM
 * exit. Written from Intel SDM volume 3, "Introduction to VMX", "VM Entries", "VM Exits" and "VMX
 * Instruction Reference", and from nothing else: one plain object that is changed in place. What a
 * guest's masks and shadows do is not in it, nor are SMM and SVM.
 */

/** What the reference speaks of. */
export type VmxOperation = Extract<
  CpuOperation,
  {
    readonly op:
      | 'movToCr'
      | 'wrmsr'
      | 'rdmsr'
      | 'farJump'
      | 'iret'
      | 'vmxon'
      | 'vmxoff'
      | 'vmEntry'
      | 'guestExit'
      | 'memoryWrite';
  }
>;

/** The whole machine. */
export interface Machine {
  readonly features: CpuFeatures;
  cr0: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  dr7: bigint;
  rflags: bigint;
  cpl: number;
  l: boolean;
  d: boolean;
  featureControl: bigint;
  /** The page-directory-pointer entry at TABLE in memory, and the first one in the CPU. */
  entry: bigint;
  pdpte: bigint;
  isShutDown: boolean;
  /** Not in VMX operation, the hypervisor, or its guest. */
  vmx: 'off' | 'root' | Vmcs;
}

export interface Answer {
  readonly outcome: CpuOutcome;
  readonly path: string;
}

/** Where the only page-directory-pointer table with an entry lies. */
export const TABLE = 0x1000;
export const FEATURE_CONTROL = 0x3a;
const [PE, ET, NE, WP, NW, CD, PG] = [0, 4, 5, 16, 29, 30, 31] as const;
const [PSE, PAE, PGE, VMXE, PCIDE, SMEP, CET, LAM] = [4, 5, 7, 13, 17, 20, 23, 28] as const;
const [LME, LMA] = [8, 10] as const;
/** VM entry and VM exit leave these, and the reserved bits, as they are. */
const LEFT_ALONE: readonly number[] = [ET, NW, CD];
const DEFINED = [0, 1, 2, 3, ET, NE, WP, 18, NW, CD, PG];

const has = (value: bigint, bit: number): boolean => (value / 2n ** BigInt(bit)) % 2n === 1n;
const all = (value: bigint, bits: readonly number[]): boolean =>
  bits.every((bit) => has(value, bit));
const isWithin = (value: bigint, legal: bigint): boolean =>
  [...bitsOf(value)].every((bit) => has(legal, bit));

const done = (path: string): Answer => ({ outcome: { kind: 'done' }, path });
const undefinedOpcode = (path: string): Answer => ({ outcome: { kind: 'fault', vector: 6 }, path });
const protection = (machine: Machine, path: string): Answer =>
  has(machine.cr0, PE)
    ? { outcome: { kind: 'fault', vector: 13, errorCode: 0 }, path }
    : { outcome: { kind: 'fault', vector: 13 }, path };
const vmFail = (error: number, path: string): Answer => ({
  outcome: { kind: 'vmFail', error },
  path,
});

const isPaging = ({ cr0 }: Machine): boolean => has(cr0, PG);
const isPae = ({ cr0, cr4, efer }: Machine): boolean =>
  has(cr0, PG) && has(cr4, PAE) && !has(efer, LMA);
/** P with one of bits 2:1 or 8:5, at the address of bits 31:5. */
const isBadTable = ({ entry }: Machine, cr3: bigint): boolean =>
  ((cr3 % 2n ** 32n) / 32n) * 32n === BigInt(TABLE) &&
  has(entry, 0) &&
  [1, 2, 5, 6, 7, 8].some((bit) => has(entry, bit));
function loadTable(machine: Machine): void {
  const isThere = ((machine.cr3 % 2n ** 32n) / 32n) * 32n === BigInt(TABLE);
  machine.pdpte = isThere ? machine.entry : 0n;
}

/** CR3 without bits above the physical address; LAM has two there. */
const isLegalCr3 = ({ maxPhyAddr, cr4Valid }: CpuFeatures, cr3: bigint): boolean =>
  [...bitsOf(cr3)].every(
    (bit) => bit < maxPhyAddr || (has(cr4Valid, LAM) && (bit === 61 || bit === 62)),
  );
const isLegalEfer = ({ eferValid }: CpuFeatures, efer: bigint): boolean =>
  isWithin(efer, eferValid + (has(eferValid, LMA) ? 0n : 2n ** BigInt(LMA)));
const isFixedCr4 = ({ cr4Valid }: CpuFeatures, cr4: bigint): boolean =>
  has(cr4, VMXE) && isWithin(cr4, cr4Valid);

/** "Checks on Host Control Registers, MSRs" and "Checks Related to Address-Space Size". */
function hostProblem({ features, efer }: Machine, vmcs: Vmcs): string | undefined {
  const { hostCr0, hostCr3, hostCr4, hostEfer, hostAddressSpaceSize, ia32eModeGuest } = vmcs;
  if (!all(hostCr0, [PE, NE, PG]) || hostCr0 >= 2n ** 32n) return 'cr0';
  if (!isFixedCr4(features, hostCr4)) return 'cr4';
  if (!isLegalCr3(features, hostCr3)) return 'cr3';
  if (has(hostCr4, CET) && !has(hostCr0, WP)) return 'cet';
  if (has(efer, LMA) !== hostAddressSpaceSize) return 'address space';
  if (hostAddressSpaceSize && !has(hostCr4, PAE)) return 'pae';
  if (!hostAddressSpaceSize && (ia32eModeGuest || has(hostCr4, PCIDE))) return '32-bit host';
  if (!isLegalEfer(features, hostEfer)) return 'efer';
  if ([LMA, LME].some((bit) => has(hostEfer, bit) !== hostAddressSpaceSize)) return 'lma and lme';
  return undefined;
}

/** "Checks on Guest Control Registers, Debug Registers, and MSRs", and those on PDPTEs. */
function guestProblem(machine: Machine, vmcs: Vmcs): string | undefined {
  const { features } = machine;
  const { guestCr0, guestCr3, guestCr4, guestEfer, ia32eModeGuest, unrestrictedGuest } = vmcs;
  const isGuestPaging = has(guestCr0, PG);
  if (!all(guestCr0, unrestrictedGuest ? [NE] : [PE, NE, PG])) return 'cr0';
  if (guestCr0 >= 2n ** 32n) return 'high half of cr0';
  if (isGuestPaging && !has(guestCr0, PE)) return 'pg without pe';
  if (!isFixedCr4(features, guestCr4)) return 'cr4';
  if (!isLegalCr3(features, guestCr3)) return 'cr3';
  if (has(guestCr4, CET) && !has(guestCr0, WP)) return 'cet';
  if (ia32eModeGuest && !(isGuestPaging && has(guestCr4, PAE))) return 'ia-32e mode';
  if (!ia32eModeGuest && has(guestCr4, PCIDE)) return 'pcide';
  if (!isLegalEfer(features, guestEfer)) return 'efer';
  if (has(guestEfer, LMA) !== ia32eModeGuest) return 'lma';
  if (isGuestPaging && has(guestEfer, LMA) !== has(guestEfer, LME)) return 'lme';
  const isGuestPae = isGuestPaging && has(guestCr4, PAE) && !ia32eModeGuest;
  return isGuestPae && isBadTable(machine, guestCr3) ? 'pdpte' : undefined;
}

/** CR0 of a field, but for what is left alone. */
const loadedCr0 = (field: bigint, current: bigint): bigint =>
  valueOf(
    new Set(
      DEFINED.filter((bit) => has(LEFT_ALONE.includes(bit) ? current : field, bit)).concat(ET),
    ),
  );

/** VM exit, for a reason: the host, or VMX abort where its page-directory pointers are spoilt. */
function exit(machine: Machine, vmcs: Vmcs, reason: number, path: string): Answer {
  const { hostCr0, hostCr3, hostCr4, hostEfer, hostAddressSpaceSize: is64Bit } = vmcs;
  const cr4 = new Set(bitsOf(hostCr4));
  const efer = new Set(bitsOf(hostEfer));
  if (is64Bit) cr4.add(PAE);
  else cr4.delete(PCIDE);
  for (const bit of [LMA, LME]) if (!is64Bit) efer.delete(bit);
  for (const bit of [LMA, LME]) if (is64Bit) efer.add(bit);
  Object.assign(machine, {
    cr0: loadedCr0(hostCr0, machine.cr0),
    cr3: hostCr3,
    cr4: valueOf(cr4),
    efer: valueOf(efer),
    dr7: 0x400n,
    rflags: 2n,
    cpl: 0,
    l: is64Bit,
    d: !is64Bit,
    vmx: 'root',
  });
  if (isPae(machine)) {
    const isAborted = isBadTable(machine, hostCr3);
    loadTable(machine);
    if (isAborted) {
      machine.isShutDown = true;
      return { outcome: { kind: 'shutdown' }, path: 'abort' };
    }
  }
  return { outcome: { kind: 'exit', reason: BigInt(reason), qualification: 0n }, path };
}

/** #UD for all of them: real mode, and compatibility mode. */
const hasNoVmx = ({ cr0, efer, l }: Machine): boolean => !has(cr0, PE) || (has(efer, LMA) && !l);

function vmxon(machine: Machine): Answer {
  const { cr0, cr4, cpl, featureControl, features, vmx } = machine;
  if (hasNoVmx(machine) || !has(cr4, VMXE)) return undefinedOpcode('vmxon: no vmxe');
  if (typeof vmx === 'object') return exit(machine, vmx, 27, 'vmxon in a guest');
  if (cpl > 0) return protection(machine, 'vmxon: cpl');
  if (vmx === 'root') return vmFail(15, 'vmxon again');
  const isSupported = all(cr0, [PE, NE, PG]) && isFixedCr4(features, cr4);
  if (!isSupported) return protection(machine, 'vmxon: fixed bits');
  if (!all(featureControl, [0, 2])) return protection(machine, 'vmxon: feature control');
  machine.vmx = 'root';
  return done('vmxon');
}

function vmxoff(machine: Machine): Answer {
  const { vmx } = machine;
  if (vmx === 'off' || hasNoVmx(machine)) return undefinedOpcode('vmxoff: no vmx');
  if (vmx !== 'root') return exit(machine, vmx, 26, 'vmxoff in a guest');
  if (machine.cpl > 0) return protection(machine, 'vmxoff: cpl');
  machine.vmx = 'off';
  return done('vmxoff');
}

function vmEntry(machine: Machine, vmcs: Vmcs): Answer {
  const { vmx } = machine;
  if (vmx === 'off' || hasNoVmx(machine)) return undefinedOpcode('entry: no vmx');
  if (vmx !== 'root') return exit(machine, vmx, 20, 'entry in a guest');
  if (machine.cpl > 0) return protection(machine, 'entry: cpl');
  if ((vmcs.crExiting?.cr3Targets.length ?? 0) > 4) return vmFail(7, 'cr3 targets');
  const host = hostProblem(machine, vmcs);
  if (host !== undefined) return vmFail(8, `host: ${host}`);
  const guest = guestProblem(machine, vmcs);
  if (guest !== undefined) return exit(machine, vmcs, 0x8000_0021, `guest: ${guest}`);
  Object.assign(machine, {
    cr0: loadedCr0(vmcs.guestCr0, machine.cr0),
    cr3: vmcs.guestCr3,
    cr4: vmcs.guestCr4,
    efer: vmcs.guestEfer,
    l: vmcs.guestCsL,
    d: !vmcs.guestCsL,
    vmx: vmcs,
  });
  if (isPae(machine)) loadTable(machine);
  return done('guest runs');
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

/** MOV to CR0 and CR4 with what VMX operation asks of both; the guest owns all bits. */
function writeCr(machine: Machine, cr: 0 | 4, value: bigint): Answer {
  const { vmx, features } = machine;
  if (machine.cpl > 0) return protection(machine, 'mov: cpl');
  const predicted =
    cr === 0
      ? predictCr0(registersOf(machine), value)
      : predictCr4(registersOf(machine), value, features);
  if ('faults' in predicted) return protection(machine, `mov to cr${cr}`);
  const next = predicted.registers[cr === 0 ? 'cr0' : 'cr4'];
  const isFree = typeof vmx === 'object' && vmx.unrestrictedGuest;
  const fixed = cr === 4 ? [VMXE] : isFree ? [NE] : [PE, NE, PG];
  if (vmx !== 'off' && !fixed.every((bit) => next.has(bit))) {
    return protection(machine, `mov to cr${cr}: fixed bits`);
  }
  const before = cr === 0 ? machine.cr0 : machine.cr4;
  const changed = (bit: number): boolean => next.has(bit) !== has(before, bit);
  const isLoaded = (cr === 0 ? [PG, CD, NW] : [PSE, PAE, PGE, SMEP]).some(changed);
  const after = { ...machine };
  after.cr0 = valueOf(predicted.registers.cr0);
  after.cr4 = valueOf(predicted.registers.cr4);
  after.efer = valueOf(predicted.registers.efer);
  const loads = isLoaded && isPaging(after) && isPae(after);
  if (loads && isBadTable(machine, machine.cr3)) return protection(machine, `cr${cr}: pdptes`);
  Object.assign(machine, { cr0: after.cr0, cr4: after.cr4, efer: after.efer });
  if (loads) loadTable(machine);
  return done(`cr${cr} written`);
}

/** MSRs: the one that VMXON looks at, and numbers that no bitmap covers. */
function accessMsr(machine: Machine, msr: number, value: bigint | undefined): Answer {
  if (machine.cpl > 0) return protection(machine, 'msr: cpl');
  const isCovered = msr < 0x2000 || (msr >= 0xc000_0000 && msr < 0xc000_2000);
  if (typeof machine.vmx === 'object' && !isCovered) {
    return exit(machine, machine.vmx, value === undefined ? 31 : 32, 'msr outside the bitmaps');
  }
  if (msr !== FEATURE_CONTROL || value === undefined) return protection(machine, 'no such msr');
  if (has(machine.featureControl, 0) || value > 7n) return protection(machine, 'locked');
  machine.featureControl = value;
  return done('feature control');
}

/** Does an operation to a machine, in place. */
export function perform(machine: Machine, operation: VmxOperation): Answer {
  switch (operation.op) {
    case 'guestExit':
      if (typeof machine.vmx === 'object') return exit(machine, machine.vmx, 1, 'interrupt');
      return { outcome: { kind: 'ignored' }, path: 'no guest' };
    case 'memoryWrite':
      machine.entry = operation.value;
      return done('memory');
    default:
  }
  if (machine.isShutDown) return { outcome: { kind: 'ignored' }, path: 'shut down' };
  switch (operation.op) {
    case 'movToCr':
      return writeCr(machine, operation.cr === 0 ? 0 : 4, operation.value);
    case 'wrmsr':
      return accessMsr(machine, operation.msr, operation.value);
    case 'rdmsr':
      return accessMsr(machine, operation.msr, undefined);
    case 'farJump':
      machine.l = operation.l;
      machine.d = operation.d;
      return done('far jump');
    case 'iret':
      machine.cpl = operation.cpl;
      return done('return');
    case 'vmxon':
      return vmxon(machine);
    case 'vmxoff':
      return vmxoff(machine);
    case 'vmEntry':
      return vmEntry(machine, operation.vmcs);
  }
}
