// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';

/**
 * In what the revisions differ. One code path reads these; the bug switches are all off in a real
 * kernel.
 */
export interface Features {
  /** Whether execveat(2) knows the bit 0x10000. */
  readonly checkFlag: boolean;
  /**
   * What securebits 8 to 11 are: unknown, as posted (check, restrict), or as merged (restrict,
   * deny).
   */
  readonly execSecurebits: 'none' | 'posted' | 'merged';
  /** argv and envp are counted and copied before the flags are looked at and the file is opened. */
  readonly argvBeforeFile: boolean;
  /** fsnotify hears of the open only after write denial, and never of an open by an empty path. */
  readonly openEventAfterWriteDenial: boolean;
  /** When a file that somebody has open for writing can be executed all the same. */
  readonly writeDeny: 'always' | 'never' | 'unlessPreContentGroupOnSb' | 'unlessAccessPermMark';
  /**
   * The shared anonymous inode takes chmod, and neither its superblock nor pipefs and sockfs are
   * noexec.
   */
  readonly anonChmod: boolean;
  /** What a pidfd is, and what chmod of it answers. */
  readonly pidfd: 'anonymous' | 'pidfs-eperm' | 'pidfs-eopnotsupp';
  /** memfd_create(2) knows MFD_NOEXEC_SEAL and MFD_EXEC, and there is vm.memfd_noexec. */
  readonly memfdNoexec: boolean;
  /**
   * Longest table of program headers that the ELF handler takes, bytes: a page, until Linux 6.17.
   */
  readonly mostElfHeaders: 4096 | 65536;
  /** The loader zeroes the rest of an ELF interpreter's last page, also of a read-only one. */
  readonly elfInterpreterTail: 'zeroed' | 'left';
  /** cap_ptrace_access_check compares the exec securebits of both tasks. */
  readonly ptraceComparesSecurebits: boolean;
  /** IMA appraises a checked file in bprm_creds_for_exec. */
  readonly imaOnCheck: boolean;
  /** IPE evaluates a checked file in bprm_creds_for_exec. */
  readonly ipeOnCheck: boolean;
  /**
   * Which audit record type IMA writes for a check. `uninitialised`: by a bit of unrelated stack
   * memory.
   */
  readonly imaAuditType: 'by-is-check' | 'uninitialised';
  /** What a new user namespace does to the securebits word. */
  readonly usernsSecurebits: 'reset' | 'locked-bits-kept';

  /**
   * What an interpreter of the posting does with files where it is to restrict but not to check;
   * the review left it open.
   */
  readonly uncheckedFiles: 'denied' | 'allowed';

  /* Planted or historical bugs. */
  readonly flagsBeforePath: boolean;
  readonly argvErrorsFirst: boolean;
  readonly checkLeaksWriteDenial: boolean;
  readonly checkReadsFormat: boolean;
  readonly checkRefusesEmptyFile: boolean;
  readonly inExec: 'correct' | 'left-set' | 'cleared-early';
  readonly permissionById: 'fsuid' | 'euid';
  readonly noexecBy: 'mount' | 'inode';
  readonly classes: 'exclusive' | 'union';
  readonly securebitsNoopAllowed: boolean;
  readonly securebitsPrivilegeFirst: boolean;
  readonly securebitsTruncated: boolean;
  readonly securebitsLocksUnshifted: boolean;
  readonly securebitsRestrictLockGuardsCheck: boolean;
}

const NO_BUGS = {
  flagsBeforePath: false,
  argvErrorsFirst: false,
  checkLeaksWriteDenial: false,
  checkReadsFormat: false,
  checkRefusesEmptyFile: false,
  inExec: 'correct',
  permissionById: 'fsuid',
  noexecBy: 'mount',
  classes: 'exclusive',
  securebitsNoopAllowed: false,
  securebitsPrivilegeFirst: false,
  securebitsTruncated: false,
  securebitsLocksUnshifted: false,
  securebitsRestrictLockGuardsCheck: false,
} as const satisfies Partial<Features>;

const LINUX_6_1: Features = {
  checkFlag: false,
  execSecurebits: 'none',
  argvBeforeFile: true,
  openEventAfterWriteDenial: true,
  writeDeny: 'always',
  anonChmod: true,
  pidfd: 'anonymous',
  memfdNoexec: false,
  mostElfHeaders: 4096,
  elfInterpreterTail: 'zeroed',
  ptraceComparesSecurebits: false,
  imaOnCheck: false,
  ipeOnCheck: false,
  imaAuditType: 'by-is-check',
  usernsSecurebits: 'reset',
  uncheckedFiles: 'denied',
  ...NO_BUGS,
};

