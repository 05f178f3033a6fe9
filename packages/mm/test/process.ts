// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  mmModel,
  observe,
  PAGE_SIZE,
  PROT_READ,
  PROT_WRITE,
  type MmStep,
  type Operation,
  type OperationOf,
  type Setup,
  type State,
} from '@kernel-models/mm';
import { ARENA, smallProcess } from '@kernel-models/mm/testing';

const PAGE = BigInt(PAGE_SIZE);

/** A process that tests drive: operations in pages from the start of the arena or the heap. */
export class TestProcess {
  readonly revision: RevisionId;
  state: State;

  constructor(revision: RevisionId = 'linux-6.18', changes: Partial<Setup> = {}) {
    this.revision = revision;
    this.state = mmModel.initial(smallProcess(changes));
  }

  run(operation: Operation): MmStep {
    const step = mmModel.apply(this.state, operation, this.revision);
    this.state = step.state;
    return step;
  }

  /** What the call answered: a number, or the name of an error. */
  answer(operation: Operation): bigint | string {
    const { outcome } = this.run(operation);
    if (outcome.kind === 'value') return outcome.value;
    return outcome.kind === 'errno' ? outcome.errno : outcome.kind;
  }

  /** brk(2) to so many bytes above the start of the heap; the answer is as far above it. */
  brk(bytes: bigint | number): bigint {
    const start = BigInt(this.state.startBrk);
    const value = this.answer({ op: 'brk', address: start + BigInt(bytes) });
    return typeof value === 'bigint' ? value - start : -1n;
  }

  /** Pages of the arena, mapped private, anonymous and fixed. */
  map(first: number, pages: number, changes: Partial<OperationOf<'mmap'>> = {}): bigint | string {
    return this.answer({
      op: 'mmap',
      address: at(first),
      length: BigInt(pages) * PAGE,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
      fd: -1,
      offset: 0n,
      ...changes,
    });
  }

  unmap(first: number, pages: number): bigint | string {
    return this.answer({ op: 'munmap', address: at(first), length: BigInt(pages) * PAGE });
  }

  protect(first: number, pages: number, prot: number): bigint | string {
    return this.answer({ op: 'mprotect', address: at(first), length: BigInt(pages) * PAGE, prot });
  }

  write(page: number): bigint | string {
    return this.answer({ op: 'touchWrite', address: at(page) });
  }

  /** The mappings of the arena, as pages: `0-4 rw-p`. */
  get arena(): readonly string[] {
    return this.#shown(ARENA, ARENA + 1024n * PAGE);
  }

  /** The mappings at and above the heap's start, below the arena. */
  get heap(): readonly string[] {
    return this.#shown(BigInt(this.state.startBrk), ARENA);
  }

  #shown(from: bigint, to: bigint): readonly string[] {
    return observe(this.state)
      .vmas.filter(({ start }) => start >= from && start < to)
      .map(({ end, perms, start }) => `${(start - from) / PAGE}-${(end - from) / PAGE} ${perms}`);
  }
}

/** The address of a page of the arena. */
export function at(page: number): bigint {
  return ARENA + BigInt(page) * PAGE;
}
