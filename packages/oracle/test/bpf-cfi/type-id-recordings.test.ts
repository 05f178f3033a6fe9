// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { replay } from '@kernel-models/model-core';
import { typeIdModel } from '@kernel-models/bpf-cfi';
import { readTraceFile, shippedRecordings } from '../../src/recordings.ts';
import { typeIdSubsystem } from '../../src/bpf-cfi/type-id-subsystem.ts';

const recordings = shippedRecordings(typeIdModel.name);
const codecOf = (model: string): typeof typeIdModel.codec | undefined =>
  model === typeIdModel.name ? typeIdModel.codec : undefined;

function isTypeId(outcome: unknown): outcome is { readonly kind: 'type-id'; readonly id: number } {
  return typeof outcome === 'object' && outcome !== null && 'id' in outcome;
}

describe('recordings of clang', () => {
  test('there are two compilers, with a thousand types each', () => {
    expect(recordings.map(({ name }) => name)).toEqual(['clang-16', 'clang-19']);
  });

  test.each(recordings)('$name agrees with the model in every operation', ({ path }) => {
    let operations = 0;
    const ids = new Set<number>();
    const differences: string[] = [];
    for (const trace of readTraceFile(path, codecOf)) {
      const result = replay(typeIdModel, trace, { revision: 'linux-6.12' });
      operations += result.consumed;
      for (const { observed } of trace.events) {
        const outcome: unknown = observed.kind === 'one' ? observed.outcome : undefined;
        if (isTypeId(outcome)) ids.add(outcome.id);
      }
      if (result.verdict === 'agree') continue;
      const { divergence } = result;
      const operation =
        divergence && typeIdSubsystem.describeOperation?.(divergence.event.operation as never);
      differences.push(
        `${operation ?? ''}: ${JSON.stringify(divergence?.event.observed)} ${JSON.stringify(divergence?.expected.map(({ outcome }) => outcome))}`,
      );
    }
    expect(differences).toEqual([]);
    expect(operations).toBeGreaterThan(4_000);
    expect(ids.size).toBeGreaterThan(1_000);
  });

  test('they tell a model apart that drops the qualifiers of return types', () => {
    const diverging = recordings.map(({ path }) =>
      [...readTraceFile(path, codecOf)].some(
        (trace) =>
          replay(typeIdModel, trace, { revision: 'bug:return-qualifiers-dropped' }).verdict ===
          'diverge',
      ),
    );
    expect(diverging).toEqual([true, true]);
  });
});
