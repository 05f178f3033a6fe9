// SPDX-License-Identifier: MIT
import type { Capability, Limit, Resource, Setup } from '@kernel-models/mm';
import type { Errno } from '@kernel-models/model-core';
import type { Switches } from './revisions.ts';
import { parseVmFlags } from './vm-flags.ts';

export const PAGE = 4096n;

/** What the pages of a VMA come from. Two VMAs can only be joined if it is the same. */
export type Backing =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'file'; readonly index: number }
  | { readonly kind: 'shmem'; readonly serial: number; readonly pages: bigint }
  /** The image of the program. */
  | { readonly kind: 'program' }
  /** [vdso] and its like. */
  | { readonly kind: 'special'; readonly name: string };

export interface Vma {
  start: bigint;
  /** Exclusive. */
  end: bigint;
  flags: number;
  /** Pages. */
  pgoff: bigint;
  backing: Backing;
  anonVma: number | null;
  /** Every anon_vma that its pages may belong to; more than one: inherited by a fork. */
  chain: readonly number[];
  /** mbind(2)'s policy, in words; null is the default. */
  policy: string | null;
}

/** A process and what it asks of the machine. Operations change a copy of it. */
export interface Reference {
  readonly setup: Setup;
  /** Sorted, disjoint. */
  vmas: Vma[];
  brk: bigint;
  /** Pages. A counter, because some kernels miscount it. */
  lockedVm: bigint;
  defFlags: number;
  mergeAny: boolean;
  mdwe: boolean;
  limits: Readonly<Record<Resource, Limit>>;
  capabilities: readonly Capability[];
  /** The VMAs of parents that wait; they stay charged. */
  ancestors: readonly (readonly Vma[])[];
  /** Pages by which stacks grew that give no charge back. */
  strandedCharge: bigint;
  /** The next number for an anon_vma or an object of shared memory. */
  serial: number;
}

/** A working copy together with the rules of the kernel that it runs on. */
export interface Process extends Reference {
  readonly rules: Switches;
}

/** An error, or null: done. */
export type Refusal = Errno | null;

export function initialState(setup: Setup): Reference {
  let serial = 1;
  const vmas = setup.vmas.map((spec): Vma => {
    const backing = backingOf(spec.name, (spec.end - spec.start) / PAGE, () => serial++);
    const anonVma = spec.faulted ? serial++ : null;
    return {
      start: spec.start,
      end: spec.end,
      flags: parseVmFlags(spec.flags),
      pgoff: backing.kind === 'anonymous' ? spec.start / PAGE : spec.offset / PAGE,
      backing,
      anonVma,
      chain: anonVma === null ? [] : [anonVma],
      policy: null,
    };
  });
  vmas.sort((a, b) => (a.start < b.start ? -1 : 1));
  return {
    setup,
    vmas,
    brk: setup.brk,
    lockedVm: 0n,
    defFlags: 0,
    mergeAny: false,
    mdwe: false,
    limits: setup.limits,
    capabilities: setup.capabilities,
    ancestors: [],
    strandedCharge: 0n,
    serial,
  };
}

function backingOf(name: string, size: bigint, next: () => number): Backing {
  if (name === '' || name === '[heap]' || name === '[stack]') return { kind: 'anonymous' };
  if (name === 'probe') return { kind: 'program' };
  if (name === 'shmem') return { kind: 'shmem', serial: next(), pages: size };
  if (name.startsWith('file:')) return { kind: 'file', index: Number(name.slice(5)) };
  return { kind: 'special', name };
}

/** A copy to work on. VMAs are copied one level deep; what they point to never changes. */
export function workingCopy(reference: Reference, rules: Switches): Process {
  return { ...reference, vmas: reference.vmas.map((vma) => ({ ...vma })), rules };
}

/** The state without the rules. */
export function stateOf({ rules: _, ...state }: Process): Reference {
  return state;
}

export function lengthOf(vma: Vma): bigint {
  return vma.end - vma.start;
}

export function pagesOf(vma: Vma): bigint {
  return lengthOf(vma) / PAGE;
}

export function has(vma: Vma, bits: number): boolean {
  return (vma.flags & bits) !== 0;
}

/** An argument as the kernel sees it: a 32-bit process passes 32 bits. */
export function argument(setup: Setup, value: bigint): bigint {
  return BigInt.asUintN(setup.abi === 'x86-64' ? 64 : 32, value);
}

/** What the kernel's unsigned long makes of a sum. i386 processes run on a 64-bit kernel. */
export function wrap({ setup }: Reference, value: bigint): bigint {
  return BigInt.asUintN(setup.abi === 'arm' ? 32 : 64, value);
}

/** PAGE_ALIGN, which wraps to 0 near the end. */
export function alignUp(process: Reference, value: bigint): bigint {
  return alignDown(wrap(process, value + PAGE - 1n));
}

export function alignDown(value: bigint): bigint {
  return value - (value % PAGE);
}

export function isAligned(value: bigint): boolean {
  return value % PAGE === 0n;
}

/** The first VMA that ends above an address: find_vma(). */
export function findVma(process: Reference, address: bigint): Vma | undefined {
  return process.vmas.find(({ end }) => end > address);
}

/** The VMA that covers an address. */
export function vmaAt(process: Reference, address: bigint): Vma | undefined {
  const vma = findVma(process, address);
  return vma !== undefined && vma.start <= address ? vma : undefined;
}

/** The VMAs of which some part lies in [start, end). */
export function inRange(process: Reference, start: bigint, end: bigint): Vma[] {
  return process.vmas.filter((vma) => vma.end > start && vma.start < end);
}

/** The last VMA that ends at or below an address. */
export function before(process: Reference, address: bigint): Vma | undefined {
  return process.vmas.findLast(({ end }) => end <= address);
}

/** The first VMA that starts at or above an address. */
export function after(process: Reference, address: bigint): Vma | undefined {
  return process.vmas.find(({ start }) => start >= address);
}

export function insert(process: Process, vma: Vma): void {
  process.vmas.push(vma);
  process.vmas.sort((a, b) => (a.start < b.start ? -1 : 1));
}

export function remove(process: Process, vma: Vma): void {
  process.vmas = process.vmas.filter((other) => other !== vma);
}

export function capable(process: Reference, capability: Capability): boolean {
  return process.capabilities.includes(capability);
}
