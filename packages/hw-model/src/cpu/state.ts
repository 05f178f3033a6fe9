// SPDX-License-Identifier: MIT
import type { CpuFeatures } from './features.ts';
import type { SaveState } from './save-state.ts';
import { CR0_PE, CR0_PG, CR4_LA57, CR4_PAE, EFER_LMA } from './registers.ts';
import type { VirtualizationState } from './virtualization.ts';

/** Current privilege level. */
export type Cpl = 0 | 1 | 2 | 3;

/** What of CS decides how instructions are decoded. */
export interface CodeSegment {
  readonly selector: number;
  readonly base: bigint;
  /** 64-bit code, where long mode is active. Never together with `d` there. */
  readonly l: boolean;
  /** 32-bit operands and addresses by default. */
  readonly d: boolean;
}

/** The four page-directory-pointer entries that PAE paging keeps in the CPU. */
export type Pdptes = readonly [bigint, bigint, bigint, bigint];

/**
 * Quadwords of physical memory by their address, which is 8-byte aligned and below 2^52; every
 * other quadword is 0.
 */
export type PhysicalMemory = Readonly<Record<number, bigint>>;

/**
 * What an idle CPU waits for. Intel SDM volume 3, "Processor Management and Initialization" and
 * "Virtual-Machine Control Structures", activity state.
 */
export type Activity = 'active' | 'hlt' | 'shutdown' | 'wait-for-sipi';

/** System-management mode. */
export interface SmmState {
  readonly active: boolean;
  /** SMBASE: where the save area of the next SMI lies, minus 0xFE00. 32 bits. */
  readonly smbase: number;
  /**
   * The save area as the last SMI left it and the handler changed it; null before the first SMI.
   */
  readonly image: SaveState | null;
  /** Hardware virtualization that the SMI interrupted; RSM goes back to it. */
  readonly suspended: VirtualizationState | null;
}

/** Events that came while they were blocked; one of each is kept. */
export interface LatchedEvents {
  readonly smi: boolean;
  readonly init: boolean;
  readonly nmi: boolean;
}

/**
 * The control state of one logical CPU: plain immutable data. Registers are 64-bit values, 0 to
 * 2^64 - 1, whatever the mode shows of them.
 */
export interface ControlState {
  readonly features: CpuFeatures;
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** Task priority, 0 to 15. */
  readonly cr8: bigint;
  readonly efer: bigint;
  readonly cpl: Cpl;
  readonly cs: CodeSegment;
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly dr6: bigint;
  readonly dr7: bigint;
  readonly pdptes: Pdptes;
  /** MSRs, by number, that were written since reset; the others have their reset value. */
  readonly msrs: Readonly<Record<number, bigint>>;
  /** Null: no memory is attached, and whatever would be loaded from it is taken to be valid. */
  readonly memory: PhysicalMemory | null;
  readonly activity: Activity;
  readonly smm: SmmState;
  readonly nmiBlocked: boolean;
  readonly latched: LatchedEvents;
  /** VMX operation or an SVM guest; null outside of both. */
  readonly virtualization: VirtualizationState | null;
}

/**
 * The same state as an object of one shape, whichever spread it comes from. A spread of an object
 * that was itself made by a spread takes 1 to 7 microseconds (Node 20, measured), one of this takes
 * a tenth of that, so what is made often, and copied again, goes through here.
 */
export function sameShape(state: ControlState): ControlState {
  return {
    features: state.features,
    cr0: state.cr0,
    cr2: state.cr2,
    cr3: state.cr3,
    cr4: state.cr4,
    cr8: state.cr8,
    efer: state.efer,
    cpl: state.cpl,
    cs: state.cs,
    rip: state.rip,
    rflags: state.rflags,
    dr6: state.dr6,
    dr7: state.dr7,
    pdptes: state.pdptes,
    msrs: state.msrs,
    memory: state.memory,
    activity: state.activity,
    smm: state.smm,
    nmiBlocked: state.nmiBlocked,
    latched: state.latched,
    virtualization: state.virtualization,
  };
}

/** How linear addresses are translated. Intel SDM volume 3, "Paging", paging modes. */
export type PagingMode = 'none' | '32-bit' | 'PAE' | '4-level' | '5-level';

/** What CR0, CR4 and EFER say of a mode. */
type ModeRegisters = Pick<ControlState, 'cr0' | 'cr4' | 'efer'>;

/** CR0.PG. */
export function isPaging({ cr0 }: Pick<ControlState, 'cr0'>): boolean {
  return (cr0 & CR0_PG) !== 0n;
}

/** CR0.PE clear. */
export function isRealMode({ cr0 }: Pick<ControlState, 'cr0'>): boolean {
  return (cr0 & CR0_PE) === 0n;
}

/** EFER.LMA: long mode is active, in 64-bit or compatibility mode. */
export function isLongMode({ efer }: Pick<ControlState, 'efer'>): boolean {
  return (efer & EFER_LMA) !== 0n;
}

/** Long mode in a 64-bit code segment: operands of control instructions have 64 bits. */
export function is64BitMode({ efer, cs }: Pick<ControlState, 'efer' | 'cs'>): boolean {
  return (efer & EFER_LMA) !== 0n && cs.l;
}

/** Long mode in another code segment. */
export function isCompatibilityMode({ efer, cs }: Pick<ControlState, 'efer' | 'cs'>): boolean {
  return (efer & EFER_LMA) !== 0n && !cs.l;
}

/** PAE paging: PG and PAE without long mode, where the CPU holds PDPTEs. */
export function isPaePaging({ cr0, cr4, efer }: ModeRegisters): boolean {
  return (cr0 & CR0_PG) !== 0n && (cr4 & CR4_PAE) !== 0n && (efer & EFER_LMA) === 0n;
}

/** The paging mode that the registers select. */
export function pagingMode({ cr0, cr4, efer }: ModeRegisters): PagingMode {
  if ((cr0 & CR0_PG) === 0n) return 'none';
  if ((efer & EFER_LMA) !== 0n) return (cr4 & CR4_LA57) === 0n ? '4-level' : '5-level';
  return (cr4 & CR4_PAE) === 0n ? '32-bit' : 'PAE';
}
