// SPDX-License-Identifier: MIT
import { driver } from '@kernel-models/tdx-attest';
import { localTransport } from '../probe/local.ts';
import { probeTarget, type ProbeSubsystem } from '../probe/probe-target.ts';
import type { Transport } from '../probe/transport.ts';
import { viaTransport } from '../probe/via.ts';
import type { TargetOptions } from '../subsystem.ts';
import type { Target } from '../target.ts';
import { revisionOf } from './guest-target.ts';
import { asObject } from './wire.ts';

/** The model's name, and its probe's. */
const DRIVER = 'tdx-attest.driver';

type DriverTarget = Target<driver.Setup, driver.DriverOperation, driver.DriverOutcome>;

/** The ioctl of a TDX guest: of the running kernel, or of a machine behind a command. */
export function deviceTargets({ via }: TargetOptions): readonly DriverTarget[] {
  const transport = via === undefined ? localTransport(DRIVER) : viaTransport(DRIVER, via);
  return [deviceTarget(transport)];
}

/** The ioctl of the TDX guest at the end of a transport. */
export function deviceTarget(transport: Transport): DriverTarget {
  return probeTarget(SUBSYSTEM, transport);
}

const SUBSYSTEM: ProbeSubsystem<driver.Setup, driver.DriverOperation, driver.DriverOutcome> = {
  model: DRIVER,
  decodeOutcome: (json) => driver.model.codec.decodeOutcome(json),
  encodeSetup: (setup) => asObject(driver.model.codec.encodeSetup(setup)),
  encodeOperation: (operation) => asObject(driver.model.codec.encodeOperation(operation)),
  revisionOf: ({ release }) => revisionOf(release),
  configOf: () => 'the driver and the TDX module in use',
};
