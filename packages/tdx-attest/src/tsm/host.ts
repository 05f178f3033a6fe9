// SPDX-License-Identifier: MIT
import type { Features } from '../revisions.ts';
import type { HostOperation } from './operation.ts';
import { answer, passTime } from './quote-buffer.ts';
import type { TsmState } from './state.ts';
import { step, SUCCESS, type TsmStep } from './step.ts';

/** An act of the host. Memory that it shares it may write at any time. */
export function actAsHost(state: TsmState, operation: HostOperation, features: Features): TsmStep {
  const done = (after: TsmState): TsmStep => step(after, SUCCESS, 'host.acts');
  const { quoteBuffer } = state;
  switch (operation.op) {
    case 'set-host': {
      const { host } = state;
      return done({
        ...state,
        host: {
          hypercallStatus: operation.hypercallStatus ?? host.hypercallStatus,
          delay: operation.delay ?? host.delay,
          finalStatus: operation.finalStatus ?? host.finalStatus,
          outLen: operation.outLen ?? host.outLen,
        },
      });
    }
    case 'pass-time':
      return done(passTime(state, operation.milliseconds, features));
    case 'host-completes':
      if (quoteBuffer?.accepted !== true) return done(state);
      return done({
        ...state,
        answerDue: null,
        quoteBuffer: answer(quoteBuffer, state.host, features),
      });
    case 'host-writes': {
      if (quoteBuffer === null) return done(state);
      const { status, outLen, data } = operation;
      return done({
        ...state,
        quoteBuffer: {
          ...quoteBuffer,
          ...(status !== undefined && { status }),
          ...(outLen !== undefined && { outLen }),
          ...(data !== undefined && { data: data.slice() }),
        },
      });
    }
  }
}
