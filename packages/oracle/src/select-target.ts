// SPDX-License-Identifier: MIT
import { UsageError } from './exit-code.ts';
import { MODEL_TARGET_PREFIX, modelTarget } from './model-target.ts';
import type { AnySubsystem, TargetOptions } from './subsystem.ts';
import { revisionOf } from './subsystems.ts';
import type { Availability, Target } from './target.ts';

/** A target that can answer here. */
export interface ReadyTarget {
  readonly target: Target;
  readonly availability: Availability<unknown> & { readonly ok: true };
}

/**
 * The target that a name means, else the first of the subsystem's that can answer here.
 *
 * @returns the target, or why there is none: each candidate with what it lacks
 * @throws UsageError where the model has no target of that name
 */
export async function selectTarget(
  subsystem: AnySubsystem,
  name: string | undefined,
  options: TargetOptions,
): Promise<ReadyTarget | { readonly skip: string }> {
  const reasons: string[] = [];
  for (const target of candidates(subsystem, name, options)) {
    const availability = await target.available();
    if (availability.ok) return { target, availability };
    reasons.push(`${target.name}: ${availability.skip}`);
    await target.close();
  }
  return { skip: reasons.length === 0 ? 'the model has no live target' : reasons.join('; ') };
}

function candidates(
  subsystem: AnySubsystem,
  name: string | undefined,
  options: TargetOptions,
): readonly Target[] {
  const targets = subsystem.targets(options);
  if (name === undefined) return targets;
  if (name.startsWith(MODEL_TARGET_PREFIX)) {
    return [
      modelTarget(
        subsystem,
        revisionOf(subsystem, name.slice(MODEL_TARGET_PREFIX.length), '--target'),
      ),
    ];
  }
  const chosen = targets.filter((target) => target.name === name);
  if (chosen.length > 0) return chosen;
  const known = targets.map((target) => target.name).join(', ');
  throw new UsageError(
    `--target: ${subsystem.model.name} has ${known} and ${MODEL_TARGET_PREFIX}<revision>; got ${name}`,
  );
}
