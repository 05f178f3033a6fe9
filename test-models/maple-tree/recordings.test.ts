// SPDX-License-Identifier: MIT
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { replay, type AnyTrace, type JsonObject } from '@kernel-models/model-core';
import {
  codecOfModel,
  mapleTreeModel,
  readTraceFile,
  shippedRecordings,
} from '@kernel-models/oracle';
import { IS_DEEP } from '../support/check-property.ts';
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

  test('agree by content alone with a tree whose nodes have another shape', () => {
    const some = IS_DEEP ? traces : traces.filter((_, index) => index % 6 === 5);
    for (const trace of some) {
      const { consumed, total, verdict } = held(trace, 'linux-6.12-content');
      expect({ verdict, consumed }).toEqual({ verdict: 'agree', consumed: total });
    }
  });

  test('by content alone, an answer, a cursor and a dump still tell, and the nodes do not', () => {
    const told = new Set<string>();
    for (const trace of traces.slice(0, 12)) {
      for (const [at, event] of trace.events.entries()) {
        if (event.observed.kind !== 'one') continue;
        const json = mapleTreeModel.codec.encodeOutcome(event.observed.outcome as never);
        for (const [what, altered] of Object.entries(alterations(json as JsonObject))) {
          const label = `${what} of ${event.operation.op}`;
          if (told.has(label)) continue;
          told.add(label);
          const outcome = mapleTreeModel.codec.decodeOutcome(altered);
          const events = [
            ...trace.events.slice(0, at),
            { ...event, observed: { kind: 'one' as const, outcome } },
          ];
          const { verdict } = held({ ...trace, events }, 'linux-6.12-content');
          const expected = what === 'nodes' ? 'agree' : 'diverge';
          expect({ label, verdict }).toEqual({ label, verdict: expected });
        }
      }
    }
    expect(told.size).toBeGreaterThan(60);
  });

  test('a cursor remembers its leaf over a copy of the tree, as a fuzz run of the C code found', () => {
    const path = fileURLToPath(new URL('./findings/cursor-after-dup.jsonl', import.meta.url));
    expect(tracesOf(path).map((trace) => held(trace, revision).verdict)).toEqual(['agree']);
  });

  test('a finding: 6.12 frees a wrong address when it destroys a full root in RCU mode', () => {
    const path = fileURLToPath(new URL('./findings/destroy-full-range-rcu.jsonl', import.meta.url));
    const [first, ...others] = tracesOf(path).map((trace) => held(trace, revision));
    expect(first).toMatchObject({ verdict: 'diverge', consumed: 120 });
    const observed = first?.divergence?.event.observed;
    expect(observed).toMatchObject({ outcome: { structure: { badFrees: 1 } } });
    // One leaf less, a taller tree, one with gaps, one without RCU mode.
    expect(others.map(({ verdict }) => verdict)).toEqual(Array(4).fill('agree'));
  });
});

/** An outcome with one thing changed. */
function alterations(json: JsonObject): Record<string, JsonObject> {
  const { cursor, nodes, root, value } = json;
  return {
    ...(value !== undefined && { value: { ...json, value: value === null ? '0x3' : null } }),
    ...(Array.isArray(cursor) && {
      status: { ...json, cursor: cursor.with(0, cursor[0] === 'pause' ? 'active' : 'pause') },
      range: { ...json, cursor: cursor.with(2, cursor[2] === '0x7' ? '0x8' : '0x7') },
    }),
    ...(typeof nodes === 'number' && { nodes: { ...json, nodes: nodes + 1 } }),
    ...(root !== undefined && { dump: { root: null, entry: root === null ? '0x5' : null } }),
  };
}
