// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  binaryBytes,
  binaryPackAlloc,
  bitmapRuns,
  bootMemory,
  bpfCfi,
  featuresOf,
  FIRST_PACK,
  imageAddress,
  nextTrampoline,
  packAlloc,
  packFree,
  startHole,
  type ImagePages,
  type Operation,
  type Pack,
  type Setup,
  type State,
} from '@kernel-models/bpf-cfi';
import {
  hasWritableCode,
  machineState,
  mapBytes,
  peek,
  READ_EXECUTE,
  run,
  textPoke,
} from '@kernel-models/hw-model/instructions';
import { canonicalJson, type RevisionId } from '@kernel-models/model-core';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { loads, operations } from './arbitraries.ts';
import { bytesFor, ReferencePacks } from './reference-packs.ts';

const model = covered(bpfCfi);

/** A real program’s size, a page, and sizes that make a pack full. */
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(64, 65, 4096, 0x8_0000, 0x1f_ffc0, 0x1f_ffc1, 0x20_0000),
);
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ size: sizes }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  ),
  { minLength: 4, maxLength: 20, size: 'max' },
);

function runsOf(packs: readonly Pack[]): readonly string[] {
  return packs.map((pack) =>
    bitmapRuns(pack)
      .map(({ first, count }) => `${first}+${count}`)
      .join(' '),
  );
}

test('packs give and take chunks as an array of owners does', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'bpf-cfi: packs',
    fc.property(steps, (list) => {
      const reference = new ReferencePacks();
      let packs: readonly Pack[] = [];
      const live: { readonly owner: string; readonly address: bigint }[] = [];
      for (const [index, step] of list.entries()) {
        if ('size' in step) {
          const { size } = step;
          const taken = packAlloc(packs, size);
          const [pack, chunk] = reference.take(String(index), size);
          const start = taken.packs[pack]?.address ?? 0n;
          if (taken.address !== start + BigInt(64 * chunk)) throw new Error(`${size} bytes`);
          live.push({ owner: String(index), address: taken.address });
          ({ packs } = taken);
        } else {
          const [gone] = live.splice(step.free % Math.max(1, live.length), 1);
          if (gone === undefined) continue;
          packs = packFree(packs, gone.address);
          reference.giveBack(gone.owner);
        }
        labels.count([`${packs.length} packs`]);
        if (runsOf(packs).join() !== reference.runs().join()) {
          throw new Error(`${runsOf(packs).join()}, expected ${reference.runs().join()}`);
        }
      }
    }),
    { runs: 60 },
  );
  labels.require({ '0 packs': 1, '1 packs': 5, '2 packs': 5, '3 packs': 1 });
});

/** What holds memory in the reference, by the operation that made or ended it. */
class Owners {
  readonly packs = new ReferencePacks();
  readonly #tracers = new Map<string, string>();
  #count = 0;

  constructor({ packed = [] }: Setup) {
    for (const { first, count } of packed) {
      // Whatever lies before is taken, and given back.
      if (first > 0) this.packs.take('gap', 64);
      this.#fillGap(first);
      this.packs.take('boot', 64 * count);
    }
    this.packs.giveBack('gap');
  }

  #fillGap(first: number): void {
    for (;;) {
      const [, chunk] = this.packs.take('probe', 64);
      this.packs.giveBack('probe');
      if (chunk >= first) return;
      this.packs.take('gap', 64);
    }
  }

  /** Follows a step that the model has made. */
  follow(before: State, operation: Operation, after: State, revision: RevisionId): void {
    switch (operation.op) {
      case 'load':
        if (after.programs[operation.program] !== before.programs[operation.program]) {
          for (const part of [undefined, 'subprogram' as const]) {
            const text = { op: 'text', program: operation.program, part } as const;
            const { outcome } = model.apply(after, text, revision);
            if (outcome.kind !== 'image') continue;
            this.packs.take(`program ${operation.program}`, bytesFor(outcome.bytes.length / 2));
          }
        }
        return;
      case 'unload':
      case 'tailSet':
        for (const [name, { references }] of Object.entries(after.programs)) {
          if (references === 0) this.packs.giveBack(`program ${name}`);
        }
        return;
      case 'mapUpdate':
        if (after.maps[operation.map] !== before.maps[operation.map]) {
          this.packs.take(`map ${operation.map}`, 4096);
        }
        return;
      case 'attach':
      case 'detach':
        this.#trace(before, operation, after, revision);
        return;
      default:
    }
  }

  /** The new trampoline is there before the old one goes. */
  #trace(
    before: State,
    operation: Extract<Operation, { op: 'attach' | 'detach' }>,
    after: State,
    revision: RevisionId,
  ): void {
    if (after.tracing === before.tracing) return;
    const { program } = operation;
    const link = [...after.tracing, ...before.tracing].find((one) => one.program === program);
    if (link === undefined) throw new Error(program);
    // What a constant’s program takes: with every preamble and return less than 104 bytes.
    if (operation.op === 'attach') this.packs.take(`tracer ${program}`, 128 - 64);
    const owner = `trampoline ${(this.#count += 1)}`;
    const shown = model.apply(after, { op: 'tracer', function: link.function }, revision).outcome;
    const old = this.#tracers.get(link.function);
    this.#tracers.delete(link.function);
    if (shown.kind === 'image') {
      this.packs.take(owner, shown.bytes.length / 2 + 64);
      this.#tracers.set(link.function, owner);
    }
    if (old !== undefined) this.packs.giveBack(old);
    if (operation.op === 'detach') this.packs.giveBack(`tracer ${program}`);
  }
}

