// SPDX-License-Identifier: MIT
import type { TargetFacts } from '../checked-call.ts';
import { prefixNops, type Arity, type Scheme } from '../preamble.ts';

function guardOf({ boot, features }: Scheme, arity: Arity, jit: boolean): 'own' | 'arity-thunk' {
  const bhi = boot.bhi && arity > 0 && features.layout !== 'linux-6.2';
  const inline = arity === 1 && !boot.warn && !jit;
  return bhi && !inline ? 'arity-thunk' : 'own';
}

/** The preamble in front of an entry, if the scheme has any. */
export function preambleFacts(
  scheme: Scheme,
  hash: number,
  arity: Arity,
  sealed: boolean,
  jit: boolean,
): TargetFacts['preamble'] {
  const { setup, boot, features } = scheme;
  if (!setup.cfi) return null;
  if (boot.mode === 'FINEIBT' && (jit || !boot.failed)) {
    const hashDistance = features.layout === 'linux-6.18' ? 11 : 9;
    const guard = guardOf(scheme, arity, jit);
    return { scheme: 'fineibt', hash, size: 16, hashDistance, sealed, guard };
  }
  const nops = jit ? jitPrefix(scheme) : prefixNops(setup);
  return { scheme: 'kcfi', hash, size: nops + 5, hashDistance: nops + 4, sealed, guard: 'own' };
}

function jitPrefix({ setup, features }: Scheme): number {
  if (!setup.padding) return 0;
  return features.offset === 'sixteen' ? 11 : prefixNops(setup);
}
