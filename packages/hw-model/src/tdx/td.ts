// SPDX-License-Identifier: MIT
import { runModel } from '@kernel-models/model-core';
import { makeReport, withInfoHash } from './mr-report.ts';
import { model } from './model.ts';
import type { Operation } from './operation.ts';
import { featuresOf } from './revisions.ts';
import { extendRtmr } from './rtmr-extend.ts';
import { DEFAULT_TD_PARAMS, type Setup } from './setup.ts';
import type { TdState } from './state.ts';
import type { TdParams } from './td-params.ts';

const NEWEST = 'tdx-module-1.5.01';

/** Features of the module that kernels run on. */
const FEATURES = featuresOf(NEWEST);

/** What a running TD is made from. */
export interface TdImage {
  readonly params?: Partial<TdParams>;
  /** Pages of 4 KiB from address 0 on, each added and wholly measured. */
  readonly pages: readonly Uint8Array[];
}

/**
 * Builds a TD and lets it run: TDH.MNG.INIT, a page-add and sixteen extends a page, one vCPU,
 * finalize.
 *
 * @throws RangeError where the module refuses a step, naming it
 */
export function buildTd(setup: Setup, { params = {}, pages }: TdImage): TdState {
  const operations: Operation[] = [
    { op: 'mng-init', params: { ...DEFAULT_TD_PARAMS, ...params } },
    ...pages.flatMap((content, index): Operation[] => {
      const gpa = BigInt(index) * 0x1000n;
      const chunks = Array.from({ length: 16 }, (_, chunk) => gpa + BigInt(chunk) * 0x100n);
      return [
        { op: 'page-add', gpa, content },
        ...chunks.map((at): Operation => ({ op: 'mr-extend', gpa: at })),
      ];
    }),
    { op: 'vp-init' },
    { op: 'mr-finalize' },
  ];
  let state = model.initial(setup);
  for (const [index, step] of runModel(model, setup, operations, NEWEST).entries()) {
    const { outcome, rule } = step;
    if (outcome.kind !== 'seamcall' || outcome.status !== 0n) {
      throw new RangeError(`TD image: expected success of step ${index}, got ${rule}`);
    }
    state = step.state;
  }
  return state;
}

/**
 * TDG.MR.REPORT with operands that pass every check, as those of a kernel do: the report, and the
 * TD with its TEE_INFO_HASH cached.
 *
 * @param reportData 64 bytes
 */
export function report(
  td: TdState,
  reportData: Uint8Array,
): { readonly td: TdState; readonly report: Uint8Array } {
  const hashed = withInfoHash(td);
  return { td: hashed, report: makeReport(hashed, reportData, FEATURES) };
}

/**
 * TDG.MR.RTMR.EXTEND with operands that pass every check.
 *
 * @param index 0 to 3
 * @param digest 48 bytes
 */
export function extend(td: TdState, index: number, digest: Uint8Array): TdState {
  return extendRtmr(td, index, digest, FEATURES);
}
