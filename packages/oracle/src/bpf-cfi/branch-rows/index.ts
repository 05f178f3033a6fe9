// SPDX-License-Identifier: MIT
import { FAR_ROWS } from './far.ts';
import { HANDLER_ROWS } from './handlers.ts';
import { LANDING_ROWS } from './landings.ts';
import { LEGACY_ROWS } from './legacy.ts';
import { MISSING_ROWS } from './missing.ts';
import { MSR_ROWS } from './msr.ts';
import { NEAR_ROWS } from './near.ts';
import { ORDER_ROWS } from './order.ts';
import { RETURN_ROWS } from './returns.ts';
import type { BranchRow } from './row.ts';

export type { BranchRow, RowVector, Shown, ShownException, UnaskedRow } from './row.ts';
export { UNASKED_ROWS } from './unasked.ts';

/** Every rule that the emulator was asked about. */
export const BRANCH_ROWS: readonly BranchRow[] = [
  ...NEAR_ROWS,
  ...FAR_ROWS,
  ...HANDLER_ROWS,
  ...RETURN_ROWS,
  ...LANDING_ROWS,
  ...MISSING_ROWS,
  ...LEGACY_ROWS,
  ...ORDER_ROWS,
  ...MSR_ROWS,
];
