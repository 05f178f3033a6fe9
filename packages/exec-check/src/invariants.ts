// SPDX-License-Identifier: MIT
import { CHECK_INVARIANTS } from './invariants/check.ts';
import { CLIENT_INVARIANTS } from './invariants/clients.ts';
import type { ExecInvariant } from './invariants/exec-call.ts';
import { ORDER_INVARIANTS } from './invariants/order.ts';
import { PERMISSION_INVARIANTS } from './invariants/permission.ts';
import { SECUREBITS_INVARIANTS } from './invariants/securebits.ts';
import { WRITE_INVARIANTS } from './invariants/write-access.ts';

/** What holds at every step. */
export const INVARIANTS: readonly ExecInvariant[] = [
  ...CHECK_INVARIANTS,
  ...PERMISSION_INVARIANTS,
  ...ORDER_INVARIANTS,
  ...WRITE_INVARIANTS,
  ...SECUREBITS_INVARIANTS,
  ...CLIENT_INVARIANTS,
];
