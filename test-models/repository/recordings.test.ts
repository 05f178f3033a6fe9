// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { replay } from '@kernel-models/model-core';
import { codecOfModel, readTraceFile, shippedRecordings, SUBSYSTEMS } from '@kernel-models/oracle';
import { covered } from '../support/rule-coverage.ts';

const recordings = SUBSYSTEMS.flatMap((subsystem) =>
  shippedRecordings(subsystem.model.name).map((recording) => ({
    model: subsystem.model.name,
    name: recording.name,
    path: recording.path,
    subsystem,
  })),
);

describe('every recording of a real thing is explained to its last event', () => {
  test.each(recordings)('$model: $name', ({ path, subsystem }) => {
    const model = covered(subsystem.model);
    let traces = 0;
    for (const trace of readTraceFile(path, codecOfModel)) {
      const revision = trace.revision ?? subsystem.defaultRevision;
      const { verdict, consumed, total } = replay(model, trace, { revision });
      if (verdict !== 'agree' || consumed !== total) {
        throw new Error(`trace ${traces}: ${verdict}, ${consumed} of ${total} events`);
      }
      // Who recorded it, on what, with what: a recording without provenance is hearsay.
      expect(trace.source.kernel).toBeTruthy();
      expect(trace.source.script).toMatch(/^scripts\/record\//);
      traces += 1;
    }
    expect(traces).toBeGreaterThan(0);
  });
});
