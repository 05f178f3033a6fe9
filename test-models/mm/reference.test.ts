// SPDX-License-Identifier: MIT
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as MM from '@kernel-models/mm';
import type { Operation, Outcome, Setup, SmapsVma } from '@kernel-models/mm';
import type { Trace } from '@kernel-models/model-core';
import { readTraceFile, shippedRecordings } from '@kernel-models/oracle';
import { firstDifference, pageViewAfter, pageViewOf, type PageView } from './page-view.ts';
import { referenceApply, referenceInitial, REFERENCE_REVISIONS } from './reference/index.ts';

type MmTrace = Trace<Setup, Operation, Outcome>;

/** Histories that fill the whole address space take the reference hours. */
const LONGEST = 2_000;

/** Pages up to which a look at the address space is turned into a map of pages. */
const MOST_PAGES = 20_000;

function tracesOf(path: string): MmTrace[] {
  const traces = [...readTraceFile(path, () => MM.codec)] as unknown as MmTrace[];
  return traces.filter(({ events }) => events.length < LONGEST);
}

/** What a kernel answered, where it answered one thing. */
function answersOf(trace: MmTrace): { readonly operation: Operation; readonly outcome: Outcome }[] {
  return trace.events.flatMap(({ operation, observed }) =>
    observed.kind === 'one' ? [{ operation, outcome: observed.outcome }] : [],
  );
}

/** The first event that the reference answers otherwise; null: none. */
function divergence(trace: MmTrace, revision: string): number | null {
  let reference = referenceInitial(trace.setup);
  for (const [seq, { operation, outcome }] of answersOf(trace).entries()) {
    const step = referenceApply(reference, operation, revision);
    if (!isDeepStrictEqual(step.outcome, outcome)) return seq;
    reference = step.reference;
  }
  return null;
}

function pagesIn(outcome: Outcome): number {
  return outcome.kind === 'smaps' ? outcome.totals.size : 0;
}

/** How many looks a view foresaw, and the first that it did not. */
function foreseen(trace: MmTrace): { looks: number; wrong: number | null } {
  let view: PageView | null = null;
  let { brk } = trace.setup;
  let looks = 0;
  for (const [seq, { operation, outcome }] of answersOf(trace).entries()) {
    if (operation.op === 'brk' && outcome.kind === 'value') brk = outcome.value;
    if (outcome.kind !== 'smaps') {
      const huge = 'length' in operation && operation.length > BigInt(MOST_PAGES) * 4096n;
      view = view === null || huge ? null : pageViewAfter(view, operation, outcome);
      continue;
    }
    const seen = pagesIn(outcome) > MOST_PAGES ? null : pageViewOf(trace.setup, brk, outcome);
    if (view !== null && seen !== null) {
      if (firstDifference(view, seen) !== null) return { looks, wrong: seq };
      looks += 1;
    }
    view = seen;
  }
  return { looks, wrong: null };
}

const recordings = shippedRecordings('mm');

test('kernels of three releases have been recorded', () => {
  expect(recordings.map(({ name }) => name)).toEqual(['linux-6.1', 'linux-6.12', 'linux-6.18']);
});

describe.each(recordings)('$name', ({ name, path }) => {
  const traces = tracesOf(path);

  test('the reference answers as the kernel did', () => {
    expect(REFERENCE_REVISIONS).toContain(name);
    const wrong = traces.map((trace) => divergence(trace, name));
    expect(wrong.filter((seq) => seq !== null)).toEqual([]);
    expect(traces.length).toBeGreaterThan(50);
  });

  test('the flat view foresees the pages', () => {
    const results = traces.map(foreseen);
    expect(results.filter(({ wrong }) => wrong !== null)).toEqual([]);
    expect(results.reduce((sum, { looks }) => sum + looks, 0)).toBeGreaterThan(500);
  });
});

const PAGE = 0x1000n;
const B = 0x40_4000n;
const ANON = MM.MAP_PRIVATE | MM.MAP_ANONYMOUS;
const RW = MM.PROT_READ | MM.PROT_WRITE;

const INFINITE = { soft: 0xffff_ffff_ffff_ffffn, hard: 0xffff_ffff_ffff_ffffn };

/** A process with nothing but a heap that is empty. */
const BARE: Setup = {
  abi: 'x86-64',
  layout: 'top-down',
  taskSize: 0x7fff_ffff_f000n,
  mmapBase: 0x7fff_f7ff_f000n,
  mmapLegacyBase: 0x2aaa_aaaa_b000n,
  mmapMinAddr: 0x1000n,
  lsmMmapMinAddr: 0x1_0000n,
  stackGuardGap: 0x10_0000n,
  startData: 0x40_1000n,
  endData: 0x40_1800n,
  startBrk: B,
  brk: B,
  startStack: 0x7fff_ffff_ee30n,
  limits: { AS: INFINITE, DATA: INFINITE, STACK: INFINITE, MEMLOCK: INFINITE },
  capabilities: [],
  maxMapCount: 65_530,
  overcommit: { mode: 0, totalPages: 1_000_000, commitLimit: 1_000_000 },
  files: [],
  vmas: [],
};

