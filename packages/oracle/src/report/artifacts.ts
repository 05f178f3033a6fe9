// SPDX-License-Identifier: MIT
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeTrace, type AnyOperation, type RevisionId } from '@kernel-models/model-core';
import type { CheckReport } from '../check.ts';
import type { ShrunkDivergence } from '../shrink/shrink-divergence.ts';
import type { AnySubsystem } from '../subsystem.ts';
import { subsystemOf } from '../subsystems.ts';
import { formatDivergence, type DivergenceFacts } from './divergence-text.ts';
import { modelReproducer } from './model-reproducer.ts';

/**
 * Writes what a person needs of each divergence: the report for a mail, the trace, a C program for
 * the kernel where the subsystem has one, a test for the model.
 *
 * @returns the paths written
 */
export function saveDivergences(report: CheckReport, folder: string): readonly string[] {
  return report.comparisons.flatMap(({ comparison, shrunk }) =>
    shrunk.flatMap((one, index) => {
      const facts = comparison.divergences[index];
      if (facts === undefined) return [];
      const name = `${comparison.model}-${comparison.target}-${index}`;
      return saveDivergence(subsystemOf(comparison.model), one, facts, folder, name);
    }),
  );
}

/** Writes one divergence's files. */
export function saveDivergence(
  subsystem: AnySubsystem,
  shrunk: ShrunkDivergence<unknown, AnyOperation, unknown, unknown>,
  facts: DivergenceFacts & { readonly revision: RevisionId },
  folder: string,
  name: string,
): readonly string[] {
  const { trace } = shrunk;
  const operations = trace.events.map(({ operation }) => operation);
  const report = formatDivergence(subsystem, shrunk, facts);
  const files: [string, string][] = [
    [`${name}.txt`, `${report}\n`],
    [`${name}.jsonl`, writeTrace(trace, subsystem.model.codec)],
    [`${name}.test.ts`, modelReproducer(subsystem, trace, facts.revision, `${name}.jsonl`)],
  ];
  const program = subsystem.reproducer?.({ setup: trace.setup, operations }, report.split('\n'));
  if (program !== undefined) files.push([`${name}.c`, program]);
  mkdirSync(folder, { recursive: true });
  return files.map(([file, text]) => {
    const path = join(folder, file);
    writeFileSync(path, text);
    return path;
  });
}
