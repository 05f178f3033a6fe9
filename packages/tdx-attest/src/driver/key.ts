// SPDX-License-Identifier: MIT
import { tdKey } from '@kernel-models/hw-model/tdx';
import { keyOf } from '../key-of.ts';
import type { DriverState } from './state.ts';

/** Equal keys, equal states of the driver and of the TD below it. */
export function driverKey({ td, ...own }: DriverState): string {
  return keyOf([tdKey(td), own]);
}
