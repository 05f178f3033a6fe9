// SPDX-License-Identifier: MIT
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { KNOWN_BUGS } from '@kernel-models/maple-tree/bugs';
import { replay, type AnyTrace } from '@kernel-models/model-core';
import {
  codecOfModel,
  mapleTreeModel,
  readTraceFile,
  shippedRecordings,
} from '@kernel-models/oracle';
import { covered } from '../support/rule-coverage.ts';

const model = covered(mapleTreeModel);
const revision = 'linux-6.12';

function tracesOf(path: string): AnyTrace[] {
  return [...readTraceFile(path, codecOfModel)];
}

/** What a revision of the model makes of a trace that was recorded for this model. */
function held(trace: AnyTrace, under: string): ReturnType<typeof replay> {
  return replay(model, trace as Parameters<typeof replay<never, never, never, never>>[1], {
    revision: under,
  });
}

describe('recordings of lib/maple_tree.c', () => {
  const traces = shippedRecordings(mapleTreeModel.name).flatMap(({ path }) => tracesOf(path));

  test('are of both machines and at least 200,000 operations', () => {
    const machines = new Set(traces.map(({ setup }) => JSON.stringify(setup)));
    expect(machines.size).toBe(8);
    const operations = traces.reduce((sum, { events }) => sum + events.length, 0);
    expect(operations).toBeGreaterThanOrEqual(200_000);
  });

  test('agree with the model in content, structure and cursors', () => {
    for (const trace of traces) {
      const { consumed, total, verdict } = held(trace, revision);
      expect({ verdict, consumed }).toEqual({ verdict: 'agree', consumed: total });
    }
  });

  const strict = KNOWN_BUGS.filter(({ caughtBy }) => caughtBy.includes('strict-replay'));
  test.each(strict)('tell $id from the kernel', ({ id }) => {
    const told = traces.some((trace) => held(trace, `bug:${id}`).verdict === 'diverge');
    expect(told).toBe(true);
  });

  test('a finding: 6.12 frees a wrong address when it destroys a full root in RCU mode', () => {
    const path = fileURLToPath(new URL('./findings/destroy-full-range-rcu.jsonl', import.meta.url));
    const [trace] = tracesOf(path);
    if (trace === undefined) throw new Error(`${path}: expected a trace, got none`);
    const { consumed, divergence, verdict } = held(trace, revision);
    expect({ verdict, consumed }).toEqual({ verdict: 'diverge', consumed: 120 });
    expect(divergence?.event.observed).toMatchObject({ outcome: { structure: { badFrees: 1 } } });
  });
});
