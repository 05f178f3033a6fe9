// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { driver, measurement, tsm } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { brokenInvariants, holdPromises, runsOf } from './broken-invariants.ts';
import { driverOperation, driverSetup, measurementOperation, tsmOperation } from './generators.ts';

const driverModel = covered(driver.model);
const tsmModel = covered(tsm.model);
const measurementModel = covered(measurement.model);

const FIRST: readonly tsm.TsmOperation[] = [
  { op: 'load', getquoteTimeout: 2 },
  { op: 'mkdir', name: 'q0', parent: 'report' },
];

const kernels = (model: {
  readonly revisions: readonly { readonly id: string }[];
}): readonly string[] =>
  model.revisions.filter(({ id }) => !id.startsWith('bug:')).map(({ id }) => id);

describe.each(kernels(driver.model))('the driver of %s', (revision) => {
  test('keeps what it promises', async () => {
    const runs = runsOf(driverSetup, driverOperation, 40);
    await checkProperty(
      `driver invariants on ${revision}`,
      fc.property(runs, (run) => {
        holdPromises(driverModel, revision, run);
      }),
      { runs: 60 },
    );
  });
});

describe.each(kernels(tsm.model))('the report items of %s', (revision) => {
  test('keep what they promise', async () => {
    const runs = runsOf(
      fc.constantFrom<tsm.Setup>(
        driver.DEFAULT_SETUP,
        driver.DEFAULT_SETUP,
        driver.DEFAULT_SETUP,
        { ...driver.DEFAULT_SETUP, tdxGuest: false },
        { ...driver.DEFAULT_SETUP, nameTaken: true },
        { ...driver.DEFAULT_SETUP, firstGeneration: (1n << 64n) - 2n },
      ),
      tsmOperation,
      80,
    );
    await checkProperty(
      `tsm invariants on ${revision}`,
      fc.property(runs, ({ setup, operations }) => {
        holdPromises(tsmModel, revision, { setup, operations: [...FIRST, ...operations] });
      }),
      { runs: 150 },
    );
  });
});

describe.each(kernels(measurement.model))('the measurement files of %s', (revision) => {
  test('read live and extend', async () => {
    const runs = runsOf(driverSetup, measurementOperation, 40);
    await checkProperty(
      `measurement invariants on ${revision}`,
      fc.property(runs, (run) => {
        holdPromises(measurementModel, revision, run);
      }),
      { runs: 100 },
    );
  });
});

test('a register reads as the replay of what was written to it, whatever lies in between', async () => {
  const zero = new Uint8Array(48);
  await checkProperty(
    'RTMR files replay their events',
    fc.property(
      fc.constantFrom('linux-6.16', 'linux-7.0', 'linux-7.0-fixed'),
      fc.array(measurementOperation, { minLength: 10, maxLength: 60 }),
      (revision, operations) => {
        const replayed = new Map<string, Uint8Array>();
        let state = measurementModel.initial(driver.DEFAULT_SETUP);
        for (const operation of [{ op: 'load' } as const, ...operations]) {
          const { state: after, outcome } = measurementModel.apply(state, operation, revision);
          state = after;
          if (operation.op === 'mr-write' && outcome.kind === 'value' && outcome.value === 48n) {
            const old = replayed.get(operation.register) ?? zero;
            const digest = operation.content.subarray(0, 48);
            const now = createHash('sha384').update(old).update(digest).digest();
            replayed.set(operation.register, new Uint8Array(now));
          }
          if (operation.op !== 'mr-read' || !operation.register.startsWith('rtmr')) continue;
          if (outcome.kind !== 'bytes') continue;
          const { offset, size, register } = operation;
          const expected = (replayed.get(register) ?? zero).slice(offset, offset + size);
          expect(outcome.bytes, register).toEqual(expected);
        }
      },
    ),
    { runs: 150 },
  );
});

