// SPDX-License-Identifier: MIT
import type { Codec } from './codec.ts';
import type { Json } from './json.ts';
import {
  TRACE_FORMAT,
  TRACE_VERSION,
  type ObservedOutcome,
  type Trace,
  type TraceHeader,
} from './trace.ts';

/** One trace as NDJSON, the last line ended by a newline. {@link readTraces} reads it back. */
export function writeTrace<Setup, Operation, Outcome>(
  trace: Trace<Setup, Operation, Outcome>,
  codec: Codec<Setup, Operation, Outcome>,
): string {
  const header: TraceHeader = {
    format: TRACE_FORMAT,
    version: TRACE_VERSION,
    model: trace.model,
    ...(trace.revision !== undefined && { revision: trace.revision }),
    setup: codec.encodeSetup(trace.setup),
    source: trace.source,
    recordedAt: trace.recordedAt,
    events: trace.events.length,
  };
  const lines = trace.events.map(({ seq, thread, operation, observed }) =>
    JSON.stringify({
      seq,
      thread,
      operation: codec.encodeOperation(operation),
      outcome: encodeObserved(observed, codec),
    }),
  );
  return `${[JSON.stringify(header), ...lines].join('\n')}\n`;
}

/** The JSON of an outcome as a trace states it. */
export function encodeObserved<Outcome>(
  observed: ObservedOutcome<Outcome>,
  codec: Pick<Codec<never, never, Outcome>, 'encodeOutcome'>,
): Json {
  switch (observed.kind) {
    case 'one':
      return codec.encodeOutcome(observed.outcome);
    case 'anyOf':
      return { anyOf: observed.outcomes.map((outcome) => codec.encodeOutcome(outcome)) };
    case 'any':
      return { any: true };
  }
}
