// SPDX-License-Identifier: MIT
import {
  compareRevisions,
  type AnyOperation,
  type RevisionDifference,
} from '@kernel-models/model-core';
import { describeOperation, describeOutcome } from '../../describe.ts';
import { EXIT } from '../../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../../report/check-json.ts';
import { plural } from '../../report/table.ts';
import type { AnySubsystem } from '../../subsystem.ts';
import { revisionOf, subsystemOf } from '../../subsystems.ts';
import type { CommandIo } from '../io.ts';
import { jsonOption, wholeNumber } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { worldOf } from './explore.ts';

interface DiffFlags {
  readonly world?: string;
  readonly depth?: number;
  readonly max: number;
  readonly json?: boolean;
}

type Difference = RevisionDifference<unknown, AnyOperation, unknown, unknown>;

/** `kernel-oracle diff`: how two revisions differ. */
export const diffCommand: AddCommand = (program, run) => {
  program
    .command('diff <model> <revision> <revision>')
    .description('shortest operation sequences that two revisions answer differently')
    .option('--world <name>', 'in which small world; default: every one of the model')
    .option('--depth <n>', 'longest sequence; default: the world’s own', wholeNumber('--depth'))
    .option('--max <n>', 'how many differences', wholeNumber('--max', 1), 10)
    .addOption(jsonOption())
    .action((model: string, left: string, right: string, flags: DiffFlags) =>
      run((io) => runDiff(io, model, [left, right], flags)),
    );
};

async function runDiff(
  io: CommandIo,
  model: string,
  [left, right]: readonly [string, string],
  flags: DiffFlags,
): Promise<number> {
  const subsystem = subsystemOf(model);
  const revisions = [
    revisionOf(subsystem, left, 'revision'),
    revisionOf(subsystem, right, 'revision'),
  ] as const;
  const worlds =
    flags.world === undefined ? subsystem.explorations : [worldOf(subsystem, flags.world)];
  const differences: Difference[] = [];
  let complete = true;
  for (const world of worlds) {
    const result = compareRevisions(subsystem.model, {
      revisions,
      setups: world.setups,
      operations: world.operations,
      depth: flags.depth ?? world.defaultDepth,
      maxDifferences: flags.max,
    });
    differences.push(...result.differences);
    complete &&= result.complete;
  }
  const shortest = distinctByRules(differences)
    .sort((a, b) => a.operations.length - b.operations.length)
    .slice(0, flags.max);
  io.out(
    flags.json === true
      ? `${JSON.stringify(diffJson(subsystem, revisions, shortest, complete), null, 2)}\n`
      : diffText(subsystem, revisions, shortest, complete),
  );
  if (shortest.length > 0) return EXIT.diverge;
  return complete ? EXIT.agree : EXIT.inconclusive;
}

/** Two worlds may show the same difference; the first that does is kept. */
function distinctByRules(differences: readonly Difference[]): Difference[] {
  const byRules = new Map<string, Difference>();
  for (const difference of differences) {
    const rules = causeOf(difference);
    if (!byRules.has(rules)) byRules.set(rules, difference);
  }
  return [...byRules.values()];
}

/** Where both sides go by one rule, the last operation only sees what one before it did. */
function causeOf({ operations, steps: [left, right] }: Difference): string {
  const rules = `${left.rule} ${right.rule}`;
  return left.rule === right.rule ? `${rules} ${operations.at(-2)?.op ?? ''}` : rules;
}

function diffText(
  subsystem: AnySubsystem,
  [left, right]: readonly [string, string],
  differences: readonly Difference[],
  complete: boolean,
): string {
  const rules = new Map(subsystem.model.rules.map((rule) => [rule.id, rule.sentence]));
  const width = Math.max(left.length, right.length);
  const blocks = differences.map(({ operations, steps }) => {
    const lines = operations.map((operation) => `  ${describeOperation(subsystem, operation)}`);
    const sides = [left, right].map((revision, index) => {
      const step = steps[index as 0 | 1];
      return (
        `    ${revision.padEnd(width)}  ${describeOutcome(subsystem, step.outcome)}\n` +
        `    ${' '.repeat(width)}  ${step.rule}: ${rules.get(step.rule) ?? ''}`
      );
    });
    return [...lines, ...sides].join('\n');
  });
  const end = complete ? 'every sequence to that depth was tried' : 'the search was cut short';
  return `${[...blocks, `${plural(differences.length, 'difference')}; ${end}`].join('\n\n')}\n`;
}

function diffJson(
  { model }: AnySubsystem,
  revisions: readonly [string, string],
  differences: readonly Difference[],
  complete: boolean,
): unknown {
  return {
    version: JSON_OUTPUT_VERSION,
    model: model.name,
    revisions,
    complete,
    differences: differences.map(({ setup, operations, steps }) => ({
      setup: model.codec.encodeSetup(setup),
      operations: operations.map((operation) => model.codec.encodeOperation(operation)),
      outcomes: steps.map(({ outcome }) => model.codec.encodeOutcome(outcome)),
      rules: steps.map(({ rule }) => rule),
    })),
  };
}
