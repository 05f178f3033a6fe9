// SPDX-License-Identifier: MIT
import type { Outcome } from './outcome.ts';
import type { Features } from './revisions.ts';
import type { TdState, VeInfo } from './state.ts';
import { TDX_STATUS } from './status.ts';
import { inOrder, step, type TdStep } from './steps.ts';

const before = inOrder('ve-info.none', 've-info.success');

const NO_INFO: Outcome = Object.freeze({
  kind: 'completed',
  rax: TDX_STATUS.TDX_NO_VALID_VE_INFO,
  registers: Object.freeze({ rcx: 0n, rdx: 0n, r8: 0n, r9: 0n, r10: 0n }),
});

/** TDG.VP.VEINFO.GET (3): fetches and consumes what the last #VE was about. */
export function veInfoGet(td: TdState, { keepsVeInfo }: Features): TdStep {
  const { veInfo } = td;
  if (veInfo === null) return step(td, NO_INFO, 've-info.none', before('ve-info.none'));
  const outcome: Outcome = {
    kind: 'completed',
    rax: 0n,
    registers: {
      rcx: veInfo.exitReason,
      rdx: veInfo.exitQualification,
      r8: veInfo.guestLinearAddress,
      r9: veInfo.guestPhysicalAddress,
      r10: veInfo.instructionLength | (veInfo.instructionInfo << 32n),
    },
  };
  const consumed = keepsVeInfo ? td : { ...td, veInfo: null };
  return step(consumed, outcome, 've-info.success', before('ve-info.success'));
}

/**
 * Delivers a #VE. One whose information was not fetched yet turns the next into a #DF (the source
 * of 1.5.01; a comment there says #GP).
 */
export function injectVe(td: TdState, info: VeInfo): TdStep {
  if (td.veInfo !== null) return step(td, { kind: 'fault', vector: '#DF' }, 'inject-ve.nested');
  const delivered = { ...td, veInfo: { ...info } };
  return step(delivered, { kind: 'fault', vector: '#VE' }, 'inject-ve.success');
}