/** Without checks, a tracing program takes one chunk. */
const PLAIN: Setup = {
  ...{ cfi: false, padding: false, ibt: false, retpoline: false, autoDefault: false },
  ...{
    fineibt: false,
    bhi: false,
    alignment: 16,
    permissive: false,
    returnThunk: true,
    sls: false,
  },
  cpu: { ibt: false, fred: false },
};

const tracings: fc.Arbitrary<Operation> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('p', 'q', 'r'),
      fc.constantFrom('fentry', 'fexit'),
      fc.constantFrom('int bpf_fentry_test1(int a)', 'int bpf_fentry_test2(int a, u64 b)'),
    )
    .map(([program, kind, source]): Operation => ({
      ...{ op: 'attach', program, kind, function: source, sees: { kind: 'count' } },
      ...{ returns: 0, sleepable: false, cookie: 0n },
    })),
  fc.constantFrom('p', 'q', 'r').map((program): Operation => ({ op: 'detach', program })),
);

const unloads: fc.Arbitrary<Operation> = fc
  .constantFrom('a', 'b', 'c', 'd')
  .map((program): Operation => ({ op: 'unload', program }));

test('what loads, maps and traced functions take is what an array of owners has', async () => {
  const labels = new LabelCoverage();
  const packed = fc.constantFrom(undefined, [
    { first: 1, count: 2 },
    { first: 5, count: 64 },
  ]);
  await checkProperty(
    'bpf-cfi: owners of packs',
    fc.property(
      packed,
      fc.array(fc.oneof(operations, { weight: 3, arbitrary: loads }, unloads, tracings), {
        minLength: 6,
        maxLength: 24,
        size: 'max',
      }),
      fc.constantFrom('linux-6.9', 'linux-6.12', 'linux-6.18'),
      (taken, list, revision) => {
        const setup = { ...PLAIN, packed: taken };
        const owners = new Owners(setup);
        let { state } = model.apply(model.initial(setup), { op: 'boot', seed: 0 }, revision);
        for (const operation of list) {
          const step = model.apply(state, operation, revision);
          if (step.state.memory !== state.memory) labels.count([operation.op]);
          owners.follow(state, operation, step.state, revision);
          ({ state } = step);
          const { outcome } = model.apply(state, { op: 'packs' }, revision);
          const found = outcome.kind === 'packs' ? outcome.taken : [];
          const words = found.map((runs) =>
            runs.map((run) => `${run.first}+${run.count}`).join(' '),
          );
          if (words.join() !== owners.packs.runs().join()) {
            throw new Error(
              `${canonicalJson(operation)}: ${words.join()}, expected ${owners.packs.runs().join()}`,
            );
          }
        }
      },
    ),
    { runs: 100 },
  );
  labels.require({ load: 10, unload: 2, attach: 5, detach: 2 });
});

describe('an image in its allocation', () => {
  test.each([
    // 27 bytes, rounded up to 28, behind a header of 8: 20 of 64 are left, and 24 drawn from.
    [27, 0, 64, 28, 0],
    [27, 0xffff_ffff, 64, 28, 24],
    [27, 0x8000_0000, 64, 28, 12],
    // The distance stays within the first chunk.
    [60, 0xffff_ffff, 128, 56, 52],
    [41, 0, 128, 56, 0],
    [40, 0xffff_ffff, 64, 16, 12],
    [4000, 0xffff_ffff, 4032, 24, 20],
  ])('of %i bytes, with %i drawn', (length, random, size, hole, start) => {
    const { memory, place } = binaryPackAlloc(bootMemory([]), length, random);
    expect({ ...place, hole: startHole(place.size, length) }).toEqual({
      ...{ address: FIRST_PACK, size, start, length, hole },
    });
    expect(memory.charged).toBe(size);
  });

  test('is written through an alias: its mapping is never writable', () => {
    const pack = mapBytes([], FIRST_PACK, new Uint8Array(4096).fill(0xcc), READ_EXECUTE);
    const { place } = binaryPackAlloc(bootMemory([]), 6, 0x4000_0000);
    // MOV [RIP-6], AL stores into itself.
    const image = [0x88, 0x05, 0xfa, 0xff, 0xff, 0xff];
    const bytes = Uint8Array.from(binaryBytes(place, image));
    const state = machineState({
      ibt: false,
      rip: imageAddress(place),
      registers: {},
      pages: pack,
    });
    const written = textPoke(state, place.address, bytes);
    expect(hasWritableCode(written)).toBe(false);
    expect(peek(written, place.address, 4)).toEqual(Uint8Array.of(64, 0, 0, 0));
    expect(run(written, 1).event).toMatchObject({ kind: 'exception', vector: 14, errorCode: 3 });
  });
});

