// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { replay, type AnyTrace } from '@kernel-models/model-core';
import { shippedRecordings, readTraceFile } from '../../src/recordings.ts';
import {
  tdxDriverSubsystem,
  tdxGetQuoteSubsystem,
  tdxTsmSubsystem,
  tdxVerifierSubsystem,
} from '../../src/tdx-attest/subsystems.ts';

const MODELS = [
  tdxDriverSubsystem.model,
  tdxTsmSubsystem.model,
  tdxGetQuoteSubsystem.model,
  tdxVerifierSubsystem.model,
] as const;

function tracesOf(name: string): readonly AnyTrace[] {
  return shippedRecordings(name).flatMap(({ path }) => [
    ...readTraceFile(path, (model) => MODELS.find((one) => one.name === model)?.codec),
  ]);
}

test.each(MODELS.map((model) => [model.name, model] as const))(
  '%s explains every event of its recordings',
  (name, model) => {
    const traces = tracesOf(name);
    expect(traces.length).toBeGreaterThan(0);
    for (const trace of traces) {
      expect(trace.source.kernel).toBeDefined();
      const revision = trace.revision ?? '';
      const { verdict, consumed, total } = replay(model as never, trace as never, { revision });
      expect({ verdict, consumed }).toEqual({ verdict: 'agree', consumed: total });
    }
  },
);

test('the recorded kernel is not Linux 7.0: it hands out what a failed request left', () => {
  const verdicts = tracesOf('tdx-attest.tsm').map(
    (trace) => replay(tdxTsmSubsystem.model, trace as never, { revision: 'linux-7.0' }).verdict,
  );
  expect(verdicts).toContain('diverge');
});

test('a recording with one answer changed diverges', () => {
  const traces = tracesOf('tdx-attest.tsm').filter(({ events }) =>
    events.some(({ operation }) => operation.op === 'read-outblob'),
  );
  expect(traces.length).toBeGreaterThan(100);
  for (const trace of traces) {
    const at = trace.events.findIndex(({ operation }) => operation.op === 'read-outblob');
    const event = trace.events[at];
    if (event === undefined) throw new Error('no read-outblob in the recording');
    const forged = { kind: 'one', outcome: { kind: 'errno', errno: 'EPERM' } } as const;
    const events = trace.events.with(at, { ...event, observed: forged });
    const result = replay(tdxTsmSubsystem.model, { ...trace, events } as never, {
      revision: 'linux-6.12',
    });
    expect(result).toMatchObject({ verdict: 'diverge', consumed: at });
  }
});
