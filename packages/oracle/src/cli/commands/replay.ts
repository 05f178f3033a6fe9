// SPDX-License-Identifier: MIT
import type { CheckReport } from '../../check.ts';
import { compareTraces } from '../../comparison.ts';
import { EXIT } from '../../exit-code.ts';
import { checkJson } from '../../report/check-json.ts';
import { formatCheck } from '../../report/check-text.ts';
import { plural } from '../../report/table.ts';
import { shrinkDivergence } from '../../shrink/shrink-divergence.ts';
import type { CommandIo } from '../io.ts';
import { jsonOption, revisionOption } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { effectiveRevision, loadTraces } from '../read.ts';

interface ReplayFlags {
  readonly revision?: string;
  readonly json?: boolean;
}

/** `kernel-oracle replay`: a recorded trace against the model. */
export const replayCommand: AddCommand = (program, run) => {
  program
    .command('replay <trace>')
    .description('hold a file of traces against the model; - is standard input')
    .addOption(
      revisionOption(
        'the revision that must explain the traces',
        'the one that the first trace names, else the newest',
      ),
    )
    .addOption(jsonOption())
    .action((file: string, flags: ReplayFlags) => run((io) => runReplay(io, file, flags)));
};

async function runReplay(io: CommandIo, file: string, flags: ReplayFlags): Promise<number> {
  const { subsystem, traces } = loadTraces(file);
  const [first] = traces;
  if (first === undefined) return EXIT.inconclusive;
  const revision = effectiveRevision(subsystem, flags.revision, first);
  const signal = io.signal;
  const comparison = await compareTraces(
    subsystem,
    traces.map((trace) => ({ trace })),
    { target: file, revision, source: first.source, signal },
  );
  const shrunk = [];
  for (const report of comparison.divergences) {
    if (signal.aborted) break;
    shrunk.push(await shrinkDivergence(subsystem, report));
  }
  const report: CheckReport = {
    verdict: comparison.verdict,
    comparisons: [{ comparison, shrunk, executed: false }],
    skips: [],
    uncompared: [],
    interrupted: signal.aborted,
    seed: 0,
    runs: 0,
  };
  if (flags.json === true) io.out(`${JSON.stringify(checkJson(report), null, 2)}\n`);
  else {
    io.out(formatCheck(report));
    io.err(
      `consumed ${comparison.consumed} of ${comparison.total} events of ` +
        `${plural(comparison.traces, 'trace')}`,
    );
  }
  return report.interrupted ? EXIT.interrupted : EXIT[comparison.verdict];
}
