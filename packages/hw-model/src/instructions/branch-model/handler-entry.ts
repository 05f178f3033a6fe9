// SPDX-License-Identifier: MIT
import { CET_ENDBR_EN, withTracker } from '../cet.ts';
import type { Features } from './revisions.ts';
import type { BranchState } from './state.ts';

/**
 * The MSRs behind the first instruction of an exception's handler, which is ENDBR64: the delivery
 * made CPL 0 wait for it, and it has ended the waiting. What CPL 3 waited for stays.
 */
export function handlerEntry(state: BranchState, features: Features): BranchState {
  const tracking = state.cet && (state.sCet & CET_ENDBR_EN) !== 0n;
  if (!tracking && !features.endbranchAlwaysResets) return state;
  const sCet = withTracker(state.sCet, 'idle');
  return sCet === state.sCet ? state : { ...state, sCet };
}
