// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { replay } from '@kernel-models/model-core';
import { bpfCfi } from '@kernel-models/bpf-cfi';
import { readTraceFile, shippedRecordings } from '../../src/recordings.ts';

const recordings = shippedRecordings(bpfCfi.name);
const codecOf = (model: string): typeof bpfCfi.codec | undefined =>
  model === bpfCfi.name ? bpfCfi.codec : undefined;

const total = new Map<string, number>();

describe('recordings of running kernels', () => {
  test('there is one', () => {
    expect(recordings.length).toBeGreaterThan(0);
  });

  test.each(recordings)('$name agrees with the model in every operation', ({ path }) => {
    const kinds = new Map<string, number>();
    const differences: unknown[] = [];
    for (const trace of readTraceFile(path, codecOf)) {
      const { revision = 'linux-6.18' } = trace;
      const result = replay(bpfCfi, trace, {
        revision,
        onStep: (_, { rule }) => kinds.set(rule, (kinds.get(rule) ?? 0) + 1),
      });
      if (result.verdict === 'agree') continue;
      const { event, expected } = result.divergence ?? {};
      const observed = event?.observed.kind === 'one' ? event.observed.outcome : event?.observed;
      differences.push([event?.operation, observed, expected?.map(({ outcome }) => outcome)]);
    }
    expect(differences.slice(0, 20)).toEqual([]);
    const shown = [...kinds].filter(([rule]) => rule.endsWith('.shown'));
    expect(shown.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(20);
    for (const [rule, count] of kinds) total.set(rule, (total.get(rule) ?? 0) + count);
  });

  test('they reach the rules that a user can', () => {
    const rules = [
      ...['call.unchecked', 'test-run.null', 'load.unsupported-member', 'load.sleepable'],
      ...[
        'update.registered',
        'update.busy',
        'update.owner',
        'link.created',
        'delete.unregistered',
      ],
      ...['trampoline.shown', 'text.shown', 'unload.kept', 'boot.kcfi', 'boot.fineibt'],
      ...['call.same-type', 'call.type-mismatch', 'call.missing-endbr'],
      ...['function.shown', 'site.shown'],
      ...['attach.context-bounds', 'attach.not-modifiable', 'attach.too-many', 'tracer.shown'],
      ...['trace-run.functions', 'trace-run.modified'],
    ];
    expect(rules.filter((rule) => (total.get(rule) ?? 0) < 5)).toEqual([]);
  });
});
