// SPDX-License-Identifier: MIT
import type { Rule, RuleId } from '@kernel-models/model-core';

/** A rule of the manuals that can be broken. */
export interface Check<Subject> extends Rule {
  readonly broken: (subject: Subject) => boolean;
}

/** Checks in the order in which they are made, with the trail at each of its points. */
export interface Checklist<Subject> {
  readonly checks: readonly Check<Subject>[];
  /** `trails[n]`: the checks before check n; the last one: all. */
  readonly trails: readonly (readonly RuleId[])[];
}

/** A check that was broken, with those that were made before it. */
export interface Broken {
  readonly rule: RuleId;
  readonly trail: readonly RuleId[];
}

/** Puts checks into an order. */
export function checklist<Subject>(checks: readonly Check<Subject>[]): Checklist<Subject> {
  const ids = checks.map(({ id }) => id);
  const trails = [...checks, undefined].map((_, index) => Object.freeze(ids.slice(0, index)));
  return Object.freeze({ checks: Object.freeze([...checks]), trails: Object.freeze(trails) });
}

/** The first check that a subject breaks, or undefined: it breaks none. */
export function firstBroken<Subject>(
  { checks, trails }: Checklist<Subject>,
  subject: Subject,
): Broken | undefined {
  let index = 0;
  for (const check of checks) {
    if (check.broken(subject)) return { rule: check.id, trail: trails[index] ?? [] };
    index += 1;
  }
  return undefined;
}

/** Every check that a subject breaks, in order. */
export function brokenChecks<Subject>(
  { checks }: Checklist<Subject>,
  subject: Subject,
): readonly RuleId[] {
  const broken: RuleId[] = [];
  for (const check of checks) if (check.broken(subject)) broken.push(check.id);
  return broken;
}

/** All checks of a list: the trail of what passed. */
export function fullTrail<Subject>({ checks, trails }: Checklist<Subject>): readonly RuleId[] {
  return trails[checks.length] ?? [];
}