interface Told {
  readonly values: readonly (bigint | string)[];
  readonly vmas: readonly SmapsVma[];
}

/** Does operations on the bare process. */
function tell(operations: readonly Operation[], revision: string = 'linux-6.18'): Told {
  let reference = referenceInitial(BARE);
  const values: (bigint | string)[] = [];
  for (const operation of operations) {
    const step = referenceApply(reference, operation, revision);
    reference = step.reference;
    if (step.outcome.kind === 'value') values.push(step.outcome.value);
    if (step.outcome.kind === 'errno') values.push(step.outcome.errno);
  }
  const { outcome } = referenceApply(reference, { op: 'smaps' }, revision);
  return { values, vmas: outcome.kind === 'smaps' ? outcome.vmas : [] };
}

const brk = (bytes: bigint): Operation => ({ op: 'brk', address: B + bytes });
const write = (address: bigint): Operation => ({ op: 'touchWrite', address });

function map(address: bigint, pages: bigint, flags: number = ANON, prot: number = RW): Operation {
  const place = { address, length: pages * PAGE, flags: flags | MM.MAP_FIXED };
  return { op: 'mmap', prot, fd: -1, offset: 0n, ...place };
}

describe('brk', () => {
  test('counts bytes and maps pages', () => {
    const { values, vmas } = tell([brk(1n), brk(PAGE), brk(PAGE + 1n), brk(0x800n)]);
    expect(values).toEqual([B + 1n, B + PAGE, B + PAGE + 1n, B + 0x800n]);
    expect(vmas.map(({ start, end }) => [start, end])).toEqual([[B, B + PAGE]]);
  });

  test('does not shrink over a hole, except until Linux 6.0', () => {
    const unmap: Operation = { op: 'munmap', address: B + 2n * PAGE, length: 2n * PAGE };
    const history = [brk(4n * PAGE), unmap, brk(3n * PAGE), brk(2n * PAGE), brk(0n)];
    const refused = B + 4n * PAGE;
    expect(tell(history).values).toEqual([refused, 0n, refused, refused, B]);
    const done = [refused, 0n, B + 3n * PAGE, B + 2n * PAGE, B];
    expect(tell(history, 'linux-6.0').values).toEqual(done);
  });

  test('keeps a free page below another mapping', () => {
    const { values } = tell([map(B + 4n * PAGE, 1n), brk(3n * PAGE), brk(3n * PAGE + 1n)]);
    expect(values.slice(1)).toEqual([B + 3n * PAGE, B + 3n * PAGE]);
  });

  test('keeps the guard gap of a stack free', () => {
    const stack = map(B + 0x20_0000n, 1n, ANON | MM.MAP_GROWSDOWN);
    const { values } = tell([stack, brk(0xf_f000n), brk(0x10_0000n)]);
    expect(values.slice(1)).toEqual([B + 0xf_f000n, B + 0xf_f000n]);
  });
});

describe('the end of addresses', () => {
  test('a break beside it is refused', () => {
    expect(tell([{ op: 'brk', address: 0xffff_ffff_ffff_ffffn }]).values).toEqual([B]);
  });

  test('an address there is taken for an error number', () => {
    const { values } = tell([map(0xffff_ffff_ffff_ffffn, 1n), map(0xffff_ffff_ffff_fffdn, 1n)]);
    expect(values).toEqual(['EPERM', 'ESRCH']);
  });
});

describe('joining a mapping with its neighbours', () => {
  const L = 0x1000_0000n;
  const M = L + 2n * PAGE;
  const R = M + 2n * PAGE;
  const left = map(L, 2n);
  const middle = map(M, 2n);
  const right = map(R, 2n);
  const apart = [left, right, write(L), write(R)];
  const reserved = map(L, 2n, ANON | MM.MAP_NORESERVE);
  const shared = MM.MAP_SHARED | MM.MAP_ANONYMOUS;

  test.each<[string, readonly Operation[], readonly bigint[]]>([
    ['nothing was written', [left, right, middle], [L]],
    ['the left one was written', [left, write(L), right, middle], [L]],
    ['the right one was written', [left, right, write(R), middle], [L]],
    ['both were written while apart', [...apart, middle], [L, R]],
    ['one is not charged', [reserved, middle], [L, M]],
    ['each is shared memory of its own', [map(L, 2n, shared), map(M, 2n, shared)], [L, M]],
  ])('%s', (_, history, starts) => {
    expect(tell(history).vmas.map(({ start }) => start)).toEqual(starts);
  });

  test('Linux 6.1 joins with the right one, where both were written', () => {
    expect(tell([...apart, middle], 'linux-6.1').vmas.map(({ start }) => start)).toEqual([L, M]);
  });

  test('a child does not extend what it inherited, its parent does', () => {
    const after = (follow: 'child' | 'parent'): Told =>
      tell([left, write(L), { op: 'fork', follow }, middle]);
    expect(after('child').vmas).toHaveLength(2);
    expect(after('parent').vmas).toHaveLength(1);
  });
});
