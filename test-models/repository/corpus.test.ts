// SPDX-License-Identifier: MIT
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { replay } from '@kernel-models/model-core';
import { codecOfModel, readTraceFile, subsystemOf } from '@kernel-models/oracle';
import { covered } from '../support/rule-coverage.ts';
import { ROOT } from './sources.ts';

const FOLDER = join(ROOT, 'test-models/corpus');

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
  (name) => /\.jsonl(\.gz)?$/.test(name) && !name.startsWith('new'),
);

describe('counterexamples of the past', () => {
  test('are there', () => expect(files.length).toBeGreaterThan(0));

  test.each(files)('%s is explained by its revision', (file) => {
    for (const trace of readTraceFile(join(FOLDER, file), codecOfModel)) {
      const { model, defaultRevision } = subsystemOf(trace.model);
      const revision = trace.revision ?? defaultRevision;
      const result = replay(covered(model), trace, { revision });
      expect(result.divergence?.expected.map(({ outcome }) => outcome)).toBeUndefined();
      expect(result).toMatchObject({ verdict: 'agree', consumed: trace.events.length });
    }
  });
});
