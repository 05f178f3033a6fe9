// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import type { Invariant } from '@kernel-models/model-core';
import type { Outcome } from './outcome.ts';
import type { Operation } from './operation.ts';
import { HEADER_SIZE } from './pack/binary.ts';
import { CHUNK_SIZE, packOf } from './pack/pack.ts';
import type { State } from './state.ts';

/* What holds of executable memory over every step. */

/** An allocation of executable memory that something of a state still needs. */
interface Allocation {
  readonly address: bigint;
  readonly size: number;
}

/** What a state's programs, maps and traced functions have in packs and pages. */
function allocationsOf({ programs, tracing, tracers, maps }: State): readonly Allocation[] {
  const pages = Object.values(maps).flatMap((map) => map.pages);
  return [
    ...Object.values(programs)
      .filter(({ references }) => references > 0)
      .flatMap(({ place, subprogram }) => (subprogram === null ? [place] : [place, subprogram])),
    ...tracing.map(({ place }) => place),
    ...Object.values(tracers),
    ...pages.map((address) => ({ address, size: PAGE_SIZE })),
  ];
}

const imagesApart: Invariant<State, Operation, Outcome> = {
  id: 'jit-memory.images-apart',
  sentence: 'No byte of executable memory belongs to two images.',
  holds({ step: { state } }) {
    const sorted = allocationsOf(state).toSorted((a, b) => (a.address < b.address ? -1 : 1));
    return sorted.every(({ address }, index) => {
      const before = sorted[index - 1];
      return before === undefined || before.address + BigInt(before.size) <= address;
    });
  },
};

const freedIsFree: Invariant<State, Operation, Outcome> = {
  id: 'jit-memory.freed-is-free',
  sentence: 'What no image needs is free: chunks, pages, and what is charged for them.',
  holds({ step: { state } }) {
    const { memory, setup } = state;
    const needed = allocationsOf(state);
    const chunks = (setup.packed ?? []).reduce((sum, { count }) => sum + count, 0);
    const inPacks = needed.filter(({ address }) => packOf(memory.packs, address) !== undefined);
    const wanted = inPacks.reduce((sum, { size }) => sum + Math.ceil(size / CHUNK_SIZE), chunks);
    const taken = memory.packs.flatMap((pack) => pack.taken);
    return (
      taken.reduce((sum, { count }) => sum + count, 0) === wanted &&
      needed.length === inPacks.length + memory.pages.length &&
      needed.reduce((sum, { size }) => sum + size, 0) === memory.charged
    );
  },
};

const headerGivesSize: Invariant<State, Operation, Outcome> = {
  id: 'jit-memory.header-gives-size',
  sentence: 'The header in front of an image says how much is freed with it.',
  holds({ operation, step: { outcome, state } }) {
    if (operation.op !== 'allocation' || outcome.kind !== 'allocation') return true;
    const place = state.programs[operation.program]?.place;
    const room = outcome.size - HEADER_SIZE - outcome.start - outcome.length;
    return outcome.filled && room > 0 && outcome.size === place?.size;
  },
};

/** Of packs, pages and what is charged for them. */
export const JIT_MEMORY_INVARIANTS: readonly Invariant<State, Operation, Outcome>[] = [
  imagesApart,
  freedIsFree,
  headerGivesSize,
];
