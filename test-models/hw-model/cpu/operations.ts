// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { RevisionId } from '@kernel-models/model-core';
import {
  CR0_DEFINED,
  CR4_DEFINED,
  type cpuModel,
  isGuestMode,
  MSR_EFER,
  MSR_IA32_FEATURE_CONTROL,
  type ControlState,
  type CpuOperation,
  type CpuSetup,
  type HostSave,
  type Vmcb,
  type Vmcs,
} from '@kernel-models/hw-model/cpu';

/** A number from which an operation is made, once the state is known. */
export type Choice = readonly [kind: number, value: bigint];

/** Any choice. */
export const choice: fc.Arbitrary<Choice> = fc.tuple(fc.nat(999), fc.bigInt(0n, (1n << 64n) - 1n));

/** A CPU from reset, with everything that it can have. */
export const SETUPS: readonly CpuSetup[] = [
  { cpu: 'bochs-tigerlake' },
  { cpu: 'bochs-ryzen' },
  { cpu: 'everything' },
  { cpu: 'everything', applicationProcessor: true },
  { cpu: 'bochs-tigerlake', cr0: 0x8001_0033n, cr4: 0x2020n, efer: 0x500n, csL: true },
  { cpu: 'bochs-tigerlake', cr0: 0x8001_0033n, cr4: 0x82_0020n, efer: 0x500n, csD: true },
  { cpu: 'bochs-ryzen', cr0: 0x8001_0033n, cr4: 0x20n, efer: 0x1500n, csL: true },
  { cpu: 'everything', cr0: 0x8001_0033n, cr4: 0x2020n, efer: 0x500n, csL: true, memory: [] },
];

/**
 * The state in which a history begins: a CPU that runs 64-bit code and can, is in VMX operation.
 */
export function startOf(
  { initial, apply }: typeof cpuModel,
  setup: CpuSetup,
  revision: RevisionId,
): ControlState {
  const enable: CpuOperation = { op: 'wrmsr', msr: MSR_IA32_FEATURE_CONTROL, value: 5n };
  const state = initial(setup);
  if (setup.csL !== true || setup.cpu === 'bochs-ryzen') return state;
  return apply(apply(state, enable, revision).state, { op: 'vmxon' }, revision).state;
}

/** A few bits of the current value flipped, chosen by the bits of a number. */
function near(current: bigint, defined: bigint, value: bigint): bigint {
  const style = value % 8n;
  if (style === 0n) return value;
  if (style < 3n) return value & defined;
  const bit = (index: bigint): bigint => 1n << ((value >> (8n + 6n * index)) % 34n);
  return style < 6n ? current ^ bit(0n) : current ^ bit(0n) ^ bit(1n);
}

function vmcsOf({ cr0, cr3, cr4, efer, cs }: ControlState, value: bigint): Vmcs {
  // One field in sixteen, by and large, is not what the running state has.
  const isOdd = (nibble: bigint): boolean => (value >> (4n * nibble)) % 16n === 0n;
  const odd = (nibble: bigint, current: bigint, defined: bigint): bigint =>
    isOdd(nibble) ? near(current, defined, value >> 7n) : current;
  const leavesLongMode = isOdd(4n);
  return {
    guestCr0: odd(0n, cr0, CR0_DEFINED),
    guestCr3: cr3,
    guestCr4: odd(1n, cr4, CR4_DEFINED),
    guestEfer: leavesLongMode ? efer & ~0x500n : odd(9n, efer, 0xfffn),
    hostCr0: odd(2n, cr0, CR0_DEFINED),
    hostCr3: cr3,
    hostCr4: odd(3n, cr4, CR4_DEFINED),
    hostEfer: isOdd(5n) ? efer ^ 0x100n : efer,
    cr0GuestHostMask: value % 2n === 0n ? 0n : (value >> 3n) & CR0_DEFINED,
    cr4GuestHostMask: value % 3n === 0n ? 0n : (value >> 3n) & CR4_DEFINED,
    cr0ReadShadow: cr0,
    cr4ReadShadow: cr4,
    ia32eModeGuest: (efer & 0x400n) !== 0n && !leavesLongMode,
    hostAddressSpaceSize: !isOdd(6n),
    unrestrictedGuest: value % 5n < 3n,
    guestCsL: cs.l && !leavesLongMode,
    ...(isOdd(7n) && {
      crExiting: {
        loadCr3: value % 2n === 0n,
        storeCr3: value % 3n === 0n,
        loadCr8: value % 5n === 0n,
        storeCr8: value % 7n === 0n,
        cr3Targets: value % 11n === 0n ? [cr3] : [],
      },
    }),
  };
}

