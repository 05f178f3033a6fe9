// SPDX-License-Identifier: MIT
import {
  buildTd,
  model,
  moduleOf,
  platformOf,
  type Operation,
  type Outcome,
  type RegisterName,
  type TdState,
  type Tdcall,
} from '@kernel-models/hw-model/tdx';

/** The revision that the examples run on. */
export const NEWEST = 'tdx-module-1.5.01';

/** TEE_TCB_SVN 2.1.6, as a platform of 2024 has it. */
export const SVN: Uint8Array = Uint8Array.of(2, 1, 6, ...new Array<number>(13).fill(0));

export const SETUP = { platform: platformOf('example'), module: moduleOf(SVN) };

/** A running TD of one zero page, with a second one for operands at 0x1000. */
export function runningTd(): TdState {
  return buildTd(SETUP, { pages: [new Uint8Array(4096), new Uint8Array(4096)] });
}

/** A TDCALL from ring 0 in 64-bit mode, with no interrupt waiting. */
export function tdcall(
  leaf: number | bigint,
  registers: Partial<Record<RegisterName, bigint>> = {},
  more: Partial<Tdcall> = {},
): Tdcall {
  return {
    op: 'tdcall',
    registers: { ...registers, rax: BigInt(leaf) },
    cpl: 0,
    longMode: true,
    interruptPending: false,
    reply: {},
    ...more,
  };
}

/** Runs operations and gives the last state and all outcomes. */
export function run(
  td: TdState,
  operations: readonly Operation[],
  revision: string = NEWEST,
): { readonly td: TdState; readonly outcomes: readonly Outcome[] } {
  let state = td;
  const outcomes = operations.map((operation) => {
    const step = model.apply(state, operation, revision);
    state = step.state;
    return step.outcome;
  });
  return { td: state, outcomes };
}
