// SPDX-License-Identifier: MIT
import type { VeInfo } from './state.ts';
import type { TdParams } from './td-params.ts';

/** General purpose registers in the order of their numbers. */
export const REGISTER_NAMES = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;

export type RegisterName = (typeof REGISTER_NAMES)[number];

/** Register values, 64 bits each. An absent one is 0. */
export type Registers = { readonly [Name in RegisterName]?: bigint };

/** TDCALL, `66 0F 01 CC`. */
export interface Tdcall {
  readonly op: 'tdcall';
  readonly registers: Registers;
  readonly cpl: 0 | 1 | 2 | 3;
  /** EFER.LMA and CS.L. */
  readonly longMode: boolean;
  /** Whether an interrupt waits when an interruptible leaf looks. */
  readonly interruptPending: boolean;
  /** What the host answers where the leaf is TDG.VP.VMCALL. */
  readonly reply: Registers;
}

/** What the host asks the module to do, and what it does itself. */
export type HostOperation =
  /** TDH.MNG.INIT. */
  | { readonly op: 'mng-init'; readonly params: TdParams }
  /** TDH.MEM.PAGE.ADD: one measured 4 KiB page. Content up to 4096 bytes, zero behind. */
  | { readonly op: 'page-add'; readonly gpa: bigint; readonly content: Uint8Array }
  /** TDH.MR.EXTEND: the 256 bytes at an address go into MRTD. */
  | { readonly op: 'mr-extend'; readonly gpa: bigint }
  /** TDH.VP.INIT. */
  | { readonly op: 'vp-init' }
  /** TDH.MR.FINALIZE. */
  | { readonly op: 'mr-finalize' }
  /** TDH.MEM.PAGE.AUG: a pending page for a running TD. */
  | { readonly op: 'page-aug'; readonly gpa: bigint; readonly level: 0 | 1 }
  /** TDH.MEM.RANGE.BLOCK. */
  | { readonly op: 'range-block'; readonly gpa: bigint }
  /** Takes or releases the lock of the RTMRs, as an extend on another vCPU does. */
  | { readonly op: 'lock-rtmr'; readonly held: boolean }
  /** Takes the lock of a secure EPT entry, or with null releases it. */
  | { readonly op: 'lock-entry'; readonly gpa: bigint | null }
  /** An exit that the module turns into a #VE for the guest. */
  | { readonly op: 'inject-ve'; readonly info: VeInfo }
  /** The host writes memory that it shares with the TD; maps the frame where it is not there. */
  | { readonly op: 'host-write'; readonly gpa: bigint; readonly content: Uint8Array }
  /** A TD-preserving update: the module that runs now has this SVN. */
  | { readonly op: 'module-update'; readonly teeTcbSvn: Uint8Array };

/** What the guest does beside TDCALL. An access must not cross a 4 KiB frame. */
export type GuestOperation =
  | { readonly op: 'guest-write'; readonly gpa: bigint; readonly content: Uint8Array }
  | { readonly op: 'guest-read'; readonly gpa: bigint; readonly size: number };

/** Everything that can be asked of the model. */
export type Operation = Tdcall | HostOperation | GuestOperation;