function vmcbOf({ cr0, cr3, cr4, efer, cs }: ControlState, value: bigint): Vmcb {
  return {
    save: {
      cr0: near(cr0, CR0_DEFINED, value >> 7n),
      cr2: value,
      cr3,
      cr4: near(cr4, CR4_DEFINED, value >> 9n),
      efer: value % 5n === 0n ? efer ^ 0x1000n : efer,
      dr6: value % 7n === 0n ? value : 0xffff_0ff0n,
      dr7: 0x400n,
      cpl: value % 11n === 0n ? 3 : 0,
      csL: cs.l,
      csD: value % 16n === 0n,
      vTpr: value % 16n,
    },
    interceptCrWrites: Number((value >> 20n) % 32n) & 0x11,
    interceptCrReads: Number((value >> 26n) % 32n) & 0x11,
    selectiveCr0Write: value % 3n === 0n,
    interceptMsrs: value % 2n === 0n,
    virtualTpr: value % 13n < 6n,
  };
}

function hostSaveOf(state: ControlState, value: bigint): HostSave {
  const { cr0, cr3, cr4, efer, csL, csD } = vmcbOf(state, value).save;
  return { cr0, cr3, cr4, efer, csL, csD };
}

/** Changes on which modes and the rules between registers depend: PG, PE, WP, CD, NW. */
const CR0_MODE = [0x8000_0000n, 0x8000_0001n, 1n, 0x1_0000n, 0x4000_0000n, 0x6000_0000n] as const;
/** EFER.LMA. */
const LMA = 0x400n;
/** PAE, PCIDE, CET, LA57. */
const CR4_MODE = [0x20n, 0x2_0000n, 0x80_0000n, 0x1000n] as const;

function oneOf(masks: readonly bigint[], value: bigint): bigint {
  return masks[Number(value % BigInt(masks.length))] ?? 0n;
}

