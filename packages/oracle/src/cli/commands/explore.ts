// SPDX-License-Identifier: MIT
import { explore, type AnyOperation, type ExploreResult } from '@kernel-models/model-core';
import { describeOperation, describeOutcome } from '../../describe.ts';
import { EXIT, UsageError } from '../../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../../report/check-json.ts';
import { formatCount, formatTable, plural } from '../../report/table.ts';
import type { AnySubsystem, Exploration } from '../../subsystem.ts';
import { subsystemOf } from '../../subsystems.ts';
import type { CommandIo } from '../io.ts';
import { jsonOption, revisionOption, wholeNumber } from '../options.ts';
import { Progress } from '../progress.ts';
import type { AddCommand } from '../program.ts';
import { effectiveRevision } from '../read.ts';

interface ExploreFlags {
  readonly world?: string;
  readonly depth?: number;
  readonly revision?: string;
  readonly maxStates: number;
  readonly json?: boolean;
}

/** `kernel-oracle explore`: every sequence up to a depth, held against the invariants. */
export const exploreCommand: AddCommand = (program, run) => {
  program
    .command('explore <model>')
    .description('try every sequence of operations up to a depth in a small world')
    .option('--world <name>', 'which small world; default: the first (see `models`)')
    .option('--depth <n>', 'longest sequence; default: the world’s own', wholeNumber('--depth'))
    .addOption(
      revisionOption('the revision to explore, with the invariants that it promises', 'the newest'),
    )
    .option('--max-states <n>', 'distinct states', wholeNumber('--max-states', 1), 1_000_000)
    .addOption(jsonOption())
    .action((model: string, flags: ExploreFlags) => run((io) => runExplore(io, model, flags)));
};

/**
 * A small world of a model by its name.
 *
 * @throws UsageError naming the worlds that there are
 */
export function worldOf(
  subsystem: AnySubsystem,
  name: string | undefined,
): Exploration<unknown, AnyOperation, unknown> {
  const worlds = subsystem.explorations;
  const world = name === undefined ? worlds[0] : worlds.find((one) => one.name === name);
  if (world !== undefined) return world;
  const known = worlds.map((one) => one.name).join(', ') || 'none';
  throw new UsageError(`--world: ${subsystem.model.name} has ${known}; got ${name ?? 'none'}`);
}

async function runExplore(io: CommandIo, model: string, flags: ExploreFlags): Promise<number> {
  const subsystem = subsystemOf(model);
  const world = worldOf(subsystem, flags.world);
  const revision = effectiveRevision(subsystem, flags.revision);
  const depth = flags.depth ?? world.defaultDepth;
  const progress = new Progress(io.interactive);
  const started = performance.now();
  const result = explore(subsystem.model, {
    revision,
    setups: world.setups,
    operations: world.operations,
    depth,
    maxStates: flags.maxStates,
    ...(world.sometimes !== undefined && { sometimes: world.sometimes }),
    onProgress: ({ depth: level, states, transitions }) =>
      progress.update(
        `${model} ${world.name}`,
        transitions,
        undefined,
        `, depth ${level}, ${formatCount(states)} states`,
      ),
  });
  progress.clear();
  const seconds = (performance.now() - started) / 1000;
  const named = Object.keys(world.sometimes ?? {});
  const unreached = named.filter((name) => !result.reached.has(name));
  io.out(
    flags.json === true
      ? `${JSON.stringify(exploreJson(subsystem, result, { revision, depth, seconds, unreached }), null, 2)}\n`
      : exploreText(subsystem, result, { world, revision, depth, seconds, unreached }),
  );
  if (result.counterexample !== undefined) return EXIT.diverge;
  return result.complete ? EXIT.agree : EXIT.inconclusive;
}

type Result = ExploreResult<unknown, AnyOperation, unknown, unknown>;

interface Facts {
  readonly revision: string;
  readonly depth: number;
  readonly seconds: number;
  readonly unreached: readonly string[];
}

function exploreText(
  subsystem: AnySubsystem,
  result: Result,
  {
    world,
    revision,
    depth,
    seconds,
    unreached,
  }: Facts & { readonly world: Exploration<unknown, AnyOperation, unknown> },
): string {
  const { states, transitions, statesPerDepth, counterexample } = result;
  const lines = [
    `${subsystem.model.name} ${revision}, world ${world.name}: ${world.sentence}`,
    '',
    formatTable(
      [
        { title: 'depth', align: 'right' },
        { title: 'new states', align: 'right' },
      ],
      statesPerDepth.map((count, level) => [String(level), formatCount(count)]),
    ),
    '',
    `${plural(states, 'state')}, ${plural(transitions, 'transition')} to depth ${depth}, ` +
      `${formatCount(transitions / seconds)} transitions/s; ${howFar(result)}`,
    ...unreached.map((name) => `never reached: ${name}`),
  ];
  if (counterexample !== undefined) {
    lines.push('', `BROKEN ${counterexample.invariant}: ${counterexample.sentence}`);
    for (const [index, operation] of counterexample.operations.entries()) {
      lines.push(`  ${index}  ${describeOperation(subsystem, operation)}`);
    }
    lines.push(
      `     -> ${describeOutcome(subsystem, counterexample.step.outcome)} (${counterexample.step.rule})`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function howFar({ counterexample, exhausted, complete }: Result): string {
  if (counterexample !== undefined) return 'ended at a counterexample';
  if (!complete) return 'not complete: the cap on states was reached (--max-states)';
  return exhausted ? 'complete: there is no further state at any depth' : 'complete to that depth';
}

function exploreJson(subsystem: AnySubsystem, result: Result, facts: Facts): unknown {
  const { codec, name } = subsystem.model;
  const { counterexample } = result;
  return {
    version: JSON_OUTPUT_VERSION,
    model: name,
    revision: facts.revision,
    depth: facts.depth,
    complete: result.complete,
    exhausted: result.exhausted,
    states: result.states,
    transitions: result.transitions,
    statesPerDepth: result.statesPerDepth,
    elapsed: facts.seconds,
    rules: Object.fromEntries(result.rules),
    unreached: facts.unreached,
    counterexample:
      counterexample === undefined
        ? null
        : {
            invariant: counterexample.invariant,
            sentence: counterexample.sentence,
            setup: codec.encodeSetup(counterexample.setup),
            operations: counterexample.operations.map((one) => codec.encodeOperation(one)),
            outcome: codec.encodeOutcome(counterexample.step.outcome),
            rule: counterexample.step.rule,
          },
  };
}
