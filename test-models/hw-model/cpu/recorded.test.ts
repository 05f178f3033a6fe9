// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readTraces, replay, type Trace } from '@kernel-models/model-core';
import {
  cpuModel,
  isPaging,
  pagingMode,
  type CpuOperation,
  type CpuOutcome,
  type CpuSetup,
} from '@kernel-models/hw-model/cpu';
import { covered } from '../../support/rule-coverage.ts';

const model = covered(cpuModel);
const file = '../../../packages/oracle/recordings/hw-model.cpu/bochs-2.7.jsonl.gz';

type CpuTrace = Trace<CpuSetup, CpuOperation, CpuOutcome>;

/** The codec of the one model checks every event, so that the traces have its types. */
function recorded(): readonly CpuTrace[] {
  const text = gunzipSync(readFileSync(new URL(file, import.meta.url))).toString('utf8');
  const codecOf = (name: string) => (name === cpuModel.name ? cpuModel.codec : undefined);
  return [...readTraces(text, { file, codecOf })].map((trace) => ({
    ...trace,
    setup: cpuModel.codec.decodeSetup(cpuModel.codec.encodeSetup(trace.setup as CpuSetup)),
    events: trace.events as CpuTrace['events'],
  }));
}

const traces = recorded();

test('what Bochs recorded is what the model says, to the last event', () => {
  expect(traces.length).toBeGreaterThanOrEqual(5000);
  const results = traces.map((trace) => replay(model, trace, { revision: 'bochs-2.7' }));
  expect(results.filter(({ verdict }) => verdict !== 'agree')).toEqual([]);
  expect(results.every(({ consumed, total }) => consumed === total && total === 5)).toBe(true);
});

test('where Bochs departs from the architecture it is by loads of PDPTEs alone', () => {
  const rules = new Set<string>();
  for (const trace of traces) {
    const { divergence } = replay(model, trace, { revision: 'architecture' });
    if (divergence === undefined) continue;
    const [state] = divergence.before;
    if (state === undefined) throw new Error('replay: expected a state before the divergence');
    rules.add(model.apply(state, divergence.event.operation, 'bochs-2.7').rule);
  }
  expect([...rules].sort()).toEqual(['cr0.pdpte-reserved', 'cr4.pdpte-reserved']);
});

test('the recording has 32-bit paging that becomes PAE paging, and is refused for its PDPTEs', () => {
  const switches = traces.filter((trace) => {
    const state = model.initial(trace.setup);
    const [first] = trace.events;
    if (first === undefined || !isPaging(state) || pagingMode(state) !== '32-bit') return false;
    const { rule } = model.apply(state, first.operation, 'bochs-2.7');
    return rule === 'cr4.pdpte-reserved';
  });
  expect(switches.length).toBeGreaterThan(10);
});
