// SPDX-License-Identifier: MIT
import { encodeObserved, type AnyTrace, type RevisionId } from '@kernel-models/model-core';
import type { AnySubsystem } from '../subsystem.ts';

/**
 * A stand-alone vitest file that states what was observed and holds the model to it. It fails as
 * long as the model and the real thing disagree.
 */
export function modelReproducer(
  { model }: AnySubsystem,
  trace: AnyTrace,
  revision: RevisionId,
  name: string,
): string {
  const { codec } = model;
  const steps = trace.events.map(({ operation, observed }) => ({
    operation: codec.encodeOperation(operation),
    observed: encodeObserved(observed, codec),
  }));
  const { kernel = trace.source.kind } = trace.source;
  return `// What ${kernel} answered; ${name} holds the same as a trace.
import { expect, test } from 'vitest';
import { decodeObserved, observedOne, replay } from '@kernel-models/model-core';
import { subsystemOf } from '@kernel-models/oracle';

const setup = ${JSON.stringify(codec.encodeSetup(trace.setup), null, 2)};
const steps = ${JSON.stringify(steps, null, 2)};

test('${model.name} ${revision} answers as ${kernel.replaceAll("'", '')} did', () => {
  const { model } = subsystemOf('${model.name}');
  const { codec } = model;
  const events = steps.map(({ operation, observed }, seq) => ({
    seq,
    operation: codec.decodeOperation(operation),
    observed: decodeObserved(observed, codec),
  }));
  const trace = {
    model: model.name,
    setup: codec.decodeSetup(setup),
    source: { kind: 'kernel' as const },
    recordedAt: '${trace.recordedAt}',
    events,
  };
  const { verdict, divergence } = replay(model, trace, { revision: '${revision}' });
  const expected = divergence?.expected[0]?.outcome;
  expect(divergence?.event.observed).toEqual(expected && observedOne(expected));
  expect(verdict).toBe('agree');
});
`;
}
