// SPDX-License-Identifier: MIT
import type { RevisionId, TraceSource } from '@kernel-models/model-core';

/** A world and what is done in it: the unit that a target executes and a shrinker makes smaller. */
export interface Case<Setup = unknown, Operation = unknown> {
  readonly setup: Setup;
  readonly operations: readonly Operation[];
}

/** What a target answered to one case. */
export interface Answer<Outcome = unknown> {
  /** One outcome an operation, in order. Fewer only where `failure` or `lacks` is there. */
  readonly outcomes: readonly Outcome[];
  /**
   * What the thing would need to be put such a case at all: a capability, a sysctl. The case was
   * not executed; it is counted apart, by this reason.
   */
  readonly lacks?: string;
  /**
   * Why the case did not run to its end: the probe died, hung, or could not build the world. Such a
   * case is inconclusive, never an agreement.
   */
  readonly failure?: string;
  /**
   * Lines that a kernel logged meanwhile and should not have: WARN, BUG, a new taint. A divergence.
   */
  readonly complaints?: readonly string[];
}

/** Whether a target can answer on this host, now. */
export type Availability<Setup = never> =
  | {
      readonly ok: true;
      /** What will answer, for the report and for recordings. */
      readonly source: TraceSource;
      /** The revision of the model that describes it; undefined where none is known to. */
      readonly revision: RevisionId | undefined;
      /**
       * Worlds that the thing has and nobody can choose: the address spaces that its processes
       * begin with. Cases for this target build on them. Absent: every world can be made.
       */
      readonly worlds?: readonly Setup[];
    }
  | {
      readonly ok: false;
      /**
       * What is missing, by the name of the CONFIG option, sysctl, capability, program or right.
       */
      readonly skip: string;
    };

/**
 * A real thing (or its stand-in) that executes the operations of models.
 *
 * `run` executes one case. `runBatch`, where it is there, executes many for the price of one start:
 * a booted kernel, a compiled driver. Both are sequential; a caller waits for one before the next.
 */
export interface Target<Setup = unknown, Operation = unknown, Outcome = unknown> {
  /** `live`, `via`, `kernel`, `clang`, `bochs`. */
  readonly name: string;
  /** The models whose operations it executes. */
  readonly models: readonly string[];
  /** What running it touches on this host, in one line for the person who is about to run it. */
  readonly touches: string;
  available(): Promise<Availability<Setup>>;
  /** @throws TargetError where the thing failed before the last outcome */
  run(setup: Setup, operations: readonly Operation[]): AsyncIterable<Outcome>;
  runBatch?(cases: Iterable<Case<Setup, Operation>>): AsyncIterable<Answer<Outcome>>;
  /** Ends whatever `run` keeps open. Safe to call twice and after a failure. */
  close(): Promise<void>;
}

/**
 * A target that failed while it ran: it died, it hung, it spoke nonsense. The verdict is
 * inconclusive.
 */
export class TargetError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TargetError';
  }
}

/** Runs one case to its end on any target. A failure is in the answer, not thrown. */
export async function runCase<Setup, Operation, Outcome>(
  target: Target<Setup, Operation, Outcome>,
  { setup, operations }: Case<Setup, Operation>,
): Promise<Answer<Outcome>> {
  if (target.runBatch !== undefined) {
    for await (const answer of target.runBatch([{ setup, operations }])) return answer;
    return { outcomes: [], failure: `${target.name}: no answer` };
  }
  const outcomes: Outcome[] = [];
  try {
    for await (const outcome of target.run(setup, operations)) outcomes.push(outcome);
    return { outcomes };
  } catch (error) {
    if (error instanceof TargetError) return { outcomes, failure: error.message };
    throw error;
  }
}

/** Runs many cases, in a batch where the target can. */
export async function* runCases<Setup, Operation, Outcome>(
  target: Target<Setup, Operation, Outcome>,
  cases: Iterable<Case<Setup, Operation>>,
): AsyncIterable<Answer<Outcome>> {
  if (target.runBatch !== undefined) yield* target.runBatch(cases);
  else for (const one of cases) yield await runCase(target, one);
}
