// SPDX-License-Identifier: MIT
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { driver, tsm } from '@kernel-models/tdx-attest';
import { Unavailable } from '../../src/probe/unavailable.ts';
import { deviceCases, isForDevice } from '../../src/tdx-attest/device-cases.ts';
import { deviceTargets } from '../../src/tdx-attest/device-target.ts';
import { driverCases } from '../../src/tdx-attest/driver-cases.ts';
import { executablePart, isExecutableByDriver } from '../../src/tdx-attest/executable-part.ts';
import { driverTarget } from '../../src/tdx-attest/driver-target.ts';

const world = driver.DEFAULT_SETUP;
const content = new Uint8Array(64).fill(9);
const OPENING: readonly tsm.TsmOperation[] = [
  { op: 'load' },
  { op: 'mkdir', name: 'q0', parent: 'report' },
  { op: 'write-inblob', name: 'q0', content },
];
const WAITING: readonly tsm.TsmOperation[] = [
  ...OPENING,
  { op: 'set-host', delay: 500 },
  { op: 'open', fd: 3, name: 'q0', file: 'outblob', access: 'read' },
  { op: 'read-size', fd: 3 },
];

describe('cases for a kernel with a fake TDX module', () => {
  test('can each be put to one, and written down', () => {
    let requests = 0;
    fc.assert(
      fc.property(driverCases(), (one) => {
        if (!isExecutableByDriver(one)) return false;
        let state = tsm.model.initial(one.setup);
        for (const operation of one.operations) {
          const json = tsm.model.codec.encodeOperation(operation);
          expect(tsm.model.codec.decodeOperation(json)).toEqual(operation);
          const step = tsm.model.apply(state, operation, 'linux-6.12');
          state = step.state;
          if (step.rule === 'report-new.success') requests += 1;
        }
        return true;
      }),
      { numRuns: 200, seed: 20_220_426 },
    );
    expect(requests).toBeGreaterThan(20);
  });

  test('leave out what no caller of a kernel can do there', () => {
    const impossible: readonly tsm.TsmOperation[] = [
      { op: 'tick' },
      { op: 'signal' },
      { op: 'read-data', fd: 3 },
      { op: 'pass-time', milliseconds: 1500 },
      { op: 'set-host', delay: 1100 },
      { op: 'host-writes', data: new Uint8Array(5000) },
      { op: 'read-outblob', name: 'q0', signalAfter: 25 },
    ];
    expect(executablePart(world, [...OPENING, ...impossible])).toEqual(OPENING);
    const shorterWait: tsm.TsmOperation = { op: 'load', getquoteTimeout: 2 };
    expect(isExecutableByDriver({ setup: world, operations: [shorterWait] })).toBe(false);
    const lateStart = { ...world, firstGeneration: 7n };
    expect(isExecutableByDriver({ setup: lateStart, operations: [] })).toBe(false);
  });

  test('fetch the bytes of a read that waited, and end behind a call that is held off', () => {
    const done: tsm.TsmOperation = { op: 'read-data', fd: 3 };
    expect(executablePart(world, [...WAITING, { op: 'tick' }])).toEqual([
      ...WAITING,
      { op: 'tick' },
      done,
    ]);
    const mkdir: tsm.TsmOperation = { op: 'mkdir', name: 'q1', parent: 'report' };
    expect(executablePart(world, [...WAITING, mkdir, { op: 'tick' }])).toEqual([...WAITING, mkdir]);
    const look: tsm.TsmOperation = { op: 'read-generation', name: 'q0' };
    expect(executablePart(world, [...WAITING, look, look])).toEqual([...WAITING, look, look]);
  });
});

test('cases for a TDX guest in use ask nothing of it but calls on its device', async () => {
  fc.assert(fc.property(deviceCases(), isForDevice), { numRuns: 100, seed: 1 });
  expect(isForDevice({ setup: world, operations: [{ op: 'unload' }] })).toBe(false);
  expect(isForDevice({ setup: { ...world, nameTaken: true }, operations: [] })).toBe(false);
  const [here] = deviceTargets({});
  const availability = await here?.available();
  await here?.close();
  // Without root, a compiler or a TD it names which one is missing.
  if (!existsSync('/dev/tdx_guest')) expect(availability?.ok).toBe(false);
  if (availability?.ok === false) expect(availability.skip).toMatch(/\S/);
});

test('a kernel without its pieces is not available, and says which one it lacks', async () => {
  const nowhere = { image: '/nowhere/bzImage', modules: '/nowhere/modules', build: '/nowhere/b' };
  await expect(driverTarget(nowhere)).rejects.toThrow(Unavailable);
  await expect(driverTarget({ ...nowhere, source: '/nowhere/linux' })).rejects.toThrow(
    /--kernel-source: expected a Linux source tree/,
  );
});
