// SPDX-License-Identifier: MIT
import { REPORTMACSTRUCT_SIZE } from './constants.ts';
import { access, bytesAt } from './guest-memory.ts';
import type { Tdcall } from './operation.ts';
import { everifyReport2 } from './platform.ts';
import type { TdState } from './state.ts';
import { operandInvalid, statusWith } from './status.ts';
import { completed, inOrder, step, SUCCESS, type TdStep } from './steps.ts';

const before = inOrder(
  'verify.alignment',
  'verify.gpa',
  'verify.cpusvn',
  'verify.mac',
  'verify.success',
);

const BAD_RCX = completed(operandInvalid('RCX'));
const BAD_CPUSVN = completed(statusWith('TDX_INVALID_CPUSVN'));
const BAD_MAC_STRUCT = completed(statusWith('TDX_INVALID_REPORTMACSTRUCT'));

/**
 * TDG.MR.VERIFYREPORT (22): RCX = private address of a REPORTMACSTRUCT. Checks the MAC, not the
 * hashes. In the order of checks of tdg_mr_verifyreport.c, Intel TDX Module 1.5.01.
 */
export function mrVerifyReport(td: TdState, { registers }: Tdcall): TdStep {
  const { rcx = 0n } = registers;
  const answer = (outcome: typeof BAD_RCX, rule: Parameters<typeof before>[0]): TdStep =>
    step(td, outcome, rule, before(rule));

  if (rcx % BigInt(REPORTMACSTRUCT_SIZE) !== 0n) return answer(BAD_RCX, 'verify.alignment');
  const operand = access(td, rcx, 'private');
  if (operand.kind === 'invalid') return answer(BAD_RCX, 'verify.gpa');
  if (operand.kind === 'stopped') {
    return step(td, operand.outcome, operand.rule, before('verify.gpa'));
  }
  switch (everifyReport2(td.platform, bytesAt(operand.frame, rcx, REPORTMACSTRUCT_SIZE))) {
    case 'invalid-cpusvn':
      return answer(BAD_CPUSVN, 'verify.cpusvn');
    case 'invalid-reportmacstruct':
      return answer(BAD_MAC_STRUCT, 'verify.mac');
    case 'success':
      return step(td, SUCCESS, 'verify.success', before('verify.success'));
  }
}
