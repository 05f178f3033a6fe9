// SPDX-License-Identifier: MIT
import { Option, type Command } from 'commander';
import {
  crPinningModel,
  DEFENCES,
  formatMatrix,
  initialState,
  runScenario,
  SCENARIOS,
  threatMatrix,
  USUAL_SETUP,
  type Done,
  type Scenario,
  type ScenarioResult,
} from '@kernel-models/cr-pinning';
import type { Json } from '@kernel-models/model-core';
import type { CommandIo } from '../cli/io.ts';
import { jsonOption } from '../cli/options.ts';
import type { AddCommand } from '../cli/program.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../report/check-json.ts';
import { formatTable } from '../report/table.ts';
import { revisionOf } from '../subsystems.ts';
import { crPinningSubsystem } from './subsystem.ts';
import { actorOf, operationWords, outcomeWords, registerWords } from './words.ts';

/**
 * `kernel-oracle pinning`: which attack on control registers which defence stops, by running it.
 */
export const pinningCommand: AddCommand = (program, run) => {
  const pinning = program
    .command('pinning')
    .description('attacks on CR0 and CR4, run against each defence');
  addMatrix(pinning, run);
  addRun(pinning, run);
};

type Runner = Parameters<AddCommand>[1];

const KNOWN_DEFENCES = 'revisions that `kernel-oracle models cr-pinning` lists';

interface MatrixFlags {
  readonly defence: readonly string[];
  readonly json?: boolean;
}

function addMatrix(pinning: Command, run: Runner): void {
  pinning
    .command('matrix')
    .description('every attack against every defence, a verdict in each cell')
    .addOption(
      new Option('--defence <revision...>', `only these: ${KNOWN_DEFENCES}`).default(
        DEFENCES,
        'all that are not bugs',
      ),
    )
    .addOption(jsonOption())
    .action((flags: MatrixFlags) => run(async (io) => printMatrix(io, flags)));
}

function printMatrix(io: CommandIo, { defence, json }: MatrixFlags): number {
  for (const revision of defence) revisionOf(crPinningSubsystem, revision, '--defence');
  const matrix = threatMatrix(defence);
  if (json !== true) {
    io.out(formatMatrix(matrix));
    return EXIT.agree;
  }
  const attacks = matrix.rows.map(({ scenario: { id, title, attacker }, verdicts }) => ({
    id,
    title,
    attacker,
    verdicts: Object.fromEntries(defence.map((revision, column) => [revision, verdicts[column]])),
  }));
  const result = { version: JSON_OUTPUT_VERSION, defences: defence, attacks };
  io.out(`${JSON.stringify(result, null, 2)}\n`);
  return EXIT.agree;
}

interface RunFlags {
  readonly defence: string;
  readonly json?: boolean;
}

function addRun(pinning: Command, run: Runner): void {
  pinning
    .command('run <scenario>')
    .description('one attack step by step, with the registers and the rule that decided')
    .addOption(
      new Option('--defence <revision>', `what it runs against: ${KNOWN_DEFENCES}`).default(
        'posted-2020-06',
      ),
    )
    .addOption(jsonOption())
    .action((name: string, flags: RunFlags) => run(async (io) => printRun(io, name, flags)));
}

function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const known = SCENARIOS.map(({ id }) => id).join(', ');
  throw new UsageError(`scenario: expected one of ${known}; got ${name}`);
}

function printRun(io: CommandIo, name: string, { defence, json }: RunFlags): number {
  const scenario = scenarioNamed(name);
  revisionOf(crPinningSubsystem, defence, '--defence');
  const result = runScenario(scenario, defence);
  if (json === true) {
    io.out(`${JSON.stringify(runJson(result, defence), null, 2)}\n`);
    return EXIT.agree;
  }
  io.out(`${scenario.id} against ${defence}: ${scenario.title}\n\n`);
  io.out(`${stepTable(result)}\n\n`);
  io.out(`verdict: ${result.verdict}\n${decision(result)}`);
  return EXIT.agree;
}

/** What was done, each with who did it. */
function actedSteps({
  scenario,
  machine,
}: ScenarioResult): readonly (Done & { readonly who: string })[] {
  let before = initialState({ ...USUAL_SETUP, ...scenario.setup });
  return machine.log.map((done) => {
    const who = actorOf(before, done.operation);
    before = done.step.state;
    return { ...done, who };
  });
}

function runJson(result: ScenarioResult, defence: string): Json {
  const { codec } = crPinningModel;
  const { id, title, attacker } = result.scenario;
  const deciding = decidingStep(result);
  return {
    version: JSON_OUTPUT_VERSION,
    attack: { id, title, attacker },
    defence,
    verdict: result.verdict,
    decidingStep: deciding === undefined ? null : result.machine.log.indexOf(deciding),
    steps: actedSteps(result).map((done) => ({
      who: done.who,
      operation: codec.encodeOperation(done.operation),
      outcome: codec.encodeOutcome(done.step.outcome),
      rule: done.step.rule,
      trail: done.step.trail,
      registers: { ...registerWords(done) },
    })),
  };
}

function stepTable(result: ScenarioResult): string {
  const rows = actedSteps(result).map((done, index) => {
    const { cr0, cr4, on, pinned } = registerWords(done);
    const { outcome, rule } = done.step;
    const what = operationWords(done.operation, result.machine);
    return [String(index), done.who, what, outcomeWords(outcome), rule, cr0, cr4, on, pinned];
  });
  const titles = ['', 'who', 'does', 'outcome', 'rule', 'CR0', 'CR4', 'on', 'pinned'];
  return formatTable(
    titles.map((title) => ({ title })),
    rows,
  );
}

/**
 * The step that decided: the last one at which something was refused, put back or stopped; where
 * nothing was, the last one.
 */
function decidingStep({ machine: { log } }: ScenarioResult): Done | undefined {
  const intervened = log.filter(
    ({ step: { outcome, rule } }) => outcome.kind !== 'done' || rule === 'nested.pins-forced',
  );
  return intervened.at(-1) ?? log.at(-1);
}

function decision(result: ScenarioResult): string {
  const deciding = decidingStep(result);
  const rule = crPinningModel.rules.find(({ id }) => id === deciding?.step.rule);
  if (deciding === undefined || rule === undefined) return '';
  const step = result.machine.log.indexOf(deciding);
  const { trail } = deciding.step;
  const after = trail.length === 0 ? '' : `  after ${trail.join(', ')}\n`;
  return `decided by ${rule.id} at step ${step}: ${rule.sentence}\n${after}  ${rule.origin}\n`;
}
