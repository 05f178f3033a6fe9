// SPDX-License-Identifier: MIT

/** Names of the bits of a word, as traces spell it. */
export type FlagNames = Readonly<Record<string, number>>;

/**
 * Protection of a mapping: the third argument of mmap(2) and mprotect(2). Origin:
 * include/uapi/asm-generic/mman-common.h, Linux 6.18.
 */
export const PROT_READ: number = 0x1;
export const PROT_WRITE: number = 0x2;
export const PROT_EXEC: number = 0x4;
/** Atomic operations, which no architecture of ours tells apart. */
export const PROT_SEM: number = 0x8;
/** mprotect(2) only: from the start of a growing VMA on. */
export const PROT_GROWSDOWN: number = 0x0100_0000;
/** mprotect(2) only: to the end of a VMA that grows up, which x86 and ARM have not. */
export const PROT_GROWSUP: number = 0x0200_0000;

/** The bits of `prot`. */
export const PROT_NAMES: FlagNames = {
  READ: PROT_READ,
  WRITE: PROT_WRITE,
  EXEC: PROT_EXEC,
  SEM: PROT_SEM,
  GROWSDOWN: PROT_GROWSDOWN,
  GROWSUP: PROT_GROWSUP,
};

/**
 * Flags of mmap(2). The low four bits are a number, the type of the mapping. Origin:
 * include/uapi/linux/mman.h, include/uapi/asm-generic/mman.h and arch/x86/include/uapi/asm/mman.h,
 * Linux 6.18.
 */
export const MAP_SHARED: number = 0x1;
export const MAP_PRIVATE: number = 0x2;
/** SHARED, and flags that the kernel does not know are an error. */
export const MAP_SHARED_VALIDATE: number = 0x3;
/** Private memory that the kernel may drop under pressure. */
export const MAP_DROPPABLE: number = 0x8;
export const MAP_TYPE: number = 0xf;
export const MAP_FIXED: number = 0x10;
export const MAP_ANONYMOUS: number = 0x20;
/** Below 2 GiB. 64-bit processes of x86. */
export const MAP_32BIT: number = 0x40;
export const MAP_GROWSDOWN: number = 0x100;
export const MAP_DENYWRITE: number = 0x800;
export const MAP_EXECUTABLE: number = 0x1000;
export const MAP_LOCKED: number = 0x2000;
export const MAP_NORESERVE: number = 0x4000;
export const MAP_POPULATE: number = 0x8000;
export const MAP_NONBLOCK: number = 0x1_0000;
export const MAP_STACK: number = 0x2_0000;
export const MAP_SYNC: number = 0x8_0000;
export const MAP_FIXED_NOREPLACE: number = 0x10_0000;

/** The bits of mmap's `flags`. SHARED and PRIVATE together are SHARED_VALIDATE. */
export const MAP_NAMES: FlagNames = {
  SHARED: MAP_SHARED,
  PRIVATE: MAP_PRIVATE,
  DROPPABLE: MAP_DROPPABLE,
  FIXED: MAP_FIXED,
  ANONYMOUS: MAP_ANONYMOUS,
  '32BIT': MAP_32BIT,
  GROWSDOWN: MAP_GROWSDOWN,
  DENYWRITE: MAP_DENYWRITE,
  EXECUTABLE: MAP_EXECUTABLE,
  LOCKED: MAP_LOCKED,
  NORESERVE: MAP_NORESERVE,
  POPULATE: MAP_POPULATE,
  NONBLOCK: MAP_NONBLOCK,
  STACK: MAP_STACK,
  SYNC: MAP_SYNC,
  FIXED_NOREPLACE: MAP_FIXED_NOREPLACE,
};

/**
 * Bits of mmap's `flags` that mean something to a kernel and nothing to the model: ABOVE4G, HUGETLB
 * and its page size. No operation has them.
 */
export const MAP_UNMODELLED: number = 0xfc04_0080;

/** Flags of mremap(2). Origin: include/uapi/linux/mman.h, Linux 6.18. */
export const MREMAP_MAYMOVE: number = 1;
export const MREMAP_FIXED: number = 2;
export const MREMAP_DONTUNMAP: number = 4;