const LINUX_6_12: Features = {
  ...LINUX_6_1,
  argvBeforeFile: false,
  openEventAfterWriteDenial: false,
  writeDeny: 'unlessPreContentGroupOnSb',
  pidfd: 'pidfs-eperm',
  memfdNoexec: true,
  elfInterpreterTail: 'left',
};

const POSTED_V19: Features = {
  ...LINUX_6_12,
  checkFlag: true,
  execSecurebits: 'posted',
  writeDeny: 'always',
  ptraceComparesSecurebits: true,
};

const LINUX_6_14: Features = {
  ...LINUX_6_12,
  checkFlag: true,
  execSecurebits: 'merged',
  writeDeny: 'unlessAccessPermMark',
  imaOnCheck: true,
};

const LINUX_6_18: Features = {
  ...LINUX_6_14,
  anonChmod: false,
  pidfd: 'pidfs-eopnotsupp',
  mostElfHeaders: 65536,
};

/**
 * Every revision. The bugs come last; each stands on a kernel that does not have it.
 *
 * `linux-6.12` is the stable series with write denial restored, as 6.12.115 has it; the first 6.12
 * releases did not deny, which `bug:no-etxtbsy` shows. The audit type that IMA of 6.14 to 6.19
 * gives to a check depends on uninitialised memory; the releases stand here with the fix,
 * `bug:ima-stack- read` shows the defect.
 */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'posted-v19',
    source: 'Message-ID 20240704190137.696169-2-mic@digikod.net',
    date: '2024-07-04',
    features: POSTED_V19,
  },
  {
    id: 'linux-6.1',
    source: 'fs/exec.c, fs/namei.c, security/commoncap.c, Linux 6.1.190',
    date: '2022-12-11',
    features: LINUX_6_1,
  },
  {
    id: 'linux-6.12',
    source: 'fs/exec.c, fs/namei.c, security/commoncap.c, Linux 6.12.115',
    date: '2024-11-17',
    features: LINUX_6_12,
  },
  {
    id: 'linux-6.14',
    source:
      'fs/exec.c, security/commoncap.c, Documentation/userspace-api/check_exec.rst, Linux 6.14',
    date: '2025-03-24',
    features: LINUX_6_14,
  },
  {
    id: 'linux-6.18',
    source: 'fs/exec.c, fs/anon_inodes.c, fs/pidfs.c, Linux 6.18',
    date: '2025-11-30',
    features: LINUX_6_18,
  },
  {
    id: 'linux-6.18-fixed',
    source: 'Linux 6.18, with a user namespace that cannot be used to leave locked securebits',
    date: '2025-11-30',
    features: { ...LINUX_6_18, usernsSecurebits: 'locked-bits-kept' },
  },
  {
    id: 'linux-6.19',
    source: 'fs/exec.c, security/ipe/hooks.c, Linux 6.19',
    date: '2026-02',
    features: { ...LINUX_6_18, ipeOnCheck: true },
  },
  {
    id: 'bug:ima-stack-read',
    base: 'linux-6.14',
    features: { imaAuditType: 'uninitialised' },
    story:
      'The appraisal code takes its own file parameter for a member of the bprm and reads is_check from the stack around it, so the audit type of a failure is random.',
    caughtBy: ['ima.audit-type-by-is-check'],
  },
  {
    id: 'bug:no-etxtbsy',
    base: 'linux-6.14',
    features: { writeDeny: 'never' },
    story:
      'Linux 6.11 and the first 6.12 releases removed write denial: a busy file is executed, a running one is written.',
    caughtBy: ['exec.writers-and-deniers-exclude'],
  },
  {
    id: 'bug:pre-content-group-lifts-denial',
    base: 'linux-6.18',
    features: { writeDeny: 'unlessPreContentGroupOnSb' },
    story:
      'The backport to 6.12.y lifts write denial for a whole superblock as soon as a pre-content group watches anything on it.',
    caughtBy: ['exec.denial-depends-on-file-alone'],
  },
  {
    id: 'bug:anon-inode-chmod',
    base: 'linux-6.18',
    features: { anonChmod: true },
    story:
      'The anonymous inode that everybody shares takes chmod, so one root process changes the errno of everybody else.',
    caughtBy: ['exec.anonymous-inode-is-eacces'],
  },
  {
    id: 'bug:in-exec-left-set',
    base: 'linux-6.18',
    features: { inExec: 'left-set' },
    story: 'The early return of a check leaves fs->in_exec set: clone(CLONE_FS) fails for ever.',
    caughtBy: ['exec.in-exec-iff-exec-in-progress'],
  },
  {
    id: 'bug:in-exec-cleared-early',
    base: 'linux-6.18',
    features: { inExec: 'cleared-early' },
    story: 'A check clears fs->in_exec while a sibling that shares the fs_struct still executes.',
    caughtBy: ['exec.in-exec-iff-exec-in-progress'],
  },
  {
    id: 'bug:flags-before-path',
    base: 'linux-6.18',
    features: { flagsBeforePath: true },
    story: 'The flags are validated before the path is copied.',
    caughtBy: ['exec.first-failing-step-decides'],
  },
  {
    id: 'bug:argv-before-file',
    base: 'linux-6.18',
    features: { argvErrorsFirst: true },
    story: 'argv and envp errors win over the errors of flags and file, as they did in Linux 6.1.',
    caughtBy: ['exec.first-failing-step-decides'],
  },
  {
    id: 'bug:check-leaks-write-denial',
    base: 'linux-6.18',
    features: { checkLeaksWriteDenial: true },
    story:
      'The early return of a check does not allow writers again: open for write is ETXTBSY for ever.',
    caughtBy: ['exec.check-restores-write-count'],
  },
  {
    id: 'bug:check-reads-format',
    base: 'linux-6.18',
    features: { checkReadsFormat: true },
    story: 'A check goes on to the format handlers, so a text is ENOEXEC.',
    caughtBy: ['exec.check-ignores-content'],
  },
  {
    id: 'bug:check-refuses-empty-file',
    base: 'linux-6.18',
    features: { checkRefusesEmptyFile: true },
    story: 'A check of an empty file is ENOEXEC.',
    caughtBy: ['exec.check-ignores-content'],
  },
  {
    id: 'bug:permission-by-euid',
    base: 'linux-6.18',
    features: { permissionById: 'euid' },
    story: 'Execute permission is evaluated with the effective uid in place of fsuid.',
    caughtBy: ['exec.permission-by-fsuid'],
  },
  {
    id: 'bug:noexec-by-inode',
    base: 'linux-6.18',
    features: { noexecBy: 'inode' },
    story:
      "noexec is taken from the file system's first mount, not from the one that the path leads through.",
    caughtBy: ['exec.noexec-by-mount'],
  },
  {
    id: 'bug:class-union',
    base: 'linux-6.18',
    features: { classes: 'union' },
    story: 'An owner without the bit falls through to group and others.',
    caughtBy: ['exec.owner-class-excludes'],
  },
  {
    id: 'bug:securebits-noop-allowed',
    base: 'linux-6.18',
    features: { securebitsNoopAllowed: true },
    story: 'Setting the same word again succeeds without CAP_SETPCAP.',
    caughtBy: ['securebits.closed-form'],
  },
  {
    id: 'bug:securebits-privilege-first',
    base: 'linux-6.18',
    features: { securebitsPrivilegeFirst: true },
    story: 'CAP_SETPCAP is tested first and overrides the locks.',
    caughtBy: ['securebits.closed-form', 'securebits.locks-hold'],
  },
  {
    id: 'bug:securebits-truncated',
    base: 'linux-6.18',
    features: { securebitsTruncated: true },
    story: 'The argument is truncated to 32 bits before unknown bits are looked for.',
    caughtBy: ['securebits.closed-form'],
  },
  {
    id: 'bug:securebits-locks-unshifted',
    base: 'linux-6.18',
    features: { securebitsLocksUnshifted: true },
    story: 'The test for a locked bit forgets to shift the locks onto their bits.',
    caughtBy: ['securebits.closed-form', 'securebits.locks-hold'],
  },
  {
    id: 'bug:securebits-lock-typo',
    base: 'posted-v19',
    features: { securebitsRestrictLockGuardsCheck: true },
    story:
      'Taken at its word, a comment of the posting lets the lock of SHOULD_EXEC_RESTRICT guard bit 8 in place of bit 10.',
    caughtBy: ['securebits.closed-form', 'securebits.locks-hold'],
  },
];

/**
 * The features of a revision.
 *
 * @throws RangeError where the revision is unknown
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions(
  'exec-check',
  REVISIONS,
);
