// SPDX-License-Identifier: MIT
import { deepEqual, type Model } from '@kernel-models/model-core';
import { startsWith } from '../bytes.ts';
import { matches as matchesDriver } from '../driver/matches.ts';
import { keyOf } from '../key-of.ts';
import { revisionsWith } from '../revisions.ts';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { TSM_INVARIANTS } from './invariants.ts';
import type { TsmOperation } from './operation.ts';
import type { TsmOutcome } from './outcome.ts';
import { TSM_RULES } from './rules.ts';
import { initial, type Setup } from './setup.ts';
import type { TsmState } from './state.ts';

/** Whether an observed outcome is the modelled one; what a recording leaves out is not compared. */
function matches(observed: TsmOutcome, modelled: TsmOutcome): boolean {
  if (observed.kind === 'blob' && modelled.kind === 'blob') {
    const { bytes, cost, head, size } = observed;
    return (
      size === modelled.size &&
      startsWith(modelled.head, head) &&
      (bytes === undefined || deepEqual(bytes, modelled.bytes)) &&
      (cost === undefined || deepEqual(cost, modelled.cost))
    );
  }
  if (observed.kind === 'errno' && modelled.kind === 'errno') {
    const { cost, ...rest } = observed;
    const { cost: modelledCost, ...modelledRest } = modelled;
    const sameCost = cost === undefined || deepEqual(cost, modelledCost);
    return sameCost && matchesDriver(rest, modelledRest);
  }
  if (observed.kind === 'report' && modelled.kind === 'report') {
    return matchesDriver(observed, modelled);
  }
  return deepEqual(observed, modelled);
}

/**
 * Equal keys, equal states. Of the TD the platform alone counts: setups differ in nothing else of
 * it, and no operation of this model changes more of it than whether the module has a hash cached.
 */
function key({ driver: { td, ...driver }, ...state }: TsmState): string {
  return keyOf([td.platform, driver, state]);
}

/** The report items of configfs-tsm on the guest driver and a host. Linux 6.7 to 7.0. */
export const model: Model<TsmState, TsmOperation, TsmOutcome, Setup> = {
  name: 'tdx-attest.tsm',
  revisions: revisionsWith(({ tsm }) => tsm),
  rules: TSM_RULES,
  codec,
  initial,
  apply,
  matches,
  key,
  invariants: TSM_INVARIANTS,
};
