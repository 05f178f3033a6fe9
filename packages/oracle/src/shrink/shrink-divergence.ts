// SPDX-License-Identifier: MIT
import {
  replay,
  type AnyOperation,
  type Divergence,
  type RevisionId,
  type Trace,
} from '@kernel-models/model-core';
import type { DivergenceReport } from '../comparison.ts';
import { observedTrace } from '../observe.ts';
import type { Subsystem } from '../subsystem.ts';
import { runCase, type Answer, type Case, type Target } from '../target.ts';
import { shrinkCase } from './shrink-case.ts';
import { shrinkTrace } from './shrink-trace.ts';

/** A divergence with nothing left in it that can go. */
export interface ShrunkDivergence<State, Operation, Outcome, Setup> {
  readonly trace: Trace<Setup, Operation, Outcome>;
  readonly divergence?: Divergence<State, Operation, Outcome> | undefined;
  readonly complaints: readonly string[];
  /** Executions of both sides; 0 where the trace was shortened without asking the real thing. */
  readonly executions: number;
  /** Whether no single operation can be removed any more. */
  readonly minimal: boolean;
}

/**
 * Shrinks a divergence: by re-executing both sides where the target can be asked, else by removing
 * events of the recorded trace.
 */
export async function shrinkDivergence<State, Operation extends AnyOperation, Outcome, Setup>(
  subsystem: Subsystem<State, Operation, Outcome, Setup>,
  report: Pick<
    DivergenceReport<State, Operation, Outcome, Setup>,
    'trace' | 'divergence' | 'complaints' | 'revision'
  >,
  target?: Target<Setup, Operation, Outcome>,
  onProgress?: (progress: { readonly executions: number; readonly size: number }) => void,
): Promise<ShrunkDivergence<State, Operation, Outcome, Setup>> {
  const { revision } = report;
  if (target === undefined) return shortened(subsystem, report);

  const { model } = subsystem;
  const original = signature(report.divergence);
  const execute = async (
    candidate: Case<Setup, Operation>,
  ): Promise<ShrunkCandidate<State, Operation, Outcome, Setup>> => {
    const answer = await runCase(target, candidate);
    return hold(subsystem, candidate, answer, report.trace, revision);
  };
  const events = report.trace.events.map(({ operation }) => operation);
  const end = report.divergence?.event.seq ?? events.length - 1;
  const whole = { setup: report.trace.setup, operations: events.slice(0, end + 1) };
  // A kernel that answers differently the second time cannot be asked: the recorded events then are
  // all there is.
  const first = await execute(whole);
  if (!sameFailure(first, original)) return shortened(subsystem, report);
  const shrunk = await shrinkCase(whole, {
    codec: model.codec,
    isExecutable: subsystem.isExecutable,
    canHave: subsystem.canHave,
    fails: async (candidate) => sameFailure(await execute(candidate), original),
    ...(onProgress !== undefined && { onProgress }),
  });
  const { trace, divergence, complaints } = await execute(shrunk);
  const { executions, minimal } = shrunk;
  return { trace, divergence, complaints, executions, minimal };
}

interface ShrunkCandidate<State, Operation, Outcome, Setup> {
  readonly trace: Trace<Setup, Operation, Outcome>;
  readonly divergence: Divergence<State, Operation, Outcome> | undefined;
  readonly complaints: readonly string[];
}

function hold<State, Operation extends AnyOperation, Outcome, Setup>(
  { model }: Subsystem<State, Operation, Outcome, Setup>,
  candidate: Case<Setup, Operation>,
  answer: Answer<Outcome>,
  facts: Trace<Setup, Operation, Outcome>,
  revision: RevisionId,
): ShrunkCandidate<State, Operation, Outcome, Setup> {
  const { trace, complaints = [] } = observedTrace(candidate, answer, facts);
  return { trace, divergence: replay(model, trace, { revision }).divergence, complaints };
}

/** What must stay the same while shrinking, so that it does not slip to another divergence. */
function signature<State, Operation extends AnyOperation, Outcome>(
  divergence: Divergence<State, Operation, Outcome> | undefined,
): string {
  if (divergence === undefined) return 'kernel log';
  return `${divergence.event.operation.op} ${divergence.expected[0]?.rule ?? ''}`;
}

function sameFailure<State, Operation extends AnyOperation, Outcome, Setup>(
  candidate: ShrunkCandidate<State, Operation, Outcome, Setup>,
  original: string,
): boolean {
  const { divergence, complaints } = candidate;
  if (divergence === undefined && complaints.length === 0) return false;
  return signature(divergence) === original;
}

async function shortened<State, Operation extends AnyOperation, Outcome, Setup>(
  { model }: Subsystem<State, Operation, Outcome, Setup>,
  {
    trace,
    divergence,
    complaints,
    revision,
  }: Pick<
    DivergenceReport<State, Operation, Outcome, Setup>,
    'trace' | 'divergence' | 'complaints' | 'revision'
  >,
): Promise<ShrunkDivergence<State, Operation, Outcome, Setup>> {
  const shorter = await shrinkTrace(model, trace, revision);
  if (shorter === undefined)
    return { trace, divergence, complaints, executions: 0, minimal: false };
  const again = replay(model, shorter, { revision }).divergence;
  return { trace: shorter, divergence: again, complaints, executions: 0, minimal: true };
}
