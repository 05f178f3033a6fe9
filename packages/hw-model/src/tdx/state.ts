// SPDX-License-Identifier: MIT
import type { Platform } from './platform.ts';
import type { Measurements, ModuleIdentity } from './report.ts';
import type { TdParams } from './td-params.ts';

/*
 * Byte strings in a state are shared between states and never written: whoever changes one makes a
 * new one. What comes from a caller is copied on its way in, what goes to one on its way out.
 */

/** How a page of secure EPT stands. Absent from {@link TdState.sept}: not mapped. */
export type SeptEntryState = 'pending' | 'mapped' | 'blocked';

/** A leaf entry of the secure EPT. */
export interface SeptEntry {
  /** 0: 4 KiB, 1: 2 MiB. */
  readonly level: 0 | 1;
  readonly state: SeptEntryState;
  /** 4 KiB chunks of a pending page that an interrupted accept has already zeroed. */
  readonly accepted: number;
}

/** Where a TD stands in its life. */
export type TdPhase = 'uninitialised' | 'building' | 'running';

/** Information on a #VE that the guest has not fetched yet. */
export interface VeInfo {
  /** 32 bits. */
  readonly exitReason: bigint;
  readonly exitQualification: bigint;
  readonly guestLinearAddress: bigint;
  readonly guestPhysicalAddress: bigint;
  /** 32 bits each. */
  readonly instructionLength: bigint;
  readonly instructionInfo: bigint;
}

/** One TD, the module that runs it and the platform below. */
export interface TdState {
  readonly platform: Platform;
  readonly module: ModuleIdentity;
  readonly phase: TdPhase;
  readonly params: TdParams;
  readonly measurements: Measurements;
  /** The 128-byte blocks that MRTD will be the hash of, in order. Empty once the TD runs. */
  readonly buildLog: readonly Uint8Array[];
  /** Initialised virtual processors. */
  readonly vcpuCount: number;
  /** Secure EPT leaf entries by page address, `0x1000`. */
  readonly sept: Readonly<Record<string, SeptEntry>>;
  /** Private 4 KiB frames by address; absent: all zero. */
  readonly privateFrames: Readonly<Record<string, Uint8Array>>;
  /** Shared 4 KiB frames by address without the SHARED bit; absent: not mapped by the host. */
  readonly sharedFrames: Readonly<Record<string, Uint8Array>>;
  /** TEE_INFO_HASH, where the module has it from an earlier report. */
  readonly teeInfoHash: Uint8Array | null;
  /** Somebody else extends an RTMR: the lock is held exclusively. */
  readonly rtmrLocked: boolean;
  /** Address of a secure EPT entry that the host has locked, or null. */
  readonly lockedEntry: string | null;
  readonly veInfo: VeInfo | null;
}
