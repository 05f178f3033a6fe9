// SPDX-License-Identifier: MIT
import type { Operation, Sight, TracingKind } from '@kernel-models/bpf-cfi';

/*
 * What tracing must do, told as a story about lists: no frames, no bytes, no flags.
 */

/** A function, described by hand. */
export interface TracedFunction {
  readonly source: string;
  /** Slots of 8 bytes that its arguments take. */
  readonly slots: number;
  /** The only slot on the stack, where it holds 4 bytes or less. */
  readonly short?: number;
  readonly returns: boolean;
  readonly modifiable?: boolean;
  readonly sleepable?: boolean;
  /** BTF cannot describe it to a trampoline. */
  readonly opaque?: boolean;
}

interface Attached {
  readonly program: string;
  readonly kind: TracingKind;
  readonly target: TracedFunction;
  readonly sees: Sight;
  readonly returns: number;
  readonly cookie: bigint;
}

/** A call of a traced function, as its caller and the programs see it. */
export interface ReferenceCall {
  readonly value: bigint;
  readonly seen: readonly { readonly program: string; readonly value: bigint }[];
}

const WORD = (1n << 64n) - 1n;

/** Programs in the order in which they were attached. */
export class ReferenceTracing {
  #attached: readonly Attached[] = [];

  /** `ok`, an errno, or `impossible`. */
  attach(operation: Extract<Operation, { op: 'attach' }>, target: TracedFunction): string {
    const { program, kind, sees, returns, cookie } = operation;
    if (this.#attached.some((one) => one.program === program)) return 'impossible';
    if (target.opaque === true) return 'EINVAL';
    if (operation.sleepable && target.sleepable !== true) return 'EINVAL';
    if (kind === 'fmod_ret' && target.modifiable !== true) return 'EINVAL';
    if (sees.kind === 'argument') {
      const behind = kind !== 'fentry' && target.returns ? 1 : 0;
      if (sees.index > target.slots - 1 + behind) return 'EACCES';
    }
    if (kind !== 'fmod_ret' && returns !== 0) return 'EINVAL';
    if (this.#attached.filter((one) => one.target === target).length === 38) return 'E2BIG';
    if (target.slots > 12) return 'ENOTSUPP';
    this.#attached = [...this.#attached, { program, kind, target, sees, returns, cookie }];
    return 'ok';
  }

  detach(program: string): string {
    const rest = this.#attached.filter((one) => one.program !== program);
    const gone = rest.length < this.#attached.length;
    this.#attached = rest;
    return gone ? 'ok' : 'impossible';
  }

  /** A function that returns the sum of its slots. */
  call(target: TracedFunction, passed: readonly bigint[]): ReferenceCall {
    const newestFirst = this.#attached.filter((one) => one.target === target).reverse();
    const of = (kind: TracingKind): readonly Attached[] =>
      newestFirst.filter((one) => one.kind === kind);
    const saved = passed.map((value, slot) =>
      slot === target.short ? value % (1n << 32n) : value,
    );
    const seen: { program: string; value: bigint }[] = [];
    const run = (one: Attached, result: bigint): void => {
      const values = { count: BigInt(target.slots), address: 0n, cookie: one.cookie };
      const { sees } = one;
      const value = sees.kind === 'argument' ? [...saved, result][sees.index] : values[sees.kind];
      seen.push({ program: one.program, value: (value ?? 0n) & WORD });
    };
    for (const one of of('fentry')) run(one, 0n);
    const called = of('fmod_ret').length + of('fexit').length > 0;
    let result = 0n;
    for (const one of of('fmod_ret')) {
      if (result !== 0n) break;
      run(one, result);
      result = BigInt(one.returns);
    }
    if (result === 0n) {
      // Called by the trampoline, the function gets the trampoline's copies.
      result = (called ? saved : passed).reduce((sum, value) => sum + value, 0n) & WORD;
    }
    for (const one of of('fexit')) run(one, result);
    return { value: result, seen };
  }
}
