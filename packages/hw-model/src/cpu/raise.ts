// SPDX-License-Identifier: MIT
import { combineExceptions, VECTOR, type Vector } from './exception.ts';
import type { ControlState } from './state.ts';
import { faultOutcome, NO_TRAIL, type CpuStep } from './step.ts';

/**
 * An exception that an instruction, or the delivery of another exception, raises. What reaches a
 * handler is that exception or a double fault; a fault while a double fault is delivered shuts the
 * CPU down. Intel SDM volume 3, "Interrupt and Exception Handling", double fault.
 *
 * @param errorCode what the exception would push; a double fault pushes 0
 * @param during the exception that is being delivered, if one is
 */
export function raise(
  state: ControlState,
  vector: Vector,
  errorCode: number,
  during?: Vector,
): CpuStep {
  const combined = during === undefined ? 'serial' : combineExceptions(during, vector);
  switch (combined) {
    case 'serial': {
      const outcome = faultOutcome(state, vector, errorCode);
      return { state, outcome, rule: 'exception.delivered', trail: NO_TRAIL };
    }
    case 'double-fault': {
      const outcome = faultOutcome(state, VECTOR.DF);
      return { state, outcome, rule: 'exception.double-fault', trail: NO_TRAIL };
    }
    case 'shutdown':
      return {
        state: { ...state, activity: 'shutdown' },
        outcome: { kind: 'shutdown' },
        rule: 'exception.triple-fault',
        trail: NO_TRAIL,
      };
  }
}
