// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';

/**
 * What an inotify watch saw of one operation: runs of equal events are one, as inotify merges them.
 */
export interface WatchEvents {
  readonly watch: number;
  readonly events: readonly FsnotifyEvent[];
}

export type FsnotifyEvent = 'IN_OPEN' | 'IN_ACCESS' | 'IN_CLOSE_NOWRITE';

export const FSNOTIFY_EVENTS: readonly FsnotifyEvent[] = [
  'IN_OPEN',
  'IN_ACCESS',
  'IN_CLOSE_NOWRITE',
];

/**
 * Record types of the audit log, without their AUDIT_ prefix. Origin: include/uapi/linux/audit.h.
 */
export type AuditType =
  | 'SYSCALL'
  | 'PATH'
  | 'EXECVE'
  | 'INTEGRITY_DATA'
  | 'INTEGRITY_USERSPACE'
  | 'IPE_ACCESS'
  | 'LANDLOCK_ACCESS';

export const AUDIT_TYPES: readonly AuditType[] = [
  'SYSCALL',
  'PATH',
  'EXECVE',
  'INTEGRITY_DATA',
  'INTEGRITY_USERSPACE',
  'IPE_ACCESS',
  'LANDLOCK_ACCESS',
];

/** One record of the audit log that an operation causes. The model's alone: it is not compared. */
export interface AuditRecord {
  readonly type: AuditType;
  /** The file it is about, as the call named it. */
  readonly path?: string;
}

/**
 * What execveat(2) says beside its result; other operations never carry it. `events` has an entry
 * for each watch that saw
 * something, in ascending order of `watch`; without any, the field is absent.
 */
export interface Observed {
  readonly events?: readonly WatchEvents[];
  /** Absent where nothing was recorded. Ignored by `matches`. */
  readonly audit?: readonly AuditRecord[];
}

/** What the caller, or who waits for it, sees. */
export type Outcome =
  /** The call succeeded: 0 for most, the asked number for getters. */
  | ({ readonly kind: 'value'; readonly value: bigint } & Observed)
  | ({ readonly kind: 'errno'; readonly errno: Errno } & Observed)
  /**
   * A real exec succeeded and the program ran to its exit. Without `exitCode`: a program that the
   * model cannot read, which may have ended anyhow.
   */
  | ({ readonly kind: 'ran'; readonly exitCode?: number } & Observed)
  /** A real exec passed its point of no return and the kernel killed the task. */
  | ({ readonly kind: 'signal'; readonly signal: 'SIGSEGV' } & Observed)
  /**
   * fstat: type, mode bits, owner and group as the task's user namespace shows them, and
   * the size of a regular file; 0 for the others.
   */
  | {
      readonly kind: 'stat';
      readonly type: StatType;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly size: number;
    }
  /**
   * An interpreter or loader decided. `checked`: the check was issued; `check`: what it answered, 0
   * or an errno; `allowed`: the code runs. `interpretEnd` leaves
   * `check` out: the answer belongs to the first half. `content` is there only in interleavings:
   * the bytes that run.
   */
  | {
      readonly kind: 'decided';
      readonly allowed: boolean;
      readonly checked: boolean;
      readonly check?: Errno | 'ok';
      readonly content?: string;
    }
  /** The task does not exist, or no longer. The kernel was not asked. */
  | { readonly kind: 'gone' }
  /** The harness does not let this task do that. The kernel was not asked. */
  | { readonly kind: 'refused' }
  /** The call waits for somebody else. Only in interleavings. */
  | { readonly kind: 'blocked'; readonly by: 'lease' | 'call-in-progress' };

/** S_IFMT of a file. `none`: no type, as the shared anonymous inode shows. */
export type StatType = 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'char' | 'block' | 'none';

export const STAT_TYPES: readonly StatType[] = [
  'file',
  'dir',
  'symlink',
  'fifo',
  'socket',
  'char',
  'block',
  'none',
];

/** The outcome of a call that returned 0. */
export const SUCCESS: Outcome = Object.freeze({ kind: 'value', value: 0n });
