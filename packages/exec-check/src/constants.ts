// SPDX-License-Identifier: MIT

/*
 * Flags of execveat(2). Origin: include/uapi/linux/fcntl.h, Linux 6.14; AT_CHECK is the name that
 * Message-ID 20240704190137.696169-2-mic@digikod.net gave to the bit of AT_EXECVE_CHECK.
 */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_EACCESS = 0x200;
export const AT_EMPTY_PATH = 0x1000;
export const AT_EXECVE_CHECK = 0x10000;
export const AT_CHECK: number = AT_EXECVE_CHECK;

/* Limits of a path walk. Origin: include/uapi/linux/limits.h and include/linux/namei.h, Linux 6.12. */
/** Longest path, the NUL included, bytes. */
export const PATH_MAX = 4096;
/** Longest component, bytes. Each file system decides; tmpfs, overlayfs and procfs take this. */
export const NAME_MAX = 255;
/** Symbolic links that one walk may follow. */
export const MAXSYMLINKS = 40;

/* Limits of argv and envp. Origin: include/uapi/linux/binfmts.h and fs/exec.c, Linux 6.12. */
/** Most strings in one array. */
export const MAX_ARG_STRINGS = 0x7fffffff;
/** Longest string, the NUL included, bytes. */
export const MAX_ARG_STRLEN = 131072;
/**
 * The part of the stack that arguments may always use, bytes. Origin: ARG_MAX,
 * include/uapi/linux/limits.h.
 */
export const ARG_MAX = 131072;
/** Default stack limit, bytes. Origin: _STK_LIM, include/uapi/linux/resource.h. */
export const STACK_LIMIT_DEFAULT: bigint = 8n << 20n;
/**
 * Bytes of a file that a real exec reads to find its format. Origin: include/uapi/linux/binfmts.h.
 */
export const BINPRM_BUF_SIZE = 256;
export const PAGE_SIZE = 4096;
/** A limit that does not limit. Origin: include/uapi/asm-generic/resource.h. */
export const RLIM_INFINITY: bigint = (1n << 64n) - 1n;

/* File types and mode bits. Origin: include/uapi/linux/stat.h. */
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;
export const S_IXUGO = 0o111;

/* Wanted access, as inode_permission() spells it. Origin: include/linux/fs.h. */
export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

/* Options of prctl(2). Origin: include/uapi/linux/prctl.h. */
export const PR_GET_KEEPCAPS = 7;
export const PR_SET_KEEPCAPS = 8;
export const PR_GET_SECUREBITS = 27;
export const PR_SET_SECUREBITS = 28;
export const PR_SET_NO_NEW_PRIVS = 38;

/*
 * Securebits. Origin: include/uapi/linux/securebits.h, Linux 6.14. Bits 8 and 10 keep their numbers
 * since the posting Message-ID 20240704190137.696169-3-mic@digikod.net, which calls them
 * SHOULD_EXEC_CHECK and SHOULD_EXEC_RESTRICT and gives them another meaning.
 */
export const SECBIT_NOROOT = 0x1;
export const SECBIT_NOROOT_LOCKED = 0x2;
export const SECBIT_NO_SETUID_FIXUP = 0x4;
export const SECBIT_NO_SETUID_FIXUP_LOCKED = 0x8;
export const SECBIT_KEEP_CAPS = 0x10;
export const SECBIT_KEEP_CAPS_LOCKED = 0x20;
export const SECBIT_NO_CAP_AMBIENT_RAISE = 0x40;
export const SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 0x80;
export const SECBIT_EXEC_RESTRICT_FILE = 0x100;
export const SECBIT_EXEC_RESTRICT_FILE_LOCKED = 0x200;
export const SECBIT_EXEC_DENY_INTERACTIVE = 0x400;
export const SECBIT_EXEC_DENY_INTERACTIVE_LOCKED = 0x800;
export const SECBIT_SHOULD_EXEC_CHECK: number = SECBIT_EXEC_RESTRICT_FILE;
export const SECBIT_SHOULD_EXEC_RESTRICT: number = SECBIT_EXEC_DENY_INTERACTIVE;
/** The four exec bits with their locks, which need no privilege since Linux 6.14. */
export const SECURE_EXEC_BITS_AND_LOCKS = 0xf00;

/* Flags of memfd_create(2). Origin: include/uapi/linux/memfd.h, Linux 6.3. */
export const MFD_CLOEXEC = 0x1;
export const MFD_ALLOW_SEALING = 0x2;
export const MFD_NOEXEC_SEAL = 0x8;
export const MFD_EXEC = 0x10;

/** Record types of the audit log. Origin: include/uapi/linux/audit.h, Linux 6.14. */
export const AUDIT_INTEGRITY_DATA = 1800;
export const AUDIT_INTEGRITY_USERSPACE = 1808;

/**
 * Most Landlock domains on one task. Origin: LANDLOCK_MAX_NUM_LAYERS, security/landlock/limits.h.
 */
export const LANDLOCK_MAX_NUM_LAYERS = 16;

/** Levels of interpreters that one real exec goes through. Origin: exec_binprm(), fs/exec.c. */
export const MAX_INTERPRETER_DEPTH = 5;
