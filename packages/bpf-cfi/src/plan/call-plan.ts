// SPDX-License-Identifier: MIT
import { bootHash } from '../boot.ts';
import type { TargetFacts } from '../checked-call.ts';
import type { Seen } from '../outcome.ts';
import type { Scheme } from '../preamble.ts';
import { prototype } from '../prototypes.ts';
import type { Features } from '../revisions.ts';
import type { Scenario } from '../scenario.ts';
import type { State } from '../state.ts';

/*
 * A call, twice: as facts from which it is decided, and as bytes that can be executed.
 */

/** A call that is about to be made. */
export interface CallPlan {
  readonly scheme: Scheme;
  /** What the site expects; 0 where it checks nothing. */
  readonly hash: number;
  readonly target: TargetFacts;
  /** Where the branch goes, if it loads the pointer again. */
  readonly reached?: TargetFacts;
  /** What the callee returns; null where that is nothing. */
  readonly value: bigint | null;
  /** What tracing programs saw, where the callee is a function that may be traced. */
  readonly seen?: readonly Seen[];
  /** What the callee ends in: a page fault, by its error code, or never; null where it returns. */
  readonly fault: 'null-dereference' | 'lost-return' | 'patched-away' | 'runaway' | null;
  readonly scenario: () => Scenario;
}

/** The scheme of a booted kernel; undefined before. */
export function schemeOf({ setup, boot }: State, features: Features): Scheme | undefined {
  return boot === null ? undefined : { setup, boot, features };
}

/** The hash that functions and callers of a prototype have in a booted kernel. */
export function siteHash({ boot, features, setup }: Scheme, source: string): number {
  if (!setup.cfi) return 0;
  const { hash } = prototype(source);
  return boot.failed ? hash : bootHash(boot, hash, features);
}

/** A target, reached by the branch's own load where the revision has it so. */
export function reloadable(
  { features }: Scheme,
  target: TargetFacts,
): Pick<CallPlan, 'target' | 'reached'> {
  return features.callUses === 'memory' ? { target, reached: target } : { target };
}
