// SPDX-License-Identifier: MIT
import { replay, writeTrace } from '@kernel-models/model-core';
import { explainingRevision } from '../../comparison.ts';
import { EXIT } from '../../exit-code.ts';
import { formatDivergence } from '../../report/divergence-text.ts';
import { selectTarget } from '../../select-target.ts';
import { shrinkDivergence } from '../../shrink/shrink-divergence.ts';
import type { TargetOptions } from '../../subsystem.ts';
import type { CommandIo } from '../io.ts';
import {
  pickTargetOptions,
  REVISION_OF_TRACE,
  revisionOption,
  targetOptions,
  wholeNumber,
} from '../options.ts';
import { Progress } from '../progress.ts';
import type { AddCommand } from '../program.ts';
import { effectiveRevision, loadTrace } from '../read.ts';
import { writeOut } from '../write.ts';

interface ShrinkFlags extends TargetOptions {
  readonly trace: number;
  readonly target?: string;
  readonly revision?: string;
  readonly out?: string;
}

/** `kernel-oracle shrink`: the smallest sequence that still diverges. */
export const shrinkCommand: AddCommand = (program, run) => {
  const command = program
    .command('shrink <trace>')
    .description('make a diverging trace small: by executing it again, else by removing events')
    .option('--trace <n>', 'which trace of the file, from 0', wholeNumber('--trace'), 0)
    .option('--target <name>', 'execute candidates there; default: only remove recorded events')
    .addOption(revisionOption('the revision from which the trace is to diverge', REVISION_OF_TRACE))
    .option('--out <file>', 'write the trace there; default: standard output');
  for (const option of targetOptions()) command.addOption(option);
  command.action((file: string, flags: ShrinkFlags) => run((io) => runShrink(io, file, flags)));
};

async function runShrink(io: CommandIo, file: string, flags: ShrinkFlags): Promise<number> {
  const { subsystem, trace } = loadTrace(file, flags.trace);
  const revision = effectiveRevision(subsystem, flags.revision, trace);
  const { divergence } = replay(subsystem.model, trace, { revision });
  if (divergence === undefined) {
    io.err(`${file}: trace ${flags.trace} agrees with ${revision}: there is nothing to shrink`);
    return EXIT.agree;
  }
  const progress = new Progress(io.interactive);
  const ready =
    flags.target === undefined
      ? undefined
      : await selectTarget(subsystem, flags.target, pickTargetOptions(flags));
  if (ready !== undefined && 'skip' in ready) {
    io.err(`inconclusive: ${ready.skip}`);
    return EXIT.inconclusive;
  }
  try {
    const shrunk = await shrinkDivergence(
      subsystem,
      { trace, divergence, complaints: [], revision },
      ready?.target,
      ({ executions, size }) =>
        progress.update('shrinking', executions, undefined, `, ${size} operations`),
    );
    progress.clear();
    const explainedBy = explainingRevision(subsystem, shrunk.trace);
    io.err(formatDivergence(subsystem, shrunk, { revision, explainedBy, occurrences: 1 }));
    const text = writeTrace(shrunk.trace, subsystem.model.codec);
    if (flags.out === undefined) io.out(text);
    else writeOut(flags.out, text);
    return EXIT.diverge;
  } finally {
    progress.clear();
    await ready?.target.close();
  }
}
