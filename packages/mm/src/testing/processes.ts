// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { PAGE_SIZE } from '../constants.ts';
import type { Limit, Setup, VmaSpec } from '../setup.ts';

const PAGE = BigInt(PAGE_SIZE);
const INFINITY = (1n << 64n) - 1n;
const UNLIMITED: Limit = Object.freeze({ soft: INFINITY, hard: INFINITY });

const PROGRAM: readonly VmaSpec[] = [
  {
    start: 0x40_0000n,
    end: 0x40_2000n,
    flags: 'rd ex mr mw me',
    offset: 0n,
    name: 'probe',
    faulted: false,
  },
  {
    start: 0x40_2000n,
    end: 0x40_4000n,
    flags: 'rd wr mr mw me ac',
    offset: 0n,
    name: '',
    faulted: true,
  },
];

/** A small process: a program with bss, a stack, the vDSO; no heap yet, nothing limited. */
export function smallProcess(changes: Partial<Setup> = {}): Setup {
  const isWide = (changes.abi ?? 'x86-64') === 'x86-64';
  const taskSize = isWide ? 0x7fff_ffff_f000n : changes.abi === 'arm' ? 0xbf00_0000n : 0xffff_e000n;
  const stackEnd = taskSize;
  return {
    abi: 'x86-64',
    layout: 'top-down',
    taskSize,
    mmapBase: taskSize - 0x800_0000n,
    mmapLegacyBase: (taskSize / 3n + PAGE - 1n) & ~(PAGE - 1n),
    mmapMinAddr: 0x1000n,
    lsmMmapMinAddr: 0x1_0000n,
    stackGuardGap: 256n * PAGE,
    startData: 0x40_2000n,
    endData: 0x40_2000n,
    startBrk: 0x40_4000n,
    brk: 0x40_4000n,
    startStack: stackEnd - 0x100n,
    limits: { AS: UNLIMITED, DATA: UNLIMITED, STACK: UNLIMITED, MEMLOCK: UNLIMITED },
    capabilities: [],
    maxMapCount: 65_530,
    overcommit: { mode: 0, totalPages: 1 << 21, commitLimit: 1 << 20 },
    files: [
      { pages: 8, access: 'rw', inode: 1 },
      { pages: 8, access: 'r', inode: 1 },
    ],
    vmas: [
      ...PROGRAM,
      {
        start: taskSize - 0x800_0000n - 2n * PAGE,
        end: taskSize - 0x800_0000n,
        flags: 'rd ex mr mw me de',
        offset: 0n,
        name: '[vdso]',
        faulted: false,
      },
      {
        start: stackEnd - 3n * PAGE,
        end: stackEnd,
        flags: 'rd wr mr mw me gd ac',
        offset: 0n,
        name: '[stack]',
        faulted: true,
      },
    ],
    ...changes,
  };
}

/** Processes of all kinds: both geometries, both layouts, tight limits, few mappings. */
export const setups: fc.Arbitrary<Setup> = fc
  .record({
    abi: fc.constantFrom('x86-64' as const, 'x86-64' as const, 'i386' as const, 'arm' as const),
    geometry: fc.constantFrom('kernel64' as const, 'kernel32' as const),
    layout: fc.constantFrom('top-down' as const, 'bottom-up' as const),
    maxMapCount: fc.constantFrom(65_530, 65_530, 16),
    canLock: fc.boolean(),
    isTight: fc.boolean(),
    mode: fc.constantFrom(0 as const, 1 as const, 2 as const),
  })
  .map(({ abi, canLock, geometry, isTight, layout, maxMapCount, mode }) =>
    smallProcess({
      abi,
      geometry,
      layout,
      maxMapCount,
      capabilities: canLock ? ['CAP_IPC_LOCK', 'CAP_SYS_RAWIO'] : [],
      limits: {
        AS: isTight ? { soft: 96n * PAGE, hard: INFINITY } : UNLIMITED,
        DATA: isTight ? { soft: 40n * PAGE, hard: INFINITY } : UNLIMITED,
        STACK: { soft: 64n * PAGE, hard: INFINITY },
        MEMLOCK: canLock ? UNLIMITED : { soft: 12n * PAGE, hard: INFINITY },
      },
      overcommit: { mode, totalPages: 1 << 21, commitLimit: isTight ? 48 : 1 << 20 },
    }),
  );
