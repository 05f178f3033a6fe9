// SPDX-License-Identifier: MIT

/*
 * vm_flags of a VMA, an int32. The bits are those of include/linux/mm.h, Linux 6.18, except the two
 * that a 64-bit kernel keeps above bit 31: they stand where the model has no other use for a bit.
 */

/** What the mapping allows now. */
export const VM_READ: number = 1 << 0;
export const VM_WRITE: number = 1 << 1;
export const VM_EXEC: number = 1 << 2;
export const VM_SHARED: number = 1 << 3;
/** What mprotect(2) may allow. */
export const VM_MAYREAD: number = 1 << 4;
export const VM_MAYWRITE: number = 1 << 5;
export const VM_MAYEXEC: number = 1 << 6;
export const VM_MAYSHARE: number = 1 << 7;
/** A stack: a fault just below makes it longer. */
export const VM_GROWSDOWN: number = 1 << 8;
/** Sealed by mseal(2). The kernel's bit is 42 (63 in Linux 6.12). */
export const VM_SEALED: number = 1 << 9;
/** Page frames without struct page. */
export const VM_PFNMAP: number = 1 << 10;
/** MAP_DROPPABLE. The kernel's bit is 40. */
export const VM_DROPPABLE: number = 1 << 12;
export const VM_LOCKED: number = 1 << 13;
export const VM_IO: number = 1 << 14;
export const VM_SEQ_READ: number = 1 << 15;
export const VM_RAND_READ: number = 1 << 16;
/** MADV_DONTFORK. */
export const VM_DONTCOPY: number = 1 << 17;
/** mremap(2) does not make it longer. */
export const VM_DONTEXPAND: number = 1 << 18;
/** Pages are locked as they are touched: mlock2(MLOCK_ONFAULT). */
export const VM_LOCKONFAULT: number = 1 << 19;
/** Its pages are charged against the overcommit limit. */
export const VM_ACCOUNT: number = 1 << 20;
/** MAP_NORESERVE. */
export const VM_NORESERVE: number = 1 << 21;
/** MADV_WIPEONFORK. */
export const VM_WIPEONFORK: number = 1 << 25;
/** MADV_DONTDUMP. */
export const VM_DONTDUMP: number = 1 << 26;
/** Written since the bits were last cleared. Two VMAs that differ in it alone are joined. */
export const VM_SOFTDIRTY: number = 1 << 27;
export const VM_MIXEDMAP: number = 1 << 28;
export const VM_HUGEPAGE: number = 1 << 29;
export const VM_NOHUGEPAGE: number = 1 << 30;
/** Same-page merging: prctl(PR_SET_MEMORY_MERGE). */
export const VM_MERGEABLE: number = 1 << 31;

export const VM_ACCESS_FLAGS: number = VM_READ | VM_WRITE | VM_EXEC;
/** What no VMA is joined with, nor locked. Origin: VM_SPECIAL, include/linux/mm.h. */
export const VM_SPECIAL: number = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;
export const VM_LOCKED_MASK: number = VM_LOCKED | VM_LOCKONFAULT;
/** Flags of the heap. Origin: VM_DATA_FLAGS_NON_EXEC and VM_ACCOUNT, include/linux/mm.h. */
export const VM_HEAP_FLAGS: number =
  VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT;

/**
 * Two letters for each flag, in the order in which /proc/PID/smaps prints them. The soft-dirty bit
 * is left out. Origin: show_smap_vma_flags(), fs/proc/task_mmu.c, Linux 6.18.
 */
const MNEMONICS: readonly (readonly [bit: number, letters: string])[] = [
  [VM_READ, 'rd'],
  [VM_WRITE, 'wr'],
  [VM_EXEC, 'ex'],
  [VM_SHARED, 'sh'],
  [VM_MAYREAD, 'mr'],
  [VM_MAYWRITE, 'mw'],
  [VM_MAYEXEC, 'me'],
  [VM_MAYSHARE, 'ms'],
  [VM_GROWSDOWN, 'gd'],
  [VM_PFNMAP, 'pf'],
  [VM_LOCKED, 'lo'],
  [VM_IO, 'io'],
  [VM_SEQ_READ, 'sr'],
  [VM_RAND_READ, 'rr'],
  [VM_DONTCOPY, 'dc'],
  [VM_DONTEXPAND, 'de'],
  [VM_LOCKONFAULT, 'lf'],
  [VM_ACCOUNT, 'ac'],
  [VM_NORESERVE, 'nr'],
  [VM_WIPEONFORK, 'wf'],
  [VM_DONTDUMP, 'dd'],
  [VM_MIXEDMAP, 'mm'],
  [VM_HUGEPAGE, 'hg'],
  [VM_NOHUGEPAGE, 'nh'],
  [VM_MERGEABLE, 'mg'],
  [VM_DROPPABLE, 'dp'],
  [VM_SEALED, 'sl'],
];

const BY_LETTERS: ReadonlyMap<string, number> = new Map(
  MNEMONICS.map(([bit, letters]) => [letters, bit]),
);

/** What a kernel prints for a flag that it has no letters for. */
const NAMELESS = '??';

/**
 * VmFlags of /proc/PID/smaps.
 *
 * @param namesLockOnFault whether the kernel has letters for VM_LOCKONFAULT
 */
export function formatVmFlags(flags: number, namesLockOnFault: boolean = true): string {
  const words: string[] = [];
  for (const [bit, letters] of MNEMONICS) {
    if ((flags & bit) === 0) continue;
    words.push(bit === VM_LOCKONFAULT && !namesLockOnFault ? NAMELESS : letters);
  }
  return words.join(' ');
}

/** The flags that VmFlags name; `??` is the one flag that some kernel has no letters for. */
export function parseVmFlags(text: string): number {
  return words(text).reduce(
    (flags, letters) =>
      flags | (letters === NAMELESS ? VM_LOCKONFAULT : (BY_LETTERS.get(letters) ?? 0)),
    0,
  );
}

/** Whether a text is a list of known letters. */
export function isVmFlags(text: string): boolean {
  return words(text).every((letters) => letters === NAMELESS || BY_LETTERS.has(letters));
}

function words(text: string): readonly string[] {
  return text === '' ? [] : text.split(' ');
}
