// SPDX-License-Identifier: MIT
import type { NodeAllocator } from '@kernel-models/maple-tree';

/** Which allocations of a history fail, and how many there were. */
export interface AllocationPlan {
  /** Counted from 1. */
  readonly fails: readonly number[];
  readonly made: number;
  readonly nodes: NodeGrants;
}

/**
 * Unwinds an operation whose allocation failed, as the kernel's labels at the end of its functions
 * do. `apply` turns it into the outcome that the operation has for it.
 */
export class OutOfMemory extends Error {
  override readonly name: string = 'OutOfMemory';
}

/**
 * Who grants nodes to the trees of one history: whoever runs an operation lends it his count. A
 * tree asks while an operation runs and at no other time.
 */
export class NodeGrants implements NodeAllocator {
  #grant: (() => boolean) | null = null;

  /** Asks `grant` for every node until {@link stop}. */
  ask(grant: () => boolean): void {
    this.#grant = grant;
  }

  stop(): void {
    this.#grant = null;
  }

  tryAllocate(): boolean {
    return this.#grant === null || this.#grant();
  }
}
