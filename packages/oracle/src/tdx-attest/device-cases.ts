// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { driver } from '@kernel-models/tdx-attest';
import type { Case } from '../target.ts';
import { ioctl } from './driver-operations.ts';

const deviceCall = fc
  .constantFrom<'read' | 'write' | 'lseek'>('read', 'write', 'lseek')
  .map((call): driver.DriverOperation => ({ op: 'device-call', call }));

/** Calls on the device of a TDX guest in use, whose TDX module nobody scripts. */
export function deviceCases(): Arbitrary<Case<driver.Setup, driver.DriverOperation>> {
  const plain = ioctl.map(({ op, cmd, buffer }): driver.DriverOperation => ({ op, cmd, buffer }));
  return fc
    .array(fc.oneof({ weight: 5, arbitrary: plain }, deviceCall), { minLength: 1, maxLength: 12 })
    .map((calls) => ({
      setup: driver.DEFAULT_SETUP,
      operations: [{ op: 'load' } as const, ...calls],
    }));
}

/** Whether a case asks nothing of a TDX guest in use but calls on its device. */
export function isForDevice({
  setup,
  operations: [first, ...rest],
}: Case<driver.Setup, driver.DriverOperation>): boolean {
  return (
    setup.tdxGuest &&
    !setup.nameTaken &&
    first?.op === 'load' &&
    first.fails === undefined &&
    rest.every(
      (one) =>
        one.op === 'device-call' ||
        (one.op === 'ioctl' && one.allocationFails === undefined && one.interrupted !== true),
    )
  );
}
