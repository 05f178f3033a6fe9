// SPDX-License-Identifier: MIT
import type { Errno, Step } from '@kernel-models/model-core';
import { OutOfMemory } from './allocation.ts';
import { PARENT_SLOT_4_BIT, reuseLinkedNode } from './maple32.ts';
import type { Disaster, Outcome } from './outcome.ts';
import type { Refusal } from './refusal.ts';
import type { Features } from './features.ts';
import type { RuleName } from './rules.ts';
import { copyState, isUnchanged, type State, type WorkingState } from './state.ts';
import type { Vma } from './vma.ts';
import type { VmaTree } from './vma-tree.ts';

/** What `apply` answers. */
export type MmStep = Step<State, Outcome>;

const NO_TRAIL: readonly RuleName[] = Object.freeze([]);
const ZERO: Outcome = Object.freeze({ kind: 'value', value: 0n });

/**
 * One operation at work: the address space that it may change, as under the mmap_lock held for
 * writing, and what it has decided so far. Private to one `apply`.
 */
export class Call {
  readonly features: Features;
  /** The address space as the operation leaves it so far. */
  readonly mm: WorkingState;
  readonly #before: State;
  #saved: State;
  #trail: RuleName[] | null = null;

  constructor(before: State, features: Features) {
    this.features = features;
    this.mm = copyState(before);
    this.#before = before;
    this.#saved = before;
  }

  /** Adds a decision to the trail. */
  note(rule: RuleName): void {
    if (this.#trail === null) this.#trail = [rule];
    else this.#trail.push(rule);
  }

  /** The tree, to be written to. */
  writableTree(): VmaTree {
    const { mm } = this;
    if (mm.tree === this.#saved.tree) {
      const { treeBug } = this.features;
      // A tree that lies, or whose allocations may fail, cannot be made again by the same stores.
      const handsOn = treeBug === 'none' && mm.allocations === null;
      const rules = treeBug === 'parent-slot-4bit' ? PARENT_SLOT_4_BIT : undefined;
      mm.tree = mm.tree.next(handsOn, rules);
    }
    return mm.tree;
  }

  /**
   * Stores a VMA over its range; what else lies there is cut off.
   *
   * @throws OutOfMemory
   */
  store(vma: Vma): void {
    const tree = this.writableTree();
    const { splits } = tree.maple.counters;
    if (tree.storeRange(vma.start, vma.end - 1, vma) < 0) throw new OutOfMemory();
    if (this.features.treeBug === 'reuses-linked-node') reuseLinkedNode(tree.maple, splits);
  }

  /**
   * Leaves a VMA with an end that the tree does not know: what a store that failed too late leaves
   * behind. Known bugs alone do that.
   */
  storeLonger(vma: Vma, longer: Vma): void {
    const { allocations } = this.mm;
    allocations?.nodes.stop();
    this.writableTree().storeRange(vma.start, vma.end - 1, longer);
  }

  /**
   * Erases a range of addresses.
   *
   * @param end exclusive
   * @throws OutOfMemory
   */
  clear(start: number, end: number): void {
    if (this.writableTree().storeRange(start, end - 1, null) < 0) throw new OutOfMemory();
  }

  /**
   * One allocation of the kernel.
   *
   * @throws OutOfMemory where the plan says so
   */
  allocate(): void {
    if (!this.tryAllocate()) throw new OutOfMemory();
  }

  /** One allocation of the kernel: whether there was memory for it. */
  tryAllocate(): boolean {
    const { mm } = this;
    if (mm.allocations === null) return true;
    const made = mm.allocations.made + 1;
    mm.allocations = { ...mm.allocations, made };
    return !mm.allocations.fails.includes(made);
  }

  /** What was done so far stays, also where a later allocation fails. */
  keepWhatIsDone(): void {
    if (this.mm.allocations !== null) this.#saved = copyState(this.mm);
  }

  /** Undoes what was done since {@link keepWhatIsDone} was called last. */
  unwind(): void {
    const { allocations } = this.mm;
    Object.assign(this.mm, this.#saved, { allocations });
  }

  /** The operation returned a number. */
  value(value: number, rule: RuleName): MmStep {
    return this.answer(value === 0 ? ZERO : { kind: 'value', value: BigInt(value) }, rule);
  }

  /** The operation failed. What it did before stays. */
  errno(errno: Errno, rule: RuleName): MmStep {
    return this.answer({ kind: 'errno', errno }, rule);
  }

  refuse({ errno, rule }: Refusal): MmStep {
    return this.errno(errno, rule);
  }

  /** The kernel is dead. */
  oops(at: Disaster, rule: RuleName): MmStep {
    this.mm.oops = at;
    return this.answer({ kind: 'oops', at }, rule);
  }

  answer(outcome: Outcome, rule: RuleName): MmStep {
    const { mm } = this;
    const state = isUnchanged(mm, this.#before) ? this.#before : mm;
    return { state, outcome, rule, trail: this.#trail ?? NO_TRAIL };
  }
}
