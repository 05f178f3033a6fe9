// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { PAGE_SIZE } from '../constants.ts';
import {
  MADV_NAMES,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_WRITE,
} from '../flags.ts';
import { RESOURCES, type Operation } from '../operation.ts';
import type { State } from '../state.ts';
import type { Vma } from '../vma.ts';

const PAGE = BigInt(PAGE_SIZE);
const INFINITY = (1n << 64n) - 1n;

/** Where generated operations map at fixed addresses: free in every setup of this file. */
export const ARENA: bigint = 0x1000_0000n;
/** Few enough that ranges meet. */
export const ARENA_PAGES: number = 48;

/** What chance has to say about one operation. Made into an operation only in sight of a state. */
export interface Draw {
  /** Which operation; see {@link operationFor}. */
  readonly kind: number;
  readonly page: number;
  readonly pages: number;
  readonly other: number;
  readonly detail: number;
}

/** Draws, each field from 0 up. */
export const draws: fc.Arbitrary<Draw> = fc.record({
  kind: fc.nat(999),
  page: fc.nat(999),
  pages: fc.nat(999),
  other: fc.nat(999),
  detail: fc.nat(999),
});

/** Which kinds of operations a run has: one bit each, as `KINDS` counts them. */
export const swarms: fc.Arbitrary<number> = fc.oneof(fc.constant(-1), fc.integer());

/** Kinds of operations with their weights: the frequent ones stand several times. */
const KINDS: readonly Operation['op'][] = [
  'mmap',
  'mmap',
  'mmap',
  'munmap',
  'mprotect',
  'mprotect',
  'brk',
  'brk',
  'touchWrite',
  'touchWrite',
  'mremap',
  'mremap',
  'madvise',
  'mlock',
  'munlock',
  'mlock2',
  'mseal',
  'mbind',
  'fork',
  'touchRead',
  'mlockall',
  'munlockall',
  'setrlimit',
  'setMemoryMerge',
  'vmBrkFlags',
  'setMdwe',
  'dropCap',
];

/** Where most addresses lie: in the arena, around the heap, or below the top of the window. */
export type Focus = 'arena' | 'heap' | 'top';

/** Every focus. */
export const focuses: fc.Arbitrary<Focus> = fc.constantFrom<Focus>('arena', 'arena', 'heap', 'top');

function pick<Value>(values: readonly [Value, ...Value[]], draw: number): Value {
  return values[draw % values.length] ?? values[0];
}

/** The kind that a draw means, given which kinds the run has. */
function kindOf(draw: Draw, swarm: number): Operation['op'] {
  for (let tries = 0; tries < KINDS.length; tries++) {
    const index = (draw.kind + tries) % KINDS.length;
    if ((swarm & (1 << (index % 31))) !== 0) return KINDS[index] ?? 'mmap';
  }
  return 'mmap';
}

/** Mostly a page of the arena; also where something begins or ends, near the heap, or nowhere. */
function addressFor(state: State, draw: number, detail: number, focus: Focus): bigint {
  const page = ARENA + BigInt(draw % ARENA_PAGES) * PAGE;
  if (focus === 'heap' && detail % 3 > 0) {
    return BigInt(state.startBrk) + BigInt(draw % 8) * PAGE;
  }
  if (focus === 'top' && detail % 3 > 0) {
    return BigInt(state.machine.mmapBase) - BigInt(2 + (draw % 300)) * PAGE;
  }
  switch (detail % 16) {
    case 0:
      return BigInt(state.startBrk) + BigInt(draw % 12) * PAGE;
    case 1:
      return BigInt(state.tree.find(Number(page))?.entry.end ?? page);
    case 2:
      return pick(
        [0n, page + 1n, BigInt(state.machine.taskSize), INFINITY - 4095n, INFINITY - 4094n],
        draw,
      );
    default:
      return page;
  }
}

function lengthFor(draw: number): bigint {
  return draw % 40 === 39
    ? pick([0n, 1n, INFINITY, 1n << 46n], draw)
    : BigInt(1 + (draw % 6)) * PAGE;
}

const PROTECTIONS = [
  PROT_READ | PROT_WRITE,
  PROT_READ | PROT_WRITE,
  PROT_READ,
  0,
  PROT_READ | PROT_WRITE | PROT_EXEC,
  PROT_WRITE,
] as const;

const MAP_FLAGS = [
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
  MAP_PRIVATE | MAP_ANONYMOUS,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED,
  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN,
  MAP_PRIVATE | MAP_FIXED,
  MAP_SHARED | MAP_FIXED,
  MAP_SHARED_VALIDATE | MAP_FIXED,
  MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED,
] as const;

/**
 * What the model leaves out: droppable memory of 32-bit kernels, and the charge that a shared object
 * keeps, which mode 2 alone would see.
 */
function isModelled({ machine }: State, flags: number): boolean {
  const isSharedObject = (flags & MAP_SHARED) !== 0 && (flags & MAP_ANONYMOUS) !== 0;
  if (isSharedObject && machine.overcommit.mode === 2) return false;
  return (flags & MAP_DROPPABLE) === 0 || machine.wordBits === 64;
}

const REMAP_FLAGS = [
  MREMAP_MAYMOVE | MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
  0,
  MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
] as const;

const ADVICE = Object.values(MADV_NAMES);

/** What mprotect(2) is asked beside an access, seldom. */
const GROWTH = [PROT_GROWSDOWN, PROT_GROWSUP, PROT_GROWSDOWN | PROT_GROWSUP] as const;

