// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { apply as applyToDriver } from '../driver/apply.ts';
import type { DriverOperation } from '../driver/index.ts';
import { DEFAULT_HOST, type LoadOperation } from './operation.ts';
import { EMPTY_QUOTE_BUFFER } from './quote-buffer.ts';
import { GETQUOTE_TIMEOUT } from './setup.ts';
import type { TsmState } from './state.ts';
import { blocked, type TsmStep } from './step.ts';

/* The driver below the items: what it does there, and what its coming and going means for them. */

/**
 * insmod: the driver becomes the report provider, unless there is one or an item is left from the
 * last. Mirrors tdx_guest_init(), tdx-guest.c, and tsm_register(), drivers/virt/coco/tsm.c.
 */
export function load(state: TsmState, operation: LoadOperation, revision: RevisionId): TsmStep {
  const { getquoteTimeout = GETQUOTE_TIMEOUT, fails, ...rest } = operation;
  const taken = state.provider || Object.keys(state.items).length > 0;
  const failure = fails ?? (taken ? 'report-provider' : undefined);
  const loaded = applyToDriver(
    state.driver,
    { ...rest, ...(failure !== undefined && { fails: failure }) },
    revision,
  );
  if (loaded.outcome.kind !== 'value') return { ...loaded, state };
  return {
    ...loaded,
    state: {
      ...state,
      driver: loaded.state,
      provider: true,
      quoteBuffer: EMPTY_QUOTE_BUFFER,
      timeout: getquoteTimeout,
      host: DEFAULT_HOST,
      answerDue: null,
    },
  };
}

/** Every other operation of the driver. */
export function applyDriver(
  state: TsmState,
  operation: Exclude<DriverOperation, { readonly op: 'load' }>,
  revision: RevisionId,
): TsmStep {
  // The provider goes under the lock that a waiting read holds.
  if (operation.op === 'unload' && state.waiting !== null) return blocked(state);
  const done = applyToDriver(state.driver, operation, revision);
  if (done.state === state.driver) return { ...done, state };
  const withDriver = { ...state, driver: done.state };
  if (operation.op !== 'unload') return { ...done, state: withDriver };
  return { ...done, state: { ...withDriver, provider: false, quoteBuffer: null, answerDue: null } };
}
