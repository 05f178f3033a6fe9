// SPDX-License-Identifier: MIT
import { Option } from 'commander';
import { check, type CheckReport } from '../../check.ts';
import { BISECT_EXIT, EXIT } from '../../exit-code.ts';
import { checkJson } from '../../report/check-json.ts';
import { formatJunit } from '../../report/check-junit.ts';
import { formatKtap } from '../../report/check-ktap.ts';
import { formatCheck } from '../../report/check-text.ts';
import { formatHtml } from '../../report/check-html.ts';
import type { TargetOptions } from '../../subsystem.ts';
import { revisionOf, selectSubsystems } from '../../subsystems.ts';
import type { CommandIo } from '../io.ts';
import {
  jsonOption,
  pickTargetOptions,
  revisionOption,
  seedOption,
  targetOptions,
  wholeNumber,
} from '../options.ts';
import { Progress } from '../progress.ts';
import type { AddCommand } from '../program.ts';
import { save } from '../write.ts';

interface CheckFlags extends TargetOptions {
  readonly target: readonly string[];
  readonly live?: boolean;
  readonly revision?: string;
  readonly runs: number;
  readonly seed: number;
  readonly json?: boolean;
  readonly format: 'text' | 'ktap' | 'junit' | 'html';
  readonly bisect?: boolean;
  readonly recordings?: string;
  readonly save: string;
}

/** `kernel-oracle check`: the main job. */
export const checkCommand: AddCommand = (program, run) => {
  const command = program
    .command('check [model...]')
    .description('hold models against recordings of real kernels and against this host')
    .addOption(
      new Option(
        '--target <name...>',
        'only these: recording (every recording), the name of one, or a live target: live, via, ' +
          'kernel ... (`kernel-oracle models <model>` lists them)',
      ).default([], 'all'),
    )
    .option('--live', 'a live target that cannot answer makes the verdict inconclusive')
    .addOption(
      revisionOption(
        'hold everything against this revision',
        'the one that each recording names, or that describes the kernel that answers',
      ),
    )
    .option('--runs <n>', 'cases for each live target', wholeNumber('--runs', 1), 300)
    .addOption(seedOption())
    .addOption(jsonOption())
    .addOption(
      new Option('--format <format>', 'how to print the report')
        .choices(['text', 'ktap', 'junit', 'html'])
        .default('text'),
    )
    .option('--bisect', 'exit codes for `git bisect run`: 125 for inconclusive, 128 for usage')
    .option('--recordings <folder>', 'recordings of your own in place of those that ship')
    .option('--save <folder>', 'where traces and reproducers of divergences go', 'divergences');
  for (const option of targetOptions()) command.addOption(option);
  command.action((models: string[], flags: CheckFlags) => run((io) => runCheck(io, models, flags)));
};

async function runCheck(io: CommandIo, models: string[], flags: CheckFlags): Promise<number> {
  const subsystems = selectSubsystems(models);
  const progress = new Progress(io.interactive);
  const report = await check({
    subsystems,
    requested: models,
    targets: flags.target,
    live: flags.live === true,
    revision: revisionFor(subsystems, flags.revision),
    runs: flags.runs,
    seed: flags.seed,
    targetOptions: pickTargetOptions(flags),
    signal: io.signal,
    recordings: flags.recordings,
    onEvent: (event) => {
      switch (event.kind) {
        case 'start':
          progress.clear();
          io.err(`${event.model}: ${event.target}: ${event.touches}`);
          break;
        case 'progress':
          progress.update(`${event.model}: ${event.target}`, event.done, event.total);
          break;
        case 'shrink':
          progress.update('shrinking', event.executions, undefined, `, ${event.size} operations`);
          break;
        case 'end':
        case 'skip':
          progress.clear();
      }
    },
  });
  progress.clear();
  io.out(formatReport(report, flags));
  save(io, report, flags.save);
  const codes = flags.bisect === true ? BISECT_EXIT : EXIT;
  return report.interrupted ? codes.interrupted : codes[report.verdict];
}

function revisionFor(
  subsystems: ReturnType<typeof selectSubsystems>,
  revision: string | undefined,
): string | undefined {
  if (revision === undefined) return undefined;
  for (const subsystem of subsystems) revisionOf(subsystem, revision);
  return revision;
}

function formatReport(report: CheckReport, { json, format }: CheckFlags): string {
  if (json === true) return `${JSON.stringify(checkJson(report), null, 2)}\n`;
  switch (format) {
    case 'text':
      return formatCheck(report);
    case 'ktap':
      return formatKtap(report);
    case 'junit':
      return formatJunit(report);
    case 'html':
      return formatHtml(report);
  }
}