/** The VMA at an address or above it. */
function vmaNear(state: State, address: bigint): Vma | undefined {
  return address < INFINITY >> 20n ? state.tree.find(Number(address))?.entry : undefined;
}

/**
 * Now and then all of a mapping, or its end: where ranges end with mappings, those that are alike
 * come to lie side by side.
 */
function rangeFor(
  state: State,
  { pages, detail }: Draw,
  address: bigint,
): { readonly address: bigint; readonly length: bigint } {
  const length = lengthFor(pages);
  const vma = vmaNear(state, address);
  if (vma === undefined || Math.floor(pages / 6) % 3 !== 0) return { address, length };
  const [start, end] = [BigInt(vma.start), BigInt(vma.end)];
  switch (detail % 3) {
    case 0:
      return { address: start, length: end - start };
    case 1:
      return { address: start, length };
    default:
      return address > start && address < end
        ? { address, length: end - address }
        : { address, length };
  }
}

/** A limit near what is used of it, so that the next call meets it. */
function limitNear({ totalVm, dataVm, lockedVm, brk, startBrk }: State, draw: Draw): bigint {
  const used = { AS: totalVm, DATA: dataVm, STACK: 1, MEMLOCK: lockedVm } as const;
  const { other, detail, pages } = draw;
  const resource = RESOURCES[other % RESOURCES.length] ?? 'AS';
  if (resource === 'DATA' && detail % 2 === 0) return BigInt(brk - startBrk + (pages % 3) * 2048);
  return BigInt(used[resource] + (pages % 5)) * PAGE;
}

/**
 * The operation that a draw means in a state.
 *
 * @param swarm which kinds there are; -1: all
 * @param focus where most addresses lie
 */
export function operationFor(
  state: State,
  draw: Draw,
  swarm: number = -1,
  focus: Focus = 'arena',
): Operation {
  const { detail, other, page, pages } = draw;
  const address = addressFor(state, page, detail >> 2, focus);
  const length = lengthFor(pages);
  const range = rangeFor(state, draw, address);
  const op = kindOf(draw, swarm);
  switch (op) {
    case 'brk':
      return { op, address: BigInt(state.startBrk) + BigInt(page % 14) * PAGE - BigInt(other % 3) };
    case 'mmap': {
      const drawn = pick(MAP_FLAGS, detail);
      const flags = isModelled(state, drawn) ? drawn : MAP_FLAGS[0];
      const fd = (flags & MAP_ANONYMOUS) !== 0 ? -1 : other % 3;
      // As the addresses, so that neighbours continue each other; but not always.
      const shift = (detail >> 4) % 4 === 0 ? 1 : 0;
      const offset = fd < 0 ? 0n : BigInt((page + shift) % 8) * PAGE;
      return { op, address, length, prot: pick(PROTECTIONS, other), flags, fd, offset };
    }
    case 'munmap':
    case 'mlock':
    case 'munlock':
      return { op, ...range };
    case 'mprotect': {
      const grows = page % 16 === 15 ? pick(GROWTH, detail) : 0;
      return { op, ...range, prot: pick(PROTECTIONS, other) | grows };
    }
    case 'mremap': {
      const newAddress = addressFor(state, other, detail >> 3, focus);
      const flags = pick(REMAP_FLAGS, detail);
      const vma = vmaNear(state, address);
      if (vma !== undefined && Math.floor(pages / 6) % 3 === 1) {
        // All of a mapping, which hardly any other range is.
        const whole = BigInt(vma.end - vma.start);
        const start = BigInt(vma.start);
        return { op, address: start, oldLength: whole, newLength: whole, flags, newAddress };
      }
      const newLength = other % 3 === 0 ? lengthFor(other) : length;
      return { op, address, oldLength: length, newLength, flags, newAddress };
    }
    case 'madvise':
      return { op, ...range, advice: ADVICE[other % ADVICE.length] ?? 0 };
    case 'mlock2':
      return { op, ...range, flags: other % 3 };
    case 'mlockall':
      return { op, flags: other % 9 };
    case 'munlockall':
    case 'setMdwe':
    case 'smaps':
      return { op };
    case 'mseal':
      return { op, ...range, flags: other % 7 === 6 ? 1 : 0 };
    case 'mbind': {
      const nodes = BigInt(pick([1, 1, 0, 2], detail));
      return { op, ...range, mode: other % 6, nodes, flags: pick([0, 0, 1, 2, 8], detail) };
    }
    case 'touchRead':
    case 'touchWrite':
      return { op, address: address + BigInt(detail) };
    case 'fork':
      return { op, follow: other % 2 === 0 ? 'child' : 'parent' };
    case 'setrlimit': {
      const drawn = pages % 2 === 0 ? limitNear(state, draw) : BigInt(pages % 100) * PAGE;
      const soft = detail % 3 === 0 ? INFINITY : drawn;
      const resource = RESOURCES[other % RESOURCES.length] ?? 'AS';
      return { op, resource, soft, hard: detail % 9 === 0 ? 0n : INFINITY };
    }
    case 'dropCap':
      return { op, capability: pick(['CAP_IPC_LOCK', 'CAP_SYS_RAWIO', 'CAP_SYS_RESOURCE'], other) };
    case 'setMemoryMerge':
      return { op, on: other % 3 > 0 };
    case 'vmBrkFlags':
      return { op, address, length, flags: pick([0, 0, PROT_EXEC, 1], other) };
  }
}
