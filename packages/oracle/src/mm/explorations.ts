// SPDX-License-Identifier: MIT
import {
  MAP_GROWSDOWN,
  MCL_FUTURE,
  MREMAP_DONTUNMAP,
  MREMAP_MAYMOVE,
  type Operation,
  type Setup,
  type State,
  type VmaSpec,
} from '@kernel-models/mm';
import type { Exploration } from '../subsystem.ts';
import { USUAL_LIMITS } from './host.ts';
import * as op from './operations.ts';
import { ANON, ARENA, brk, NONE, PAGE, page, pages, R, RW } from './operations.ts';

const LOOK: Operation = { op: 'smaps' };

const START_BRK = 0x40_4000n;

const WRITABLE = 'rd wr mr mw me ac';

/** A process of a few mappings: its program, a stack, and what the world is about. */
function processWith(vmas: readonly VmaSpec[]): Setup {
  const program: VmaSpec = {
    start: 0x40_0000n,
    end: START_BRK,
    flags: 'rd ex mr mw me',
    offset: 0n,
    name: 'probe',
    faulted: false,
  };
  const stack: VmaSpec = {
    start: 0x7fff_fffd_e000n,
    end: 0x7fff_ffff_f000n,
    flags: 'rd wr mr mw me gd ac',
    offset: 0n,
    name: '',
    faulted: true,
  };
  return {
    abi: 'x86-64',
    layout: 'top-down',
    taskSize: 0x7fff_ffff_f000n,
    mmapBase: 0x7fff_f7ff_f000n,
    mmapLegacyBase: 0x2aa_aaaa_b000n,
    mmapMinAddr: 0x1000n,
    lsmMmapMinAddr: 0x1_0000n,
    stackGuardGap: 0x10_0000n,
    startData: 0x40_1000n,
    endData: 0x40_1800n,
    startBrk: START_BRK,
    brk: START_BRK,
    startStack: 0x7fff_ffff_e000n,
    limits: USUAL_LIMITS,
    capabilities: [],
    maxMapCount: 65_530,
    overcommit: { mode: 0, totalPages: 1 << 20, commitLimit: 1 << 20 },
    files: [],
    vmas: [program, ...vmas, stack],
  };
}

/** Pages of the arena that are mapped from the start. */
function mapped(at: number, count: number, flags: string, faulted: boolean): VmaSpec {
  return { start: page(at), end: page(at + count), flags, offset: 0n, name: '', faulted };
}

/** The small worlds of bounded exhaustive work and of `diff`. */
export const MM_WORLDS: readonly Exploration<State, Operation, Setup>[] = [
  {
    name: 'neighbours',
    sentence: 'mappings side by side, written or not: mapped between, protected, unmapped, forked',
    setups: [
      processWith([mapped(0, 2, WRITABLE, false), mapped(4, 2, WRITABLE, true)]),
      processWith([mapped(0, 2, WRITABLE, true), mapped(2, 2, 'rd mr mw me', false)]),
      processWith([mapped(0, 2, 'rd mr mw me', false), mapped(2, 2, WRITABLE, true)]),
    ],
    operations: () => [
      op.map(2, 2),
      op.map(3, 1, { prot: R }),
      op.unmap(1, 2),
      op.protect(0, 2, RW),
      op.protect(2, 2, RW),
      op.protect(2, 3, R),
      op.write(0),
      op.write(2),
      op.write(4),
      op.FORK_CHILD,
      LOOK,
    ],
    defaultDepth: 4,
    sometimes: { 'everything is one mapping': ({ mapCount }) => mapCount === 3 },
  },
  {
    name: 'moves',
    sentence: 'mremap of plain, locked and written memory, to other places and leaving the source',
    setups: [
      processWith([
        mapped(0, 2, 'rd wr mr mw me lo ac', true),
        mapped(4, 2, WRITABLE, false),
        mapped(6, 1, 'rd mr mw me', false),
      ]),
    ],
    operations: () => [
      op.moveLeaving(0, 2, 10),
      op.moveLeaving(0, 1, 10),
      op.moveLeaving(4, 2, 2),
      op.move(0, 2, 2, 10),
      op.move(4, 3, 3, 10),
      op.move(5, 1, 3, 10),
      op.remap(4, 2, 3),
      op.remap(4, 2, 4, MREMAP_MAYMOVE),
      op.remap(10, 2, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
      op.unmap(0, 2),
      op.write(10),
      op.map(2, 2),
      LOOK,
    ],
    defaultDepth: 3,
  },
  {
    name: 'heap',
    sentence: 'the break up and down, with holes, other mappings and locks in the heap',
    setups: [processWith([])],
    operations: () => [
      brk(START_BRK),
      brk(START_BRK + 1n),
      brk(START_BRK + pages(2)),
      brk(START_BRK + pages(4)),
      { op: 'munmap', address: START_BRK + pages(1), length: pages(3) },
      { op: 'mprotect', address: START_BRK, length: PAGE, prot: R },
      { op: 'touchWrite', address: START_BRK },
      op.mmap(START_BRK + pages(4), PAGE, { flags: ANON | 0x10 }),
      { op: 'mlockall', flags: MCL_FUTURE },
      LOOK,
    ],
    defaultDepth: 4,
    sometimes: { 'the heap is in two pieces': ({ mapCount }) => mapCount >= 4 },
  },
  {
    name: 'placement',
    sentence: 'mappings without an address, around stacks and their guard gaps',
    setups: [processWith([])],
    operations: () => [
      op.place(1),
      op.place(512),
      op.place(1, { flags: ANON | MAP_GROWSDOWN }),
      op.mmap(0x7fff_f7ff_0000n, PAGE, { prot: NONE }),
      op.mmap(ARENA, pages(300), { prot: R }),
      { op: 'munmap', address: 0x7fff_f7ff_e000n, length: PAGE },
      LOOK,
    ],
    defaultDepth: 4,
  },
  {
    name: 'refusals',
    sentence: 'what calls leave behind that are refused half-way: seals, holes, limits',
    setups: [
      {
        ...processWith([mapped(0, 6, WRITABLE, false), mapped(8, 2, WRITABLE, false)]),
        limits: { ...USUAL_LIMITS, DATA: { soft: pages(44), hard: pages(44) } },
      },
    ],
    operations: () => [
      op.seal(2, 2),
      op.unmap(1, 4),
      op.protect(1, 8, R),
      op.map(1, 2, { prot: R }),
      op.map(2, 40),
      op.lock(4, 5),
      op.move(4, 4, 4, 20),
      op.advise(0, 9, 1),
      LOOK,
    ],
    defaultDepth: 3,
  },
];
