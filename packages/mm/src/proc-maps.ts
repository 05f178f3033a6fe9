// SPDX-License-Identifier: MIT
import type { Call, MmStep } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import type { SmapsVma, Totals } from './outcome.ts';
import type { Features } from './features.ts';
import { vmasOf, type State } from './state.ts';
import { formatVmFlags, VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/*
 * How an address space shows itself. Reads beside show_map_vma() and show_smap_vma_flags(),
 * fs/proc/task_mmu.c, Linux 6.18.
 */

/** Column of the name in /proc/PID/maps, for 64-bit kernels: seq_pad() of show_map_vma(). */
const NAME_COLUMN = 73;

/** The observation: /proc/self/smaps, and the totals of /proc/self/status. */
export function smaps(call: Call): MmStep {
  const observed = observe(call.mm, call.features);
  return call.answer({ kind: 'smaps', ...observed }, 'smaps.read');
}

/** How a kernel shows an address space. */
export type Display = Pick<Features, 'heapTouches' | 'namesLockOnFault'>;

const NEWEST: Display = { heapTouches: false, namesLockOnFault: true };

/**
 * What a process can see of its address space.
 *
 * @param display how its kernel shows it; by default as Linux 6.18
 */
export function observe(
  mm: State,
  display: Display = NEWEST,
): { readonly vmas: readonly SmapsVma[]; readonly totals: Totals } {
  return {
    vmas: vmasOf(mm).map((vma) => show(mm, vma, display)),
    totals: { size: mm.totalVm, locked: mm.lockedVm, data: mm.dataVm, stack: mm.stackVm },
  };
}

function show(mm: State, vma: Vma, display: Display): SmapsVma {
  return {
    start: BigInt(vma.start),
    end: BigInt(vma.end),
    perms: perms(vma.flags),
    // The kernel prints an offset where there is a file; private anonymous memory has none.
    offset: vma.backing === null ? 0n : BigInt(vma.pgoff) * BigInt(PAGE_SIZE),
    name: nameOf(mm, vma, display),
    flags: formatVmFlags(vma.flags, display.namesLockOnFault),
  };
}

/** `rw-p`: p for private, s for shared. */
export function perms(flags: number): string {
  return (
    ((flags & VM_READ) !== 0 ? 'r' : '-') +
    ((flags & VM_WRITE) !== 0 ? 'w' : '-') +
    ((flags & VM_EXEC) !== 0 ? 'x' : '-') +
    ((flags & VM_MAYSHARE) !== 0 ? 's' : 'p')
  );
}

/** What the line is called; empty for most anonymous memory. */
export function nameOf(mm: State, vma: Vma, { heapTouches }: Display = NEWEST): string {
  const { backing, end, special, start } = vma;
  if (backing !== null) return backing.name;
  if (special !== null) return special;
  const isHeap = heapTouches
    ? start <= mm.brk && end >= mm.startBrk
    : start < mm.brk && end > mm.startBrk;
  if (isHeap) return '[heap]';
  return start <= mm.startStack && mm.startStack < end ? '[stack]' : '';
}

/**
 * The lines of /proc/PID/maps. What the model calls a file stands where the kernel has its path;
 * device and inode are 0, as the model knows neither.
 */
export function formatMaps(mm: State): readonly string[] {
  return observe(mm).vmas.map(({ start, end, name, offset, perms: access }) => {
    const line = `${hex8(start)}-${hex8(end)} ${access} ${hex8(offset)} 00:00 0 `;
    return name === '' ? line : `${line.padEnd(NAME_COLUMN)}${name}`;
  });
}

/** What a line of /proc/PID/maps says. */
export type MapsLine = Pick<SmapsVma, 'start' | 'end' | 'perms' | 'offset' | 'name'>;

const MAPS_LINE = /^([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][ps]) ([0-9a-f]+) \S+ \d+ *(.*)$/;

/**
 * Reads a line of /proc/PID/maps.
 *
 * @throws RangeError where it is none
 */
export function parseMapsLine(line: string): MapsLine {
  const [, start, end, access, offset, name] = MAPS_LINE.exec(line) ?? [];
  if (start === undefined || end === undefined || access === undefined) {
    throw new RangeError(`line: expected one of /proc/PID/maps, got ${JSON.stringify(line)}`);
  }
  return {
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
    perms: access,
    offset: BigInt(`0x${offset ?? '0'}`),
    name: name ?? '',
  };
}

function hex8(value: bigint): string {
  return value.toString(16).padStart(8, '0');
}
