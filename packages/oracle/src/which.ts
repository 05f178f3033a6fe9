// SPDX-License-Identifier: MIT
import {
  isBugRevision,
  replay,
  type AnyOperation,
  type RevisionId,
  type Trace,
} from '@kernel-models/model-core';
import type { Subsystem } from './subsystem.ts';

/** How well one revision explains a set of traces. */
export interface RevisionFit {
  readonly revision: RevisionId;
  readonly isBug: boolean;
  /** Traces that it explains to their end, of how many. */
  readonly traces: number;
  readonly totalTraces: number;
  /** Events that it explains before the first divergence of each trace, of how many. */
  readonly consumed: number;
  readonly total: number;
  /** The first thing that it does not explain. */
  readonly first?: { readonly trace: number; readonly seq: number; readonly rule: string };
}

/** "Which kernel is this?": the revisions of a model, the best explanation first. */
export function whichRevision<State, Operation extends AnyOperation, Outcome, Setup>(
  { model }: Subsystem<State, Operation, Outcome, Setup>,
  traces: readonly Trace<Setup, Operation, Outcome>[],
): readonly RevisionFit[] {
  const fits = model.revisions.map((revision): RevisionFit => {
    let explained = 0;
    let consumed = 0;
    let total = 0;
    let first: RevisionFit['first'];
    for (const [index, trace] of traces.entries()) {
      const result = replay(model, trace, { revision: revision.id });
      consumed += result.consumed;
      total += result.total;
      if (result.verdict === 'agree') explained += 1;
      if (first === undefined && result.divergence !== undefined) {
        const { event, expected } = result.divergence;
        first = { trace: index, seq: event.seq, rule: expected[0]?.rule ?? '' };
      }
    }
    return {
      revision: revision.id,
      isBug: isBugRevision(revision),
      traces: explained,
      totalTraces: traces.length,
      consumed,
      total,
      ...(first !== undefined && { first }),
    };
  });
  return fits.sort(
    (a, b) => b.traces - a.traces || b.consumed - a.consumed || Number(a.isBug) - Number(b.isBug),
  );
}
