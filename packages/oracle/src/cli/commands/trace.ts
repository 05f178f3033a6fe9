// SPDX-License-Identifier: MIT
import { EXIT } from '../../exit-code.ts';
import { exportItf } from '../../itf.ts';
import { plural } from '../../report/table.ts';
import { wholeNumber, revisionOption } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { effectiveRevision, loadTrace, loadTraces } from '../read.ts';

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
    .command('export <file>')
    .description('print a trace with the model’s states in the ITF of Apalache and Quint')
    .option('--trace <n>', 'which trace of the file, from 0', wholeNumber('--trace'), 0)
    .addOption(revisionOption())
    .action((file: string, flags: { readonly trace: number; readonly revision?: string }) =>
      run(async (io) => {
        const { subsystem, trace: one } = loadTrace(file, flags.trace);
        const revision = effectiveRevision(subsystem, flags.revision, one);
        io.out(`${JSON.stringify(exportItf(subsystem.model, one, revision))}\n`);
        return EXIT.agree;
      }),
    );
};
