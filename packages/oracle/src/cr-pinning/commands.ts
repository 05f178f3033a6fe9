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
import type { CommandIo } from '../cli/io.ts';
import { jsonOption } from '../cli/options.ts';
import type { AddCommand } from '../cli/program.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../report/check-json.ts';
import { formatTable } from '../report/table.ts';
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

interface MatrixFlags {
  readonly defence: readonly string[];
  readonly json?: boolean;
}

function addMatrix(pinning: Command, run: Runner): void {
  pinning
    .command('matrix')
    .description('every attack against every defence, a verdict in each cell')
    .addOption(
      new Option('--defence <revision...>', 'only these')
        .choices(crPinningModel.revisions.map(({ id }) => id))
        .default(DEFENCES, 'all that are not bugs'),
    )
    .addOption(jsonOption())
    .action((flags: MatrixFlags) => run(async (io) => printMatrix(io, flags)));
}

function printMatrix(io: CommandIo, { defence, json }: MatrixFlags): number {
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
}

function addRun(pinning: Command, run: Runner): void {
  pinning
    .command('run <scenario>')
    .description('one attack step by step, with the registers and the rule that decided')
    .addOption(
      new Option('--defence <revision>', 'what it runs against')
        .choices(crPinningModel.revisions.map(({ id }) => id))
        .default('posted-2020-06'),
    )
    .action((name: string, flags: RunFlags) => run(async (io) => printRun(io, name, flags)));
}

function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const known = SCENARIOS.map(({ id }) => id).join(', ');
  throw new UsageError(`scenario: expected one of ${known}; got ${name}`);
}

function printRun(io: CommandIo, name: string, { defence }: RunFlags): number {
  const scenario = scenarioNamed(name);
  const result = runScenario(scenario, defence);
  io.out(`${scenario.id} against ${defence}: ${scenario.title}\n\n`);
  io.out(`${stepTable(result)}\n\n`);
  io.out(`verdict: ${result.verdict}\n${decision(result)}`);
  return EXIT.agree;
}

function stepTable({ scenario, machine }: ScenarioResult): string {
  let before = initialState({ ...USUAL_SETUP, ...scenario.setup });
  const rows = machine.log.map((done, index) => {
    const { operation, step } = done;
    const { cr0, cr4, on, pinned } = registerWords(done);
    const who = actorOf(before, operation);
    before = step.state;
    const outcome = outcomeWords(step.outcome);
    const what = operationWords(operation, machine);
    return [String(index), who, what, outcome, step.rule, cr0, cr4, on, pinned];
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
