// SPDX-License-Identifier: MIT

/*
 * The letters of VmFlags in /proc/PID/smaps, in the order in which they are printed. A flag's bit is
 * its place in this order: nothing outside of the reference sees it.
 */
const LETTERS: readonly string[] = (
  'rd wr ex sh mr mw me ms gd pf lo io sr rr dc de lf ac nr wf ' + 'dd mm hg nh mg dp sl'
).split(' ');

export const VM_READ: number = 1 << 0;
export const VM_WRITE: number = 1 << 1;
export const VM_EXEC: number = 1 << 2;
export const VM_SHARED: number = 1 << 3;
export const VM_MAYREAD: number = 1 << 4;
export const VM_MAYWRITE: number = 1 << 5;
export const VM_MAYEXEC: number = 1 << 6;
export const VM_MAYSHARE: number = 1 << 7;
export const VM_GROWSDOWN: number = 1 << 8;
export const VM_PFNMAP: number = 1 << 9;
export const VM_LOCKED: number = 1 << 10;
export const VM_IO: number = 1 << 11;
export const VM_SEQ_READ: number = 1 << 12;
export const VM_RAND_READ: number = 1 << 13;
export const VM_DONTCOPY: number = 1 << 14;
export const VM_DONTEXPAND: number = 1 << 15;
export const VM_LOCKONFAULT: number = 1 << 16;
export const VM_ACCOUNT: number = 1 << 17;
export const VM_NORESERVE: number = 1 << 18;
export const VM_WIPEONFORK: number = 1 << 19;
export const VM_DONTDUMP: number = 1 << 20;
export const VM_MIXEDMAP: number = 1 << 21;
export const VM_HUGEPAGE: number = 1 << 22;
export const VM_NOHUGEPAGE: number = 1 << 23;
export const VM_MERGEABLE: number = 1 << 24;
export const VM_DROPPABLE: number = 1 << 25;
export const VM_SEALED: number = 1 << 26;

/** What no VMA is joined with, nor locked. */
export const VM_SPECIAL: number = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;
export const VM_LOCKED_MASK: number = VM_LOCKED | VM_LOCKONFAULT;
export const VM_ACCESS: number = VM_READ | VM_WRITE | VM_EXEC;

/** What a kernel prints for a flag that it has no letters for. */
const NAMELESS = '??';

export function parseVmFlags(text: string): number {
  let flags = 0;
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const bit = LETTERS.indexOf(word === NAMELESS ? 'lf' : word);
    if (bit < 0) throw new Error(`flags: expected letters of VmFlags, got ${word}`);
    flags |= 1 << bit;
  }
  return flags;
}

export function printVmFlags(flags: number, namesLockOnFault: boolean): string {
  return LETTERS.filter((_, bit) => (flags & (1 << bit)) !== 0)
    .map((letters) => (letters === 'lf' && !namesLockOnFault ? NAMELESS : letters))
    .join(' ');
}
