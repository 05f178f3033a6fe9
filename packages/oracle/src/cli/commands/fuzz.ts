// SPDX-License-Identifier: MIT
import { randomInt } from 'node:crypto';
import { MAX_SHRUNK } from '../../check.ts';
import { EXIT } from '../../exit-code.ts';
import { fuzz } from '../../fuzz.ts';
import { checkJson } from '../../report/check-json.ts';
import { formatCheck } from '../../report/check-text.ts';
import { selectTarget } from '../../select-target.ts';
import type { TargetOptions } from '../../subsystem.ts';
import { revisionOf, subsystemOf } from '../../subsystems.ts';
import type { CommandIo } from '../io.ts';
import {
  jsonOption,
  pickTargetOptions,
  revisionOption,
  targetOptions,
  wholeNumber,
} from '../options.ts';
import { Progress } from '../progress.ts';
import type { AddCommand } from '../program.ts';
import { save } from '../write.ts';

interface FuzzFlags extends TargetOptions {
  readonly target?: string;
  readonly revision?: string;
  readonly runs: number;
  readonly seed?: number;
  readonly json?: boolean;
  readonly save: string;
}

/** `kernel-oracle fuzz`: new cases on both sides until they part. */
export const fuzzCommand: AddCommand = (program, run) => {
  const command = program
    .command('fuzz <model>')
    .description(
      'run generated cases on a target and on the model until they part; ' +
        `shrink up to ${MAX_SHRUNK} distinct divergences and count the others`,
    )
    .option(
      '--target <name>',
      'a target of the model, or model:<revision>; default: the first ready',
    )
    .addOption(
      revisionOption(
        'the revision whose answers are expected',
        'the one that describes what answers; the newest against model:<revision>',
      ),
    )
    .option('--runs <n>', 'cases', wholeNumber('--runs', 1), 1_000)
    .option('--seed <n>', 'default: a new one, which is printed', wholeNumber('--seed'))
    .addOption(jsonOption())
    .option('--save <folder>', 'where traces and reproducers of divergences go', 'divergences');
  for (const option of targetOptions()) command.addOption(option);
  command.action((model: string, flags: FuzzFlags) => run((io) => runFuzz(io, model, flags)));
};

async function runFuzz(io: CommandIo, model: string, flags: FuzzFlags): Promise<number> {
  const subsystem = subsystemOf(model);
  const ready = await selectTarget(subsystem, flags.target, pickTargetOptions(flags));
  if ('skip' in ready) {
    io.err(`inconclusive: ${model}: ${ready.skip}`);
    return EXIT.inconclusive;
  }
  const { target, availability } = ready;
  const seed = flags.seed ?? randomInt(0x7fff_ffff);
  // A revision that plays the real thing is not held against itself.
  const described = availability.source.kind === 'model' ? undefined : availability.revision;
  const revision = revisionOf(subsystem, flags.revision ?? described ?? subsystem.defaultRevision);
  io.err(`${model}: ${target.name}: ${target.touches}; revision ${revision}, seed ${seed}`);
  const progress = new Progress(io.interactive);
  const signal = io.signal;
  try {
    const result = await fuzz(subsystem, ready, {
      revision,
      runs: flags.runs,
      seed,
      signal,
      onProgress: (done, total) => progress.update(`${model}: ${target.name}`, done, total),
      onShrink: ({ executions, size }) =>
        progress.update('shrinking', executions, undefined, `, ${size} operations`),
    });
    progress.clear();
    const report = {
      verdict: result.comparison.verdict,
      comparisons: [result],
      skips: [],
      uncompared: [],
      interrupted: signal.aborted,
      seed,
      runs: flags.runs,
    };
    io.out(
      flags.json === true ? `${JSON.stringify(checkJson(report), null, 2)}\n` : formatCheck(report),
    );
    save(io, report, flags.save);
    return report.interrupted ? EXIT.interrupted : EXIT[report.verdict];
  } finally {
    progress.clear();
    await target.close();
  }
}
