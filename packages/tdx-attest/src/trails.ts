// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';

/** A trail without a check. */
export const NO_TRAIL: readonly RuleId[] = Object.freeze([]);

/**
 * Checks in their fixed order; gives each its shared trail: the checks before it.
 *
 * @throws RangeError for a rule that is not among them: that is a defect of the caller
 */
export function inOrder<Name extends RuleId>(
  ...rules: readonly Name[]
): (rule: Name) => readonly RuleId[] {
  const trails = new Map<Name, readonly Name[]>(
    rules.map((rule, index) => [rule, Object.freeze(rules.slice(0, index))]),
  );
  return (rule) => {
    const trail = trails.get(rule);
    if (trail === undefined) throw new RangeError(`rule: expected one of the order, got ${rule}`);
    return trail;
  };
}
