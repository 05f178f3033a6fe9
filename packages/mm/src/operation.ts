// SPDX-License-Identifier: MIT

/*
 * What a process can ask of its address space. Addresses, lengths and offsets are bytes, unsigned
 * and as wide as a register: bigints. Words of flags are numbers, 0 to 0xffffffff. An i386 or ARM
 * process passes the low 32 bits of each.
 */

/** A range of addresses, as a caller gives it: neither need be aligned, and the sum may wrap. */
export interface Range {
  readonly address: bigint;
  readonly length: bigint;
}

/** Limits of setrlimit(2) that the address space obeys: RLIMIT_AS and so on. */
export type Resource = 'AS' | 'DATA' | 'STACK' | 'MEMLOCK';

export const RESOURCES: readonly Resource[] = ['AS', 'DATA', 'STACK', 'MEMLOCK'];

/** Capabilities that the address space asks for. */
export type Capability = 'CAP_IPC_LOCK' | 'CAP_SYS_RAWIO' | 'CAP_SYS_RESOURCE';

export const CAPABILITIES: readonly Capability[] = [
  'CAP_IPC_LOCK',
  'CAP_SYS_RAWIO',
  'CAP_SYS_RESOURCE',
];

/** Calls that map and unmap. */
export type MappingOperation =
  /** brk(2) as the kernel's call: the value is the break after it, moved or not. */
  | { readonly op: 'brk'; readonly address: bigint }
  | ({
      readonly op: 'mmap';
      readonly prot: number;
      readonly flags: number;
      /** -1: none; 0 and above: an index into the setup's files; beyond those, no descriptor. */
      readonly fd: number;
      /** Bytes. mmap2 of a 32-bit process gets it in pages: its low 12 bits are not passed. */
      readonly offset: bigint;
    } & Range)
  | ({ readonly op: 'munmap' } & Range)
  | {
      readonly op: 'mremap';
      readonly address: bigint;
      readonly oldLength: bigint;
      readonly newLength: bigint;
      readonly flags: number;
      /** Passed always, read where `flags` has FIXED or DONTUNMAP. */
      readonly newAddress: bigint;
    }
  /** vm_brk_flags(), which no system call reaches: how the ELF loader makes a program's bss. */
  | ({ readonly op: 'vmBrkFlags'; readonly flags: number } & Range);

/** Calls that change what is mapped. */
export type ChangingOperation =
  | ({ readonly op: 'mprotect'; readonly prot: number } & Range)
  | ({ readonly op: 'madvise'; readonly advice: number } & Range)
  | ({ readonly op: 'mlock' } & Range)
  | ({ readonly op: 'mlock2'; readonly flags: number } & Range)
  | ({ readonly op: 'munlock' } & Range)
  | { readonly op: 'mlockall'; readonly flags: number }
  | { readonly op: 'munlockall' }
  | ({ readonly op: 'mseal'; readonly flags: number } & Range)
  | ({
      readonly op: 'mbind';
      readonly mode: number;
      /** A mask of NUMA nodes, bit 0 for node 0. */
      readonly nodes: bigint;
      readonly flags: number;
    } & Range);

/** Accesses of one byte, made by the kernel for the process: what fails is EFAULT, not a signal. */
export type AccessOperation =
  | { readonly op: 'touchRead'; readonly address: bigint }
  | { readonly op: 'touchWrite'; readonly address: bigint };

/** Calls that change the process. */
export type ProcessOperation =
  /**
   * fork(2). The operations after it are those of the one that is followed; the parent waits, or
   * the child exits at once.
   */
  | { readonly op: 'fork'; readonly follow: 'parent' | 'child' }
  /** Bytes; 0xffffffffffffffff is RLIM_INFINITY. */
  | {
      readonly op: 'setrlimit';
      readonly resource: Resource;
      readonly soft: bigint;
      readonly hard: bigint;
    }
  /** Gives up a capability for good, from every set. */
  | { readonly op: 'dropCap'; readonly capability: Capability }
  /** prctl(PR_SET_MEMORY_MERGE). */
  | { readonly op: 'setMemoryMerge'; readonly on: boolean }
  /** prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN). */
  | { readonly op: 'setMdwe' };

/** Everything that can be asked of the model. */
export type Operation =
  | MappingOperation
  | ChangingOperation
  | AccessOperation
  | ProcessOperation
  /** Reads /proc/self/smaps and the totals of /proc/self/status. */
  | { readonly op: 'smaps' };

/** The operation with this name. */
export type OperationOf<Op extends Operation['op']> = Extract<Operation, { readonly op: Op }>;
