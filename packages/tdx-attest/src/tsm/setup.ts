// SPDX-License-Identifier: MIT
import * as driver from '../driver/index.ts';
import { DEFAULT_HOST } from './operation.ts';
import type { TsmState } from './state.ts';

/** The world before the driver is loaded. */
export interface Setup extends driver.Setup {
  /** Write generation of a new item: absent, 0. Another reaches the wrap of 64 bits. */
  readonly firstGeneration?: bigint;
}

/** Seconds. Origin: getquote_timeout, drivers/virt/coco/tdx-guest/tdx-guest.c. */
export const GETQUOTE_TIMEOUT = 30;

/** The first state. */
export function initial({ firstGeneration = 0n, ...setup }: Setup): TsmState {
  return {
    driver: driver.initial(setup),
    provider: false,
    items: {},
    files: {},
    quoteBuffer: null,
    timeout: GETQUOTE_TIMEOUT,
    host: DEFAULT_HOST,
    answerDue: null,
    waiting: null,
    nextItemId: 0,
    firstGeneration,
  };
}
