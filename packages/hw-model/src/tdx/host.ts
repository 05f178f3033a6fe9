// SPDX-License-Identifier: MIT
import { formatHex } from '@kernel-models/model-core';
import { LARGE_PAGE_SIZE, PAGE_SIZE } from './constants.ts';
import { classifyGpa, findEntry, largePageKey, staysInFrame, store } from './guest-memory.ts';
import type { HostOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { RuleName } from './rules.ts';
import type { TdState } from './state.ts';
import { operandInvalid, statusWith } from './status.ts';
import { inOrder, SEAMCALL_SUCCESS, step, type TdStep } from './steps.ts';
import { injectVe } from './ve-info.ts';

/* What the host does to a TD that runs. Mirrors the host-side interface of the ABI specification. */

type RuntimeOperation = Exclude<
  HostOperation,
  { readonly op: 'mng-init' | 'page-add' | 'mr-extend' | 'vp-init' | 'mr-finalize' }
>;

const DONE: Outcome = Object.freeze({ kind: 'done' });
const REFUSED: Outcome = Object.freeze({ kind: 'refused' });
const aug = inOrder('host.wrong-phase', 'page-aug.operand', 'page-aug.success');
const block = inOrder('host.wrong-phase', 'range-block.not-present', 'range-block.success');

/** One act of the host on a running TD. */
export function actOnRunning(td: TdState, operation: RuntimeOperation): TdStep {
  if (td.phase !== 'running') {
    const status = statusWith('TDX_OP_STATE_INCORRECT');
    return step(td, { kind: 'seamcall', status }, 'host.wrong-phase');
  }
  const done = (state: TdState): TdStep => step(state, DONE, 'host.done');
  switch (operation.op) {
    case 'page-aug':
      return pageAug(td, operation.gpa, operation.level);
    case 'range-block':
      return rangeBlock(td, operation.gpa);
    case 'lock-rtmr':
      return done({ ...td, rtmrLocked: operation.held });
    case 'lock-entry': {
      const found = operation.gpa === null ? undefined : findEntry(td, operation.gpa);
      return done({ ...td, lockedEntry: found?.key ?? null });
    }
    case 'inject-ve':
      return injectVe(td, operation.info);
    case 'host-write': {
      const { gpa, content } = operation;
      if (classifyGpa(td, gpa) !== 'shared' || !staysInFrame(gpa, content.length)) {
        return step(td, REFUSED, 'host.private-address');
      }
      return done(store(td, gpa, content));
    }
    case 'module-update':
      return done({ ...td, module: { ...td.module, teeTcbSvn2: operation.teeTcbSvn.slice() } });
  }
}

function pageAug(td: TdState, gpa: bigint, level: 0 | 1): TdStep {
  const size = level === 0 ? PAGE_SIZE : LARGE_PAGE_SIZE;
  const key = formatHex(gpa);
  if (gpa % BigInt(size) !== 0n || classifyGpa(td, gpa) !== 'private' || isTaken(td, gpa, level)) {
    return refuse(td, 'page-aug.operand', aug('page-aug.operand'));
  }
  const entry = { level, state: 'pending', accepted: 0 } as const;
  const state = { ...td, sept: { ...td.sept, [key]: entry } };
  return step(state, SEAMCALL_SUCCESS, 'page-aug.success', aug('page-aug.success'));
}

function isTaken(td: TdState, gpa: bigint, level: 0 | 1): boolean {
  if (findEntry(td, gpa) !== undefined) return true;
  return (
    level === 1 && Object.keys(td.sept).some((key) => largePageKey(BigInt(key)) === formatHex(gpa))
  );
}

function rangeBlock(td: TdState, gpa: bigint): TdStep {
  const found = findEntry(td, gpa);
  if (found === undefined) {
    return refuse(td, 'range-block.not-present', block('range-block.not-present'));
  }
  const entry = { ...found.entry, state: 'blocked' } as const;
  const state = { ...td, sept: { ...td.sept, [found.key]: entry } };
  return step(state, SEAMCALL_SUCCESS, 'range-block.success', block('range-block.success'));
}

function refuse(td: TdState, rule: RuleName, trail: readonly RuleName[]): TdStep {
  return step(td, { kind: 'seamcall', status: operandInvalid('RCX') }, rule, trail);
}
