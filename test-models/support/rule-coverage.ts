// SPDX-License-Identifier: MIT
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { AnyOperation, Model, RuleId, Step } from '@kernel-models/model-core';

/**
 * Where test files leave the rules that they reached; `scripts/test.mjs` sets it and judges what it
 * finds there after the last file (or the last shard).
 */
const FOLDER = process.env['KM_RULE_COVERAGE'];

interface ModelRules {
  readonly declared: readonly RuleId[];
  readonly reached: Set<RuleId>;
}

const models = new Map<string, ModelRules>();

if (FOLDER !== undefined && FOLDER !== '') {
  afterAll(() => {
    if (models.size === 0) return;
    mkdirSync(FOLDER, { recursive: true });
    const rules = Object.fromEntries(
      [...models].map(([model, { declared, reached }]) => [
        model,
        { declared, reached: [...reached].sort() },
      ]),
    );
    const file = `${process.pid}-${Math.random().toString(36).slice(2)}.json`;
    writeFileSync(join(FOLDER, file), JSON.stringify(rules));
  });
}

/**
 * The same model, with every rule that it produces counted for the suite's rule coverage. Properties
 * and tests import models through this.
 */
export function covered<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
): Model<State, Operation, Outcome, Setup> {
  const { reached } = register(model);
  const record = (step: Step<State, Outcome>): Step<State, Outcome> => {
    reached.add(step.rule);
    for (const rule of step.trail) reached.add(rule);
    return step;
  };
  const { allowed } = model;
  return {
    ...model,
    apply: (state, operation, revision) => record(model.apply(state, operation, revision)),
    ...(allowed !== undefined && {
      allowed: (state, operation, revision) =>
        allowed.call(model, state, operation, revision).map(record),
    }),
  };
}

/**
 * The same for a model that tests use as it is: counts its rules in place. For the set-up files of
 * packages, whose own tests then count too.
 */
export function countRules<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
): void {
  const { apply, allowed } = covered({ ...model });
  Object.assign(model, { apply }, allowed === undefined ? {} : { allowed });
}

function register({
  name,
  rules,
}: {
  readonly name: string;
  readonly rules: readonly { readonly id: RuleId }[];
}): ModelRules {
  const known = models.get(name);
  if (known !== undefined) return known;
  const fresh = { declared: rules.map(({ id }) => id), reached: new Set<RuleId>() };
  models.set(name, fresh);
  return fresh;
}
