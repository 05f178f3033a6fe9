// SPDX-License-Identifier: MIT
import { formatHex, isBugRevision } from '@kernel-models/model-core';
import { EXIT } from '../../exit-code.ts';
import { shippedRecordings } from '../../recordings.ts';
import { JSON_OUTPUT_VERSION } from '../../report/check-json.ts';
import { formatTable } from '../../report/table.ts';
import type { AnySubsystem } from '../../subsystem.ts';
import { selectSubsystems } from '../../subsystems.ts';
import { jsonOption } from '../options.ts';
import type { AddCommand } from '../program.ts';

/** `kernel-oracle models`: what there is. */
export const modelsCommand: AddCommand = (program, run) => {
  program
    .command('models [model...]')
    .description('list the models; with names, their revisions, worlds, targets and recordings')
    .addOption(jsonOption())
    .action((names: string[], flags: { readonly json?: boolean }) =>
      run(async (io) => {
        const subsystems = selectSubsystems(names);
        if (flags.json === true) {
          const models = subsystems.map(modelJson);
          io.out(`${JSON.stringify({ version: JSON_OUTPUT_VERSION, models }, spellBigint, 2)}\n`);
        } else if (names.length === 0) io.out(`${overview(subsystems)}\n`);
        else for (const subsystem of subsystems) io.out(`${details(subsystem)}\n\n`);
        return EXIT.agree;
      }),
    );
};

/** 64-bit features of revisions, as every output spells 64-bit quantities. */
function spellBigint(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? formatHex(value) : value;
}

function overview(subsystems: readonly AnySubsystem[]): string {
  return formatTable(
    [
      { title: 'model' },
      { title: 'rules', align: 'right' },
      { title: 'revisions', align: 'right' },
      { title: 'recordings', align: 'right' },
      { title: 'what it is' },
    ],
    subsystems.map(({ model, title }) => [
      model.name,
      String(model.rules.length),
      String(model.revisions.length),
      String(shippedRecordings(model.name).length),
      title,
    ]),
  );
}

function details({ model, title, explorations, targets }: AnySubsystem): string {
  const revisions = model.revisions.map((revision) => [
    revision.id,
    isBugRevision(revision) ? `on ${revision.base}` : revision.date,
    isBugRevision(revision) ? revision.story : revision.source,
  ]);
  const worlds = explorations.map(({ name, sentence, defaultDepth }) => [
    name,
    String(defaultDepth),
    sentence,
  ]);
  const list = (names: readonly string[]): string => names.join(', ') || 'none';
  return [
    `${model.name}: ${title}`,
    formatTable([{ title: 'revision' }, { title: 'date' }, { title: 'source' }], revisions),
    formatTable([{ title: 'world' }, { title: 'depth' }, { title: 'what it is' }], worlds),
    `  targets: ${list(targets({}).map(({ name }) => name))}`,
    `  recordings: ${list(shippedRecordings(model.name).map(({ name }) => name))}`,
  ].join('\n\n');
}

function modelJson({ model, title, explorations, targets }: AnySubsystem): unknown {
  return {
    name: model.name,
    title,
    rules: model.rules,
    revisions: model.revisions,
    invariants: model.invariants.map(({ id, sentence }) => ({ id, sentence })),
    worlds: explorations.map(({ name, sentence, defaultDepth }) => ({
      name,
      sentence,
      defaultDepth,
    })),
    targets: targets({}).map(({ name, touches }) => ({ name, touches })),
    recordings: shippedRecordings(model.name).map(({ name }) => name),
  };
}