/** The bits of mremap's `flags`. */
export const MREMAP_NAMES: FlagNames = {
  MAYMOVE: MREMAP_MAYMOVE,
  FIXED: MREMAP_FIXED,
  DONTUNMAP: MREMAP_DONTUNMAP,
};

/** Flags of mlockall(2). Origin: include/uapi/asm-generic/mman.h, Linux 6.18. */
export const MCL_CURRENT: number = 1;
export const MCL_FUTURE: number = 2;
export const MCL_ONFAULT: number = 4;

/** The bits of mlockall's `flags`. */
export const MCL_NAMES: FlagNames = {
  CURRENT: MCL_CURRENT,
  FUTURE: MCL_FUTURE,
  ONFAULT: MCL_ONFAULT,
};

/** The one flag of mlock2(2). Origin: include/uapi/asm-generic/mman-common.h, Linux 6.18. */
export const MLOCK_ONFAULT: number = 1;

/** The bits of mlock2's `flags`. */
export const MLOCK_NAMES: FlagNames = { ONFAULT: MLOCK_ONFAULT };

/** Advice of madvise(2) that the model follows. Origin: as for `PROT_READ`. */
export const MADV_NORMAL: number = 0;
export const MADV_RANDOM: number = 1;
export const MADV_SEQUENTIAL: number = 2;
export const MADV_DONTNEED: number = 4;
export const MADV_FREE: number = 8;
export const MADV_DONTFORK: number = 10;
export const MADV_DOFORK: number = 11;
export const MADV_NOHUGEPAGE: number = 15;
export const MADV_DONTDUMP: number = 16;
export const MADV_DODUMP: number = 17;
export const MADV_WIPEONFORK: number = 18;
export const MADV_KEEPONFORK: number = 19;

/** Advice by name. */
export const MADV_NAMES: FlagNames = {
  NORMAL: MADV_NORMAL,
  RANDOM: MADV_RANDOM,
  SEQUENTIAL: MADV_SEQUENTIAL,
  DONTNEED: MADV_DONTNEED,
  FREE: MADV_FREE,
  DONTFORK: MADV_DONTFORK,
  DOFORK: MADV_DOFORK,
  NOHUGEPAGE: MADV_NOHUGEPAGE,
  DONTDUMP: MADV_DONTDUMP,
  DODUMP: MADV_DODUMP,
  WIPEONFORK: MADV_WIPEONFORK,
  KEEPONFORK: MADV_KEEPONFORK,
};

/**
 * Advice that some kernel knows and the model does not: WILLNEED, REMOVE, MERGEABLE, UNMERGEABLE,
 * HUGEPAGE, COLD to COLLAPSE, HWPOISON, SOFT_OFFLINE, GUARD_INSTALL and GUARD_REMOVE.
 */
export const MADV_UNMODELLED: readonly number[] = [
  3, 9, 12, 13, 14, 20, 21, 22, 23, 24, 25, 100, 101, 102, 103,
];

/** Modes of mbind(2). Origin: include/uapi/linux/mempolicy.h, Linux 6.18. */
export const MPOL_DEFAULT: number = 0;
export const MPOL_PREFERRED: number = 1;
export const MPOL_BIND: number = 2;
export const MPOL_INTERLEAVE: number = 3;
export const MPOL_LOCAL: number = 4;

/** Modes of mbind by name. */
export const MPOL_NAMES: FlagNames = {
  DEFAULT: MPOL_DEFAULT,
  PREFERRED: MPOL_PREFERRED,
  BIND: MPOL_BIND,
  INTERLEAVE: MPOL_INTERLEAVE,
  LOCAL: MPOL_LOCAL,
};

/** Flags of mbind(2). Origin: as for `MPOL_DEFAULT`. */
export const MPOL_MF_STRICT: number = 1;
export const MPOL_MF_MOVE: number = 2;
export const MPOL_MF_MOVE_ALL: number = 4;

/** The bits of mbind's `flags`. */
export const MPOL_MF_NAMES: FlagNames = {
  STRICT: MPOL_MF_STRICT,
  MOVE: MPOL_MF_MOVE,
  MOVE_ALL: MPOL_MF_MOVE_ALL,
};

/** Flags of vm_brk_flags(), of which the kernel takes one. Origin: include/linux/mm.h. */
export const VM_BRK_NAMES: FlagNames = { EXEC: 4 };
