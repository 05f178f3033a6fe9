// SPDX-License-Identifier: MIT
import { gzipSync } from 'node:zlib';
import { writeTrace } from '@kernel-models/model-core';
import { generateCases } from '../../cases.ts';
import { turnGiver } from '../../event-loop.ts';
import { EXIT } from '../../exit-code.ts';
import { observeCases } from '../../observe.ts';
import { plural } from '../../report/table.ts';
import { selectTarget } from '../../select-target.ts';
import type { TargetOptions } from '../../subsystem.ts';
import { subsystemOf } from '../../subsystems.ts';
import type { CommandIo } from '../io.ts';
import { pickTargetOptions, seedOption, targetOptions, wholeNumber } from '../options.ts';
import { Progress } from '../progress.ts';
import type { AddCommand } from '../program.ts';
import { writeOut } from '../write.ts';

interface RecordFlags extends TargetOptions {
  readonly target?: string;
  readonly out: string;
  readonly runs: number;
  readonly seed: number;
  readonly script?: string;
}

/** `kernel-oracle record`: what a real thing answers, as traces. */
export const recordCommand: AddCommand = (program, run) => {
  const command = program
    .command('record <model>')
    .description('run generated cases on a target and write what it answers as traces')
    .requiredOption('--out <file>', 'NDJSON; compressed where the name ends in .gz')
    .option('--target <name>', 'a target of the model; default: the first that is ready')
    .option('--runs <n>', 'cases', wholeNumber('--runs', 1), 1_000)
    .addOption(seedOption())
    .option('--script <path>', 'the script that records this again, for the provenance');
  for (const option of targetOptions()) command.addOption(option);
  command.action((model: string, flags: RecordFlags) => run((io) => runRecord(io, model, flags)));
};

async function runRecord(io: CommandIo, model: string, flags: RecordFlags): Promise<number> {
  const subsystem = subsystemOf(model);
  const ready = await selectTarget(subsystem, flags.target, pickTargetOptions(flags));
  if ('skip' in ready) {
    io.err(`inconclusive: ${model}: ${ready.skip}`);
    return EXIT.inconclusive;
  }
  const { target, availability } = ready;
  io.err(`${model}: ${target.name}: ${target.touches}`);
  const revision = availability.revision ?? subsystem.defaultRevision;
  const source = {
    ...availability.source,
    ...(flags.script !== undefined && { script: flags.script }),
  };
  const facts = {
    model,
    revision: availability.revision,
    source,
    recordedAt: new Date().toISOString(),
  };
  const { seed, runs } = flags;
  const signal = io.signal;
  const progress = new Progress(io.interactive);
  // As bytes: a string has an end at 512 MiB.
  const parts: Buffer[] = [];
  let incomplete = 0;
  let events = 0;
  const giveTurn = turnGiver();
  try {
    recording: for (const cases of generateCases(
      subsystem,
      revision,
      seed,
      runs,
      availability.worlds,
    )) {
      for await (const { trace, failure, lacks } of observeCases(target, cases, facts)) {
        // A case that did not run to its end is no evidence: it is counted and left out.
        if (failure !== undefined || lacks !== undefined) incomplete += 1;
        else {
          parts.push(Buffer.from(writeTrace(trace, subsystem.model.codec)));
          events += trace.events.length;
        }
        progress.update(`recording ${model}`, parts.length + incomplete, flags.runs);
        await giveTurn();
        if (signal.aborted) break recording;
      }
    }
  } finally {
    progress.clear();
    await target.close();
  }
  const text = Buffer.concat(parts);
  writeOut(flags.out, flags.out.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text);
  io.err(
    `written: ${flags.out}: ${plural(parts.length, 'trace')}, ${plural(events, 'event')}; ` +
      `${plural(incomplete, 'case')} did not run to the end and were left out`,
  );
  if (signal.aborted) return EXIT.interrupted;
  return parts.length === 0 ? EXIT.inconclusive : EXIT.agree;
}
