// SPDX-License-Identifier: MIT
import { EXIT } from '../../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../../report/check-json.ts';
import { formatCount, formatTable } from '../../report/table.ts';
import { whichRevision, type RevisionFit } from '../../which.ts';
import type { CommandIo } from '../io.ts';
import { jsonOption } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { loadTraces } from '../read.ts';

interface WhichFlags {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `kernel-oracle which`: "which kernel is this?" */
export const whichCommand: AddCommand = (program, run) => {
  program
    .command('which <trace>')
    .description('hold a file of traces against every revision: which kernel is this?')
    .option('--all', 'bug variants too')
    .addOption(jsonOption())
    .action((file: string, flags: WhichFlags) => run((io) => runWhich(io, file, flags)));
};

async function runWhich(io: CommandIo, file: string, flags: WhichFlags): Promise<number> {
  const { subsystem, traces } = loadTraces(file);
  const fits = whichRevision(subsystem, traces).filter(({ isBug }) => flags.all === true || !isBug);
  const explaining = fits.filter(({ traces: explained, totalTraces }) => explained === totalTraces);
  if (flags.json === true) {
    const json = { version: JSON_OUTPUT_VERSION, model: subsystem.model.name, revisions: fits };
    io.out(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    io.out(`${fitTable(fits)}\n\n${answer(explaining.map(({ revision }) => revision))}\n`);
  }
  return explaining.length > 0 ? EXIT.agree : EXIT.diverge;
}

function fitTable(fits: readonly RevisionFit[]): string {
  return formatTable(
    [
      { title: 'revision' },
      { title: 'traces explained', align: 'right' },
      { title: 'events explained', align: 'right' },
      { title: 'first divergence' },
    ],
    fits.map(({ revision, traces, totalTraces, consumed, total, first }) => [
      revision,
      `${formatCount(traces)} of ${formatCount(totalTraces)}`,
      `${formatCount(consumed)} of ${formatCount(total)}`,
      first === undefined ? '' : `trace ${first.trace}, event ${first.seq}: ${first.rule}`,
    ]),
  );
}

function answer(revisions: readonly string[]): string {
  if (revisions.length === 0) return 'No revision of the model explains all of it.';
  return `This is ${revisions.join(' or ')}.`;
}
