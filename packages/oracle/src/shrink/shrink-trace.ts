// SPDX-License-Identifier: MIT
import {
  replay,
  type AnyOperation,
  type Model,
  type RevisionId,
  type Trace,
  type TraceEvent,
} from '@kernel-models/model-core';
import { ddmin } from './ddmin.ts';

/**
 * Makes a recorded, diverging trace shorter without executing anything: events are removed together
 * with what was observed, as long as the model explains all that remains up to the last event and
 * diverges there, by the same rule.
 *
 * What remains was observed, but in the company of what was removed; where the real thing can be
 * asked, `shrinkCase` is the better tool.
 *
 * @returns the trace up to the divergence without every event that can go, or undefined where the
 *   trace does not diverge
 */
export async function shrinkTrace<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  trace: Trace<Setup, Operation, Outcome>,
  revision: RevisionId,
): Promise<Trace<Setup, Operation, Outcome> | undefined> {
  const divergence = replay(model, trace, { revision }).divergence;
  if (divergence === undefined) return undefined;
  const rule = divergence.expected[0]?.rule;
  const last = divergence.event;
  const build = (
    events: readonly TraceEvent<Operation, Outcome>[],
  ): Trace<Setup, Operation, Outcome> => ({
    ...trace,
    events: [...events, last].map((event, seq) => ({ ...event, seq })),
  });
  const kept = await ddmin(
    trace.events.filter(({ seq }) => seq < last.seq),
    async (events) => {
      const result = replay(model, build(events), { revision });
      return (
        result.divergence?.event.seq === events.length &&
        result.divergence.expected[0]?.rule === rule
      );
    },
  );
  return build(kept);
}
