// SPDX-License-Identifier: MIT
import { statSync } from 'node:fs';
import { writeTrace } from '@kernel-models/model-core';
import { EXIT, UsageError } from '../../exit-code.ts';
import { IMPORTABLE, importerOf, SELF_DESCRIBED } from '../../importers.ts';
import { exportItf } from '../../itf.ts';
import { readTextFile } from '../../recordings.ts';
import { plural } from '../../report/table.ts';
import { revisionOf, subsystemOf } from '../../subsystems.ts';
import { REVISION_OF_TRACE, revisionOption, wholeNumber } from '../options.ts';
import type { CommandIo } from '../io.ts';
import type { AddCommand } from '../program.ts';
import { effectiveRevision, loadTrace, loadTraces } from '../read.ts';

const NOT_OF_PINNING = 'traces of cr-pinning say it themselves';

interface ImportFlags {
  readonly model: string;
  readonly revision?: string;
  readonly kernel?: string;
  readonly recordedAt?: string;
}

function importTrace(io: CommandIo, file: string, flags: ImportFlags): number {
  const importer = importerOf(flags.model);
  const subsystem = subsystemOf(flags.model);
  const facts = importFacts(flags);
  const traces = importer(readTextFile(file), file, {
    revision: facts === undefined ? '' : revisionOf(subsystem, facts.revision),
    source: { kind: 'kernel', ...(facts !== undefined && { kernel: facts.kernel }) },
    recordedAt: flags.recordedAt ?? modificationTime(file),
  });
  for (const trace of traces) io.out(writeTrace(trace, subsystem.model.codec));
  return EXIT.agree;
}

/** What the person says of where a trace comes from; nothing where its format says it. */
function importFacts({
  model,
  revision,
  kernel,
  recordedAt,
}: ImportFlags): { readonly revision: string; readonly kernel: string } | undefined {
  if (SELF_DESCRIBED.has(model)) {
    const stated = { '--revision': revision, '--kernel': kernel, '--recorded-at': recordedAt };
    for (const [option, value] of Object.entries(stated)) {
      if (value === undefined) continue;
      throw new UsageError(`${option}: expected none, a trace of ${model} says it itself`);
    }
    return undefined;
  }
  if (revision === undefined) throw new UsageError('--revision: expected one, got none');
  if (kernel === undefined) throw new UsageError('--kernel: expected its version, got none');
  return { revision, kernel };
}

function modificationTime(file: string): string {
  const time = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false })?.mtime;
  return (time ?? new Date()).toISOString();
}

/** `kernel-oracle trace`: what can be done with a trace file itself. */
export const traceCommand: AddCommand = (program, run) => {
  const trace = program.command('trace').description('validate and convert trace files');
  trace
    .command('validate <file>')
    .description('read a file of traces and say what is in it, or which line and field is wrong')
    .action((file: string) =>
      run(async (io) => {
        const { subsystem, traces } = loadTraces(file);
        const events = traces.reduce((total, { events: { length } }) => total + length, 0);
        io.out(
          `${file}: ${subsystem.model.name}: ${plural(traces.length, 'trace')}, ` +
            `${plural(events, 'event')}\n`,
        );
        return EXIT.agree;
      }),
    );
  trace
    .command('import <file>')
    .description('print a trace of another format as one of ours; docs/trace-format.md names them')
    .requiredOption('--model <model>', `whose trace to make: ${IMPORTABLE.join(', ')}`)
    .option('--revision <id>', `the revision that describes what answered; ${NOT_OF_PINNING}`)
    .option('--kernel <text>', `release and version of what answered; ${NOT_OF_PINNING}`)
    .option('--recorded-at <time>', 'when; default: the file’s own time')
    .action((file: string, flags: ImportFlags) =>
      run((io) => Promise.resolve(importTrace(io, file, flags))),
    );
  trace
    .command('export <file>')
    .description('print a trace with the model’s states in the ITF of Apalache and Quint')
    .option('--trace <n>', 'which trace of the file, from 0', wholeNumber('--trace'), 0)
    .addOption(revisionOption('the revision whose states are written', REVISION_OF_TRACE))
    .action((file: string, flags: { readonly trace: number; readonly revision?: string }) =>
      run(async (io) => {
        const { subsystem, trace: one } = loadTrace(file, flags.trace);
        const revision = effectiveRevision(subsystem, flags.revision, one);
        io.out(`${JSON.stringify(exportItf(subsystem.model, one, revision))}\n`);
        return EXIT.agree;
      }),
    );
};
