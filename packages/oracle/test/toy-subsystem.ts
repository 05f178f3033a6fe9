// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  EVERY_OPERATION,
  semaphore,
  type Semaphore,
  type SemaphoreOperation,
  type SemaphoreOutcome,
  type SemaphoreSetup,
} from '../../model-core/test/toy-model.ts';
import { TargetError, type Subsystem, type Target } from '@kernel-models/oracle';

export type ToySubsystem = Subsystem<
  Semaphore,
  SemaphoreOperation,
  SemaphoreOutcome,
  SemaphoreSetup
>;

/** The semaphore of model-core's tests as the oracle sees a model. */
export const toySubsystem: ToySubsystem = {
  // Without `toss`, which a deterministic target cannot answer.
  model: semaphore,
  title: 'a counting semaphore',
  defaultRevision: 'linux-1.0',
  cases: () =>
    fc.record({
      setup: fc.record({ start: fc.integer({ min: 0, max: 3 }) }),
      operations: fc.array(fc.constantFrom<SemaphoreOperation>({ op: 'up' }, { op: 'down' }), {
        maxLength: 12,
      }),
    }),
  targets: () => [],
  explorations: [
    {
      name: 'one',
      sentence: 'one semaphore',
      setups: [{ start: 1 }],
      operations: () => EVERY_OPERATION,
      defaultDepth: 5,
      sometimes: { full: ({ value }) => value === 3 },
    },
  ],
};

/** A real thing: a semaphore with something wrong in it. */
export interface ToyQuirks {
  /** From the n-th `down` on, each answers 7. */
  readonly badDown?: number;
  /** Dies at the n-th operation of a case. */
  readonly diesAt?: number;
}

/** A target whose semaphore is right but for the quirks. Counts its runs. */
export function toyTarget(
  quirks: ToyQuirks = {},
): Target<SemaphoreSetup, SemaphoreOperation, SemaphoreOutcome> & { runs: number } {
  return {
    name: 'toy',
    models: ['semaphore'],
    touches: 'nothing',
    runs: 0,
    available: async () => ({ ok: true, source: { kind: 'kernel' }, revision: 'linux-1.0' }),
    async *run(setup, operations) {
      this.runs += 1;
      let value = setup.start;
      let downs = 0;
      for (const [index, { op }] of operations.entries()) {
        if (index === quirks.diesAt) throw new TargetError('the probe died');
        if (op === 'down') downs += 1;
        if (op === 'up' ? value === 3 : value === 0) {
          yield { kind: 'errno', errno: 'EAGAIN' };
          continue;
        }
        value += op === 'up' ? 1 : -1;
        const isBad = op === 'down' && downs >= (quirks.badDown ?? Infinity);
        yield { kind: 'value', value: isBad ? 7 : value };
      }
    },
    close: async () => undefined,
  };
}