test('each kernel breaks exactly what it is known to break', () => {
  const driverRuns = runsOf(driverSetup, driverOperation, 60);
  const broken = Object.fromEntries(
    kernels(driver.model).map((id) => [id, brokenInvariants(driverModel, id, driverRuns, 200)]),
  );
  // The posting's contract with user space and the administrator is broken in these five.
  const contract = [
    'driver.load-success-implies-node',
    'driver.no-write-on-tdcall-error',
    'driver.rebind-works',
    'driver.success-implies-report',
    'driver.unknown-cmd-is-error',
  ];
  // Two mistakes more sit inside its error paths: what a failed probe and a failed put_user() do.
  const errorPaths = ['driver.no-warning', 'driver.status-fault-is-efault'];
  expect(broken).toEqual({
    'posted-v4': [...contract, ...errorPaths].sort(),
    'reviewed-v4': ['driver.load-success-implies-node', 'driver.no-warning', 'driver.rebind-works'],
    'linux-6.2': [],
    'linux-6.7': [],
    'linux-6.12': [],
    'linux-6.16': [],
    'linux-7.0': [],
    'linux-7.0-fixed': [],
  });

  const tsmRuns = runsOf(fc.constant<tsm.Setup>(driver.DEFAULT_SETUP), tsmOperation, 80);
  const brokenByItems = Object.fromEntries(
    kernels(tsm.model).map((id) => [id, brokenInvariants(tsmModel, id, tsmRuns, 120)]),
  );
  const everySince67 = ['tsm.failed-write-commits-nothing', 'tsm.timeout-means-timeout'];
  const unfinished = 'tsm.never-hand-out-unfinished';
  expect(brokenByItems).toEqual({
    'linux-6.7': ['tsm.bounded-copy', ...everySince67, unfinished].sort(),
    'linux-6.12': [...everySince67, unfinished].sort(),
    'linux-6.16': ['tsm.bounded-copy', ...everySince67, unfinished].sort(),
    'linux-7.0': everySince67,
    'linux-7.0-fixed': [],
  });
});

test('an operation leaves the state before it as it was', async () => {
  await checkProperty(
    'tsm states are immutable',
    fc.property(fc.array(tsmOperation, { minLength: 5, maxLength: 30 }), (operations) => {
      let state = tsmModel.initial(driver.DEFAULT_SETUP);
      for (const operation of operations) {
        const before = JSON.stringify(tsm.model.key?.(state));
        const once = tsmModel.apply(state, operation, 'linux-7.0');
        const again = tsmModel.apply(state, operation, 'linux-7.0');
        expect(JSON.stringify(tsm.model.key?.(state))).toBe(before);
        expect(again.outcome).toEqual(once.outcome);
        state = once.state;
      }
    }),
    { runs: 40 },
  );
});

test('every operation and outcome survives JSON', async () => {
  const throughJson = (value: unknown): never => JSON.parse(JSON.stringify(value)) as never;
  await checkProperty(
    'tsm codec round trip',
    fc.property(fc.array(tsmOperation, { minLength: 5, maxLength: 30 }), (operations) => {
      let state = tsmModel.initial(driver.DEFAULT_SETUP);
      for (const operation of operations) {
        const step = tsmModel.apply(state, operation, 'linux-7.0');
        const { codec } = tsm.model;
        expect(codec.decodeOperation(throughJson(codec.encodeOperation(operation)))).toEqual(
          operation,
        );
        expect(codec.decodeOutcome(throughJson(codec.encodeOutcome(step.outcome)))).toEqual(
          step.outcome,
        );
        state = step.state;
      }
    }),
    { runs: 30 },
  );
});

test('nothing, written beyond the end of an inblob, is too much before it is nothing', () => {
  const written = (offset: number): tsm.TsmOutcome | undefined => {
    const operations: readonly tsm.TsmOperation[] = [
      ...FIRST,
      { op: 'open', fd: 3, name: 'q0', file: 'inblob', access: 'write' },
      { op: 'write', fd: 3, content: new Uint8Array(), offset },
    ];
    let state = tsmModel.initial(driver.DEFAULT_SETUP);
    return operations
      .map((operation) => {
        const step = tsmModel.apply(state, operation, 'linux-6.12');
        ({ state } = step);
        return step.outcome;
      })
      .at(-1);
  };
  expect(written(64)).toMatchObject({ errno: 'EFAULT' });
  expect(written(65)).toMatchObject({ errno: 'EFBIG' });
});
