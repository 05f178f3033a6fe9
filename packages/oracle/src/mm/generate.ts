// SPDX-License-Identifier: MIT
import type { Limit, Operation, Outcome, Setup, SmapsVma } from '@kernel-models/mm';
import type { Model, RevisionId } from '@kernel-models/model-core';
import fc, { type Arbitrary } from 'fast-check';
import { Dice } from '../dice.ts';
import type { Case } from '../target.ts';
import { DIRECTED } from './directed.ts';
import { isExecutable } from './executable.ts';
import { THEMES, type Theme } from './themes.ts';
import type { Directed, Wishes } from './directed/history.ts';

/** What the operations are chosen by: a model of the address space that they are for. */
export type Guide = Pick<Model<unknown, Operation, Outcome, Setup>, 'initial' | 'apply'>;

/** The address space as it is believed to be when an operation is chosen. */
export interface View {
  readonly process: Setup;
  readonly vmas: readonly SmapsVma[];
  readonly brk: bigint;
}

/** Operations of a random case, looks not counted. */
const CASE_LENGTH = 24;

const LOOK: Operation = { op: 'smaps' };

/** A case of a history that was written down, on one of the processes that a kernel starts. */
export function directedCase(directed: Directed, process: Setup): Case<Setup, Operation> {
  const setup = withWishes(process, directed);
  return {
    setup,
    operations: [LOOK, ...directed.operations(setup).flatMap((operation) => [operation, LOOK])],
  };
}

/**
 * A case from a seed: the same seed, process and revision, the same case. Operations are chosen
 * with the address space in view, so that they meet the ends of its mappings; whether the guide is
 * right about them does not matter to the case.
 */
export function randomCase(
  seed: number,
  process: Setup,
  guide: Guide,
  revision: RevisionId,
  theme?: Theme,
): Case<Setup, Operation> {
  const dice = new Dice(seed);
  const chosen = theme ?? dice.pick(THEMES);
  const setup = withWishes(process, chosen.wishes(dice));
  const walk = new Walk(setup, guide, revision);
  walk.look();
  for (let count = 0; count < CASE_LENGTH; count += 1) {
    const operation = chosen.next(dice, walk.view);
    if (!isExecutable({ setup, operations: [operation] })) continue;
    walk.add(operation);
    // What two operations do together is seen as well as what each does.
    if (dice.chance(0.9)) walk.look();
  }
  walk.look();
  return { setup, operations: walk.operations };
}

/** A process as a case wants it: its limits, rights and files are for the asking. */
export function withWishes(process: Setup, wishes: Wishes): Setup {
  const { limits = {}, capabilities = [], files = [] } = wishes;
  const all: Readonly<Record<string, Limit>> = { ...process.limits, ...limits };
  return { ...process, limits: { ...process.limits, ...all }, capabilities, files };
}

/** A case while it is written. */
class Walk {
  readonly operations: Operation[] = [];
  readonly #guide: Guide;
  readonly #revision: RevisionId;
  #state: unknown;
  #view: View;

  constructor(process: Setup, guide: Guide, revision: RevisionId) {
    this.#guide = guide;
    this.#revision = revision;
    this.#state = guide.initial(process);
    this.#view = { process, vmas: [], brk: process.brk };
  }

  get view(): View {
    return this.#view;
  }

  add(operation: Operation): void {
    const { outcome } = this.#apply(operation);
    if (operation.op === 'brk' && outcome.kind === 'value') {
      this.#view = { ...this.#view, brk: outcome.value };
    }
    const seen = this.#guide.apply(this.#state, LOOK, this.#revision).outcome;
    if (seen.kind === 'smaps') this.#view = { ...this.#view, vmas: seen.vmas };
  }

  look(): void {
    const { outcome } = this.#apply(LOOK);
    if (outcome.kind === 'smaps') this.#view = { ...this.#view, vmas: outcome.vmas };
  }

  #apply(operation: Operation): { readonly outcome: Outcome } {
    this.operations.push(operation);
    const step = this.#guide.apply(this.#state, operation, this.#revision);
    this.#state = step.state;
    return step;
  }
}

/** Any case that a kernel can be put: the written histories, and random ones of every theme. */
export function mmCases(
  guide: Guide,
  revision: RevisionId,
  processes: readonly Setup[],
): Arbitrary<Case<Setup, Operation>> {
  const process = fc.constantFrom(...processes);
  return fc.oneof(
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...DIRECTED), process)
        .map(([directed, one]) => directedCase(directed, one)),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.nat(), process)
        .map(([seed, one]) => randomCase(seed, one, guide, revision)),
    },
  );
}