/** The operation that a choice means in a state: what makes sense there comes more often. */
export function operationOf(state: ControlState, [kind, value]: Choice): CpuOperation {
  const { cr0, cr4, efer, smm, activity, virtualization } = state;
  if (activity === 'wait-for-sipi' && kind % 2 === 0) return { op: 'sipi', vector: kind % 256 };
  if (activity === 'shutdown' && kind % 2 === 0) return { op: 'reset' };
  if (smm.active && kind % 4 === 0) return { op: 'rsm' };
  if (smm.active && kind % 16 === 10 && smm.image?.layout === '64-bit') {
    return { op: 'smramWrite', offset: 0xfed0, size: 8, value: smm.image.efer ^ LMA };
  }
  if (smm.active && kind % 8 === 2) return smramWrite(state, kind, value);
  if (isGuestMode(virtualization) && kind % 8 === 1) return { op: 'guestExit' };
  const choices: readonly (() => CpuOperation)[] = [
    () => ({ op: 'movToCr', cr: 0, value: near(cr0, CR0_DEFINED, value) }),
    () => ({ op: 'movToCr', cr: 0, value: near(cr0, CR0_DEFINED, value) }),
    () => ({ op: 'movToCr', cr: 0, value: cr0 ^ oneOf(CR0_MODE, value) }),
    () => ({ op: 'movToCr', cr: 0, value: cr0 ^ oneOf(CR0_MODE, value) }),
    () => ({ op: 'movToCr', cr: 4, value: cr4 ^ oneOf(CR4_MODE, value) }),
    () => ({ op: 'movToCr', cr: 4, value: near(cr4, state.features.cr4Valid, value) }),
    () => ({ op: 'movToCr', cr: 4, value: near(cr4, state.features.cr4Valid, value) }),
    () => ({ op: 'movToCr', cr: kind % 16, value: value % 3n === 0n ? value : value % 0x1_0000n }),
    () => ({ op: 'movFromCr', cr: kind % 16 }),
    () => ({ op: 'wrmsr', msr: MSR_EFER, value: near(efer, state.features.eferValid, value) }),
    () => ({ op: 'lmsw', value: value % 0x1_0000n }),
    () => ({ op: 'clts' }),
    () => ({ op: 'smsw' }),
    () => ({ op: 'farJump', l: kind % 2 === 0, d: kind % 5 === 0 }),
    () => ({ op: 'farJump', l: false, d: true }),
    () => ({ op: 'iret', l: state.cs.l, d: state.cs.d, cpl: kind % 7 === 0 ? 3 : 0 }),
    () => ({ op: 'smi' }),
    () => smramWrite(state, kind, value),
    () => smramWrite(state, kind, value),
    () => ({ op: 'nmi' }),
    () => ({ op: 'init' }),
    () => ({ op: 'hlt' }),
    () => ({ op: 'rsm' }),
    () => ({ op: 'vmxon' }),
    () => ({ op: 'vmxoff' }),
    () => ({ op: 'vmEntry', vmcs: vmcsOf(state, value) }),
    () => ({ op: 'vmEntry', vmcs: vmcsOf(state, value) }),
    () => ({ op: 'vmrun', vmcb: vmcbOf(state, value) }),
    () => ({ op: 'hostSaveWrite', host: hostSaveOf(state, value) }),
    () => ({ op: 'wrmsr', msr: MSR_IA32_FEATURE_CONTROL, value: 5n }),
    () => ({ op: 'wrmsr', msr: MSRS[kind % MSRS.length] ?? 0, value: value % 0x10000n }),
    () => ({ op: 'rdmsr', msr: MSRS[kind % MSRS.length] ?? 0 }),
    () => ({ op: 'hostRdmsr', msr: MSRS[kind % MSRS.length] ?? 0 }),
    () => ({ op: 'hostWrmsr', msr: MSRS[kind % MSRS.length] ?? 0, value: value % 8n }),
    () => ({ op: 'memoryWrite', address: 8 * (kind % 4), value: value % 0x400n }),
    () => ({
      op: 'raise',
      vector: 13,
      errorCode: 0,
      ...(kind % 3 > 0 && { during: DURING(kind) }),
    }),
    () => ({ op: 'guestExit' }),
    () => ({ op: 'setSregs', sregs: sregsOf(state, value) }),
  ];
  const make = choices[Math.floor(kind / 8) % choices.length];
  return make === undefined ? { op: 'clts' } : make();
}

const DURING = (kind: number): 13 | 8 | 14 => (kind % 3 === 1 ? 13 : kind % 2 === 0 ? 8 : 14);

function sregsOf({ cr0, cr2, cr3, cr4, cr8, efer, cs }: ControlState, value: bigint) {
  return {
    cr0: near(cr0, CR0_DEFINED, value),
    cr2,
    cr3,
    cr4: near(cr4, CR4_DEFINED, value >> 5n),
    cr8,
    efer: value % 3n === 0n ? near(efer, 0xd01n, value >> 9n) : efer,
    csL: cs.l,
    csD: cs.d,
  };
}

/** Offsets of every saved register in both maps, and one between. */
const SAVED = [
  0xfed0, 0xff00, 0xff48, 0xff50, 0xff58, 0xff60, 0xff68, 0xff14, 0xfff8, 0xfffc, 0xfe00,
];

/** A write to the save area: often a control register that is near what was saved. */
function smramWrite({ smm: { image } }: ControlState, kind: number, value: bigint): CpuOperation {
  if (image !== null && image.layout === '64-bit' && kind % 4 > 0) {
    const places = [
      { offset: 0xff58, current: image.cr0, defined: CR0_DEFINED },
      { offset: 0xff48, current: image.cr4, defined: CR4_DEFINED },
      { offset: 0xfed0, current: image.efer, defined: 0xd01n },
    ] as const;
    const { offset, current, defined } = places[kind % 3] ?? places[0];
    return { op: 'smramWrite', offset, size: 8, value: near(current, defined, value) };
  }
  const offset = SAVED[kind % SAVED.length] ?? 0xff58;
  const low = value % 4n === 0n ? value : value & 0x8000_0001n;
  return { op: 'smramWrite', offset, size: kind % 3 === 0 ? 8 : 4, value: low };
}

const MSRS = [
  0x10, 0x1b, 0x3a, 0x9e, 0x174, 0x175, 0x277, 0x486, 0x489, 0x6a2, 0xc000_0082, 0xc001_0117, 0x999,
];
