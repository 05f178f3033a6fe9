// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepEqual, isBugRevision, type Model } from '@kernel-models/model-core';
import { buildTd } from '@kernel-models/hw-model/tdx';
import { driver, measurement, tsm } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { runsOf } from './broken-invariants.ts';
import {
  driverOperation,
  driverSetup,
  guestOperation,
  measurementOperation,
  tsmOperation,
} from './generators.ts';
import { REFERENCE_DRIVERS, ReferenceDriver } from './reference-driver.ts';
import { REFERENCE_GUESTS, ReferenceGuest } from './reference-guest.ts';
import { ReferenceMeasurements } from './reference-measurements.ts';

/*
 * Driver, report items and measurement files of every kernel, each beside a naive reference: outcome
 * by outcome, to the last byte of the caller's buffer.
 */

const driverModel = covered(driver.model);
const tsmModel = covered(tsm.model);
const measurementModel = covered(measurement.model);

const kernelsOf = (model: Pick<Model<never, never, never, never>, 'revisions'>): string[] =>
  model.revisions.filter((one) => !isBugRevision(one)).map(({ id }) => id);

/** Fails where an outcome is not the expected one; `expect` alone is slow at every step. */
function same(actual: object, expected: object, where: string): void {
  if (!deepEqual(actual, expected)) expect(actual, where).toEqual(expected);
}

test('the references play every kernel', () => {
  expect(REFERENCE_DRIVERS).toEqual(kernelsOf(driver.model));
  expect(REFERENCE_GUESTS).toEqual(kernelsOf(tsm.model));
});

test.each(REFERENCE_DRIVERS)('the driver of %s is what its reference is', async (revision) => {
  const labels = new LabelCoverage();
  await checkProperty(
    `driver equals its reference on ${revision}`,
    fc.property(runsOf(driverSetup, driverOperation, 50), ({ setup, operations }) => {
      const reference = new ReferenceDriver(revision, setup);
      let state = driverModel.initial(setup);
      const seen = new Set<string>();
      for (const [index, operation] of operations.entries()) {
        const step = driverModel.apply(state, operation, revision);
        same(step.outcome, reference.do(operation), `step ${index}: ${step.rule}`);
        seen.add(step.rule);
        ({ state } = step);
      }
      labels.count(seen);
    }),
    { runs: 80 },
  );
  labels.require({ 'load.success': 40, 'ioctl.success': 20, 'ioctl.copy-out': 10 });
});

const FIRST: readonly tsm.TsmOperation[] = [
  { op: 'load', getquoteTimeout: 2 },
  { op: 'mkdir', name: 'q0', parent: 'report' },
];
const guestSetup = fc.oneof(
  { weight: 5, arbitrary: fc.constant<tsm.Setup>(driver.DEFAULT_SETUP) },
  fc.constantFrom<tsm.Setup>(
    { ...driver.DEFAULT_SETUP, nameTaken: true },
    { ...driver.DEFAULT_SETUP, firstGeneration: (1n << 64n) - 2n },
  ),
);

describe.each(REFERENCE_GUESTS)(
  'the report items of %s are what their reference is',
  (revision) => {
    const followed = (setup: tsm.Setup, operations: readonly tsm.TsmOperation[]): Set<string> => {
      const reference = new ReferenceGuest(revision, setup);
      let state = tsmModel.initial(setup);
      const seen = new Set<string>();
      for (const [index, operation] of [...FIRST, ...operations].entries()) {
        const step = tsmModel.apply(state, operation, revision);
        same(step.outcome, reference.do(operation), `step ${index}, ${operation.op}: ${step.rule}`);
        seen.add(step.rule);
        ({ state } = step);
      }
      return seen;
    };

    test('as a shell uses them', async () => {
      const labels = new LabelCoverage();
      await checkProperty(
        `tsm equals its reference on ${revision}`,
        fc.property(runsOf(guestSetup, guestOperation, 60), ({ setup, operations }) => {
          labels.count(followed(setup, operations));
        }),
        { runs: 100 },
      );
      labels.require({
        'report-new.success': 20,
        'read.cached': 5,
        'report-new.timeout': 1,
        'report-new.in-flight': 1,
        'load.report-provider': 20,
      });
    });

    test('call by call, with whoever waits', async () => {
      const labels = new LabelCoverage();
      await checkProperty(
        `tsm calls equal their reference on ${revision}`,
        fc.property(runsOf(guestSetup, tsmOperation, 80), ({ setup, operations }) => {
          labels.count(followed(setup, operations));
        }),
        { runs: 150 },
      );
      labels.require({
        'file.blocked': 5,
        'read.snapshot': 10,
        'report-new.interrupted': 2,
        'commit.success': 30,
      });
    });
  },
);

/** A TD in which no two registers are alike. */
const TD = buildTd(driver.tdNamed('platform'), {
  params: {
    mrConfigId: new Uint8Array(48).fill(0xc1),
    mrOwner: new Uint8Array(48).fill(0xc2),
    mrOwnerConfig: new Uint8Array(48).fill(0xc3),
  },
  pages: [Uint8Array.of(1)],
});

test.each(kernelsOf(measurement.model))(
  'the measurement files of %s are what their reference is',
  async (revision) => {
    const labels = new LabelCoverage();
    const { measurements, params } = TD;
    // They are all zero at first.
    const zero = new Uint8Array(48);
    const registers = {
      'rtmr0:sha384': zero,
      'rtmr1:sha384': zero,
      'rtmr2:sha384': zero,
      'rtmr3:sha384': zero,
      'mrtd:sha384': measurements.mrTd,
      mrconfigid: params.mrConfigId,
      mrowner: params.mrOwner,
      mrownerconfig: params.mrOwnerConfig,
    };
    await checkProperty(
      `measurement equals its reference on ${revision}`,
      fc.property(runsOf(driverSetup, measurementOperation, 60), ({ setup, operations }) => {
        const reference = new ReferenceMeasurements(revision, setup, registers);
        const first = measurementModel.initial(setup);
        let state = { ...first, driver: { ...first.driver, td: TD } };
        const seen = new Set<string>();
        for (const [index, operation] of operations.entries()) {
          const step = measurementModel.apply(state, operation, revision);
          const expected = reference.do(operation);
          // Reports show another TD here: the driver has a reference of its own.
          if (operation.op.startsWith('mr-')) {
            same(step.outcome, expected, `step ${index}, ${operation.op}: ${step.rule}`);
          }
          seen.add(step.rule);
          ({ state } = step);
        }
        labels.count(seen);
      }),
      { runs: 100 },
    );
    labels.require({
      'mr.extended': 40,
      'mr.refreshed': 40,
      'mr.cached': 40,
      'mr.refresh-failed': 5,
      'mr.extend-failed': 5,
      'mr.interrupted': 10,
    });
  },
);
