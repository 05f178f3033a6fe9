// SPDX-License-Identifier: MIT
import type { AnyOperation, RevisionId } from '@kernel-models/model-core';
import type { Subsystem } from './subsystem.ts';
import type { Target } from './target.ts';

/** How the name of a target that is a revision of the model begins: `model:linux-6.12`. */
export const MODEL_TARGET_PREFIX = 'model:';

/**
 * A revision of the model in the place of a real thing: what `fuzz` and `shrink` run against where
 * two
 * revisions are to be told apart, or where the machinery itself is to be tried without a kernel.
 */
export function modelTarget<State, Operation extends AnyOperation, Outcome, Setup>(
  { model }: Subsystem<State, Operation, Outcome, Setup>,
  revision: RevisionId,
): Target<Setup, Operation, Outcome> {
  return {
    name: `${MODEL_TARGET_PREFIX}${revision}`,
    models: [model.name],
    touches: 'runs the model only',
    available: async () => ({
      ok: true,
      source: { kind: 'model', kernel: revision, tool: `the ${model.name} model` },
      revision,
    }),
    async *run(setup, operations) {
      let state = model.initial(setup);
      for (const operation of operations) {
        const step = model.apply(state, operation, revision);
        state = step.state;
        yield step.outcome;
      }
    },
    close: async () => undefined,
  };
}
