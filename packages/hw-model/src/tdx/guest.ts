// SPDX-License-Identifier: MIT
import { access, bytesAt, staysInFrame, store } from './guest-memory.ts';
import type { GuestOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { TdState } from './state.ts';
import { step, type TdStep } from './steps.ts';

const DONE: Outcome = Object.freeze({ kind: 'done' });
const REFUSED: Outcome = Object.freeze({ kind: 'refused' });
const GENERAL_PROTECTION: Outcome = Object.freeze({ kind: 'fault', vector: '#GP' });

/** A load or store of the guest, by guest physical address, within one frame. */
export function accessMemory(td: TdState, operation: GuestOperation): TdStep {
  const { gpa } = operation;
  const size = operation.op === 'guest-read' ? operation.size : operation.content.length;
  if (td.phase !== 'running') return step(td, REFUSED, 'tdcall.not-running');
  if (!staysInFrame(gpa, size)) return step(td, REFUSED, 'memory.crosses-frame');
  const found = access(td, gpa, 'private-or-shared');
  // An address that the page tables cannot express faults before any walk.
  if (found.kind === 'invalid') return step(td, GENERAL_PROTECTION, 'memory.invalid-gpa');
  if (found.kind === 'stopped') return step(td, found.outcome, found.rule);
  return operation.op === 'guest-read'
    ? step(td, { kind: 'bytes', bytes: bytesAt(found.frame, gpa, size) }, 'memory.read')
    : step(store(td, gpa, operation.content), DONE, 'memory.write');
}
