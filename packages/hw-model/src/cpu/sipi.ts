// SPDX-License-Identifier: MIT
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import { deliverLatched } from './smm.ts';
import { sameShape, type ControlState } from './state.ts';
import { done, NO_TRAIL, type CpuStep } from './step.ts';

/**
 * A start-up IPI: a CPU that waits for it runs in real mode from a page below 1 MiB, and takes what
 * it kept while it waited. Any other CPU does not hear it. Intel SDM volume 3, "Multiple-Processor
 * Management", MP initialization.
 *
 * @param vector page number, 0 to 255
 */
export function sipi(
  state: ControlState,
  vector: number,
  implementation: Implementation = ARCHITECTURE,
): CpuStep {
  if (state.activity !== 'wait-for-sipi') {
    return { state, outcome: { kind: 'ignored' }, rule: 'sipi.not-waiting', trail: NO_TRAIL };
  }
  const cs = { selector: vector << 8, base: BigInt(vector) << 12n, l: false, d: false };
  const started = sameShape({ ...state, cs, rip: 0n, activity: 'active' });
  return done(deliverLatched(started, implementation), 'sipi.started');
}
