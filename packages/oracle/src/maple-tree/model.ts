// SPDX-License-Identifier: MIT
import {
  canonicalJson,
  type Json,
  type Model,
  type RevisionId,
  type Step,
} from '@kernel-models/model-core';
import { LINUX_6_12 } from '@kernel-models/maple-tree';
import { contentOf, matches, wrongAnswer } from './content.ts';
import { decodeOperation, encodeOperation, type Operation } from './operation.ts';
import { decodeOutcome, encodeOutcome, type Outcome } from './outcome.ts';
import { featuresOf, REVISIONS } from './revisions.ts';
import { ruleOf, RULES } from './rules.ts';
import { openSession, type AnySession } from './session.ts';
import { decodeSetup, type Setup } from './setup.ts';

/**
 * A tree and a cursor at one moment. The session in it is never run, only branched from; whoever
 * looks
 * at a state as data, to print or compare it, sees `view`.
 */
export class State {
  readonly #session: AnySession;
  declare readonly view: Json;

  constructor(session: AnySession) {
    this.#session = session;
    // Made only when somebody looks: a state is born at every operation.
    Object.defineProperty(this, 'view', { enumerable: true, get: () => session.describe() });
  }

  get session(): AnySession {
    return this.#session;
  }
}

/** Operations that leave the tree and the cursor as they are. */
const READS: ReadonlySet<string> = new Set(['load', 'find', 'find_after', 'next', 'prev', 'dump']);

const NO_TRAIL: readonly string[] = Object.freeze([]);

/**
 * The maple tree as a model: what lib/maple_tree.c answers, and what becomes of its nodes. Every
 * state
 * is a snapshot, so histories branch.
 */
export const mapleTreeModel: Model<State, Operation, Outcome, Setup> = {
  name: 'maple-tree',
  revisions: REVISIONS,
  rules: RULES,
  codec: {
    decodeSetup: (json) => decodeSetup(json, 'setup'),
    encodeSetup: (setup) => ({ ...setup }),
    decodeOperation,
    encodeOperation,
    decodeOutcome,
    encodeOutcome,
  },
  initial: (setup) => new State(openSession(setup, { rules: LINUX_6_12 })),
  apply,
  allowed,
  matches,
  key: ({ view }) => canonicalJson(view),
  invariants: [
    {
      id: 'maple-tree.valid',
      sentence: 'The tree keeps the invariants I1 to I5 of its structure.',
      holds: ({ step }) => {
        step.state.session.tree.validate();
        return true;
      },
    },
  ],
};

function apply(state: State, operation: Operation, revision: RevisionId): Step<State, Outcome> {
  const features = featuresOf(revision);
  const reads = READS.has(operation.op);
  // A class of its own answers reads in its own way, whatever the state was made by.
  const sees = reads && features.treeClass === undefined && features.nodes === undefined;
  const session = sees ? state.session : state.session.branch(features);
  const outcome = session.run(operation);
  return {
    // After a fault there is no machine left to be in another state.
    state: reads || outcome.kind === 'fault' ? state : new State(session),
    outcome: features.nodes === undefined ? outcome : contentOf(outcome),
    rule: ruleOf(operation, outcome),
    trail: NO_TRAIL,
  };
}

/** Two wrong answers of 6.12 depend on its nodes: by the content alone it may give them or not. */
function allowed(
  state: State,
  operation: Operation,
  revision: RevisionId,
): readonly Step<State, Outcome>[] {
  const step = apply(state, operation, revision);
  const { nodes } = featuresOf(revision);
  const wrong = nodes === undefined ? null : wrongAnswer(state.session, operation, step.outcome);
  if (wrong === null) return [step];
  const { outcome, session } = wrong;
  const rule = ruleOf(operation, outcome);
  return [step, { state: new State(session), outcome: contentOf(outcome), rule, trail: NO_TRAIL }];
}