describe('pages of a struct’s trampolines', () => {
  const start: ImagePages = { memory: bootMemory([]), pages: [], used: 0 };
  const places = (revision: RevisionId, pages: ImagePages, slot: number): readonly string[] => {
    const words: string[] = [];
    for (let at = pages; words.length < 40;) {
      const next = nextTrampoline(at, slot, true, featuresOf(revision));
      if (typeof next === 'string') return [...words, next];
      words.push(`${next.pages.length}:${Number(next.address & 0xfffn)}`);
      at = next;
    }
    return words;
  };

  test('are taken as they are needed, at most eight', () => {
    const words = places('linux-6.12', start, 1000);
    expect(words.slice(0, 5)).toEqual(['1:0', '1:1000', '1:2000', '1:3000', '2:0']);
    expect(words.slice(31)).toEqual(['8:3000', 'E2BIG']);
  });

  test('before Linux 6.9 there is the one that the map came with', () => {
    const own = { ...start, pages: [FIRST_PACK] };
    expect(places('linux-6.8', own, 2000)).toEqual(['1:0', '1:2000', 'E2BIG']);
  });

  test('one that is exactly as long as the rest fits', () => {
    expect(places('linux-6.8', { ...start, pages: [FIRST_PACK] }, 2048)).toEqual([
      ...['1:0', '1:2048', 'E2BIG'],
    ]);
  });

  test('count against the limit for who has no CAP_BPF', () => {
    const memory = { ...bootMemory([]), limit: 4096, charged: 0 };
    const features = featuresOf('linux-6.12');
    const first = nextTrampoline({ memory, pages: [], used: 0 }, 4000, false, features);
    if (typeof first === 'string') throw new Error(first);
    expect(nextTrampoline(first, 4000, false, features)).toBe('EPERM');
    expect(nextTrampoline(first, 4000, true, features)).toMatchObject({ used: 4000 });
  });
});

describe('the limit of executable memory', () => {
  const load: Operation = {
    ...{ op: 'load', program: 'a', kind: 'struct_ops', struct: 'bpf_dummy_ops', member: 'test_1' },
    body: { kind: 'constant', value: 1 },
  };
  const members: readonly Operation[] = ['ssthresh', 'undo_cwnd', 'cong_avoid'].map((member) => ({
    ...{
      op: 'load',
      program: member.slice(0, 5),
      kind: 'struct_ops',
      struct: 'tcp_congestion_ops',
    },
    ...{ member, body: { kind: 'constant', value: 1 } },
  }));
  const rulesOf = (revision: RevisionId, list: readonly Operation[]): readonly string[] => {
    let { state } = model.apply(model.initial(PLAIN), { op: 'boot', seed: 0 }, revision);
    return list.map((operation) => {
      const step = model.apply(state, operation, revision);
      ({ state } = step);
      return step.rule;
    });
  };
  const testRun = (capable: boolean): Operation => ({
    ...{ op: 'testRun', program: 'a', arguments: [1n], capable },
  });
  const limit = (bytes: bigint): Operation => ({ op: 'jitLimit', bytes });

  test('keeps test runs away from who has no CAP_BPF', () => {
    const list = [load, testRun(false), limit(1n), testRun(false), testRun(true)];
    expect(rulesOf('linux-6.12', list).slice(1)).toEqual([
      ...['call.unchecked', 'limit.set', 'test-run.jit-limit', 'call.unchecked'],
    ]);
    // Before Linux 6.9 their page is not charged.
    expect(rulesOf('linux-6.8', list).at(3)).toBe('call.unchecked');
  });

  test('and updates', () => {
    const update = (capable: boolean): Operation => ({
      ...{ op: 'mapUpdate', map: 'm', name: 'x', owner: false, flags: 0, key: 0, capable },
      members: { ssthresh: 'ssthr', undo_cwnd: 'undo_', cong_avoid: 'cong_' },
    });
    const create: Operation = {
      ...{ op: 'mapCreate', map: 'm', struct: 'tcp_congestion_ops', link: false },
    };
    const list = [...members, limit(1n), create, update(false), update(true)];
    expect(rulesOf('linux-6.12', list).slice(4)).toEqual([
      ...['map.created', 'update.jit-limit', 'update.registered'],
    ]);
    expect(rulesOf('linux-6.8', list).at(-2)).toBe('update.registered');
  });

  test.each([
    [0n, 'limit.range'],
    [1n, 'limit.set'],
    [0x3f00_0000n, 'limit.set'],
    [0x3f00_0001n, 'limit.range'],
  ])('%i: %s', (bytes, rule) => expect(rulesOf('linux-6.18', [limit(bytes)])).toEqual([rule]));
});
