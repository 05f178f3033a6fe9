// SPDX-License-Identifier: MIT
import type { Model } from '@kernel-models/model-core';
import { REVISIONS } from '../revisions.ts';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { DRIVER_INVARIANTS } from './invariants.ts';
import { driverKey } from './key.ts';
import { matches } from './matches.ts';
import type { DriverOperation } from './operation.ts';
import type { DriverOutcome } from './outcome.ts';
import { DRIVER_RULES } from './rules.ts';
import { initial, type Setup } from './setup.ts';
import type { DriverState } from './state.ts';

/** The guest driver: its module, its device, its ioctl. Posted v4 to Linux 7.0. */
export const model: Model<DriverState, DriverOperation, DriverOutcome, Setup> = {
  name: 'tdx-attest.driver',
  revisions: REVISIONS,
  rules: DRIVER_RULES,
  codec,
  initial,
  apply,
  matches,
  key: driverKey,
  invariants: DRIVER_INVARIANTS,
};
