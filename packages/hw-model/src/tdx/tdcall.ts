// SPDX-License-Identifier: MIT
import { hasLeaf, MODELLED_LEAVES } from './leaves.ts';
import { mrReport } from './mr-report.ts';
import type { Tdcall } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { pageAccept } from './page-accept.ts';
import type { Features } from './revisions.ts';
import { rtmrExtend } from './rtmr-extend.ts';
import type { TdState } from './state.ts';
import { operandInvalid } from './status.ts';
import { completed, inOrder, step, type TdStep } from './steps.ts';
import { veInfoGet } from './ve-info.ts';
import { mrVerifyReport } from './verify-report-leaf.ts';
import { vpVmcall } from './vmcall.ts';
import { vpInfo } from './vp-info.ts';

const before = inOrder(
  'tdcall.not-running',
  'tdcall.cpl',
  'tdcall.long-mode',
  'tdcall.reserved',
  'tdcall.unknown-leaf',
  'tdcall.unmodelled-leaf',
);

const UNDEFINED_OPCODE: Outcome = Object.freeze({ kind: 'fault', vector: '#UD' });
const GENERAL_PROTECTION: Outcome = Object.freeze({ kind: 'fault', vector: '#GP' });
const UNMODELLED: Outcome = Object.freeze({ kind: 'unmodelled' });
const BAD_RAX = completed(operandInvalid('RAX'));

/** RAX bits 63:24. */
const RESERVED = 0xffff_ffff_ff00_0000n;
/** TDG.VM.RD is the one leaf with a version 1, in 1.5. */
const VERSIONED_LEAF = 7;

/**
 * TDCALL: the checks before any leaf, then the leaf. Mirrors td_call(), tdx_td_dispatcher.c, Intel
 * TDX Module 1.5.01.
 */
export function tdcall(td: TdState, call: Tdcall, features: Features): TdStep {
  const refuse = (outcome: Outcome, rule: Parameters<typeof before>[0]): TdStep =>
    step(td, outcome, rule, before(rule));

  if (td.phase !== 'running') return refuse(UNDEFINED_OPCODE, 'tdcall.not-running');
  if (call.cpl > 0) return refuse(GENERAL_PROTECTION, 'tdcall.cpl');
  if (!call.longMode) return refuse(GENERAL_PROTECTION, 'tdcall.long-mode');

  const { rax = 0n } = call.registers;
  const leaf = Number(rax & 0xffffn);
  const version = Number((rax >> 16n) & 0xffn);
  const maxVersion = leaf === VERSIONED_LEAF && features.version === '1.5' ? 1 : 0;
  if ((rax & RESERVED) !== 0n || version > maxVersion) return refuse(BAD_RAX, 'tdcall.reserved');
  if (!hasLeaf(leaf, features.version)) return refuse(BAD_RAX, 'tdcall.unknown-leaf');

  switch (MODELLED_LEAVES.get(leaf)) {
    case 'TDG.VP.VMCALL':
      return vpVmcall(td, call);
    case 'TDG.VP.INFO':
      return vpInfo(td, features);
    case 'TDG.MR.RTMR.EXTEND':
      return rtmrExtend(td, call, features);
    case 'TDG.VP.VEINFO.GET':
      return veInfoGet(td, features);
    case 'TDG.MR.REPORT':
      return mrReport(td, call, features);
    case 'TDG.MEM.PAGE.ACCEPT':
      return pageAccept(td, call, features);
    case 'TDG.MR.VERIFYREPORT':
      return mrVerifyReport(td, call);
    case undefined:
      return refuse(UNMODELLED, 'tdcall.unmodelled-leaf');
  }
}
