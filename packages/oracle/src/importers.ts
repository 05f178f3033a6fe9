// SPDX-License-Identifier: MIT
import type { AnyTrace, TraceSource } from '@kernel-models/model-core';
import { importPinningTraces } from './cr-pinning/import.ts';
import { UsageError } from './exit-code.ts';
import { importGuestTrace } from './tdx-attest/import.ts';
import { driverPart, handshakePart } from './tdx-attest/trace-parts.ts';

/** Where a trace of another format comes from, which its lines do not say. */
export interface ImportFacts {
  readonly revision: string;
  readonly source: TraceSource;
  /** ISO 8601. */
  readonly recordedAt: string;
}

/**
 * Reads a file of another project's or harness's format as traces of one model.
 *
 * @param file the file's name, for messages
 * @throws UsageError or TraceError naming file and line
 */
export type Importer = (text: string, file: string, facts: ImportFacts) => readonly AnyTrace[];

/** The foreign formats that `trace import` reads, by the model whose trace it makes of them. */
const IMPORTERS: ReadonlyMap<string, Importer> = new Map<string, Importer>([
  ['cr-pinning', importPinningTraces],
  ['tdx-attest.tsm', (text, file, facts) => [importGuestTrace(text, file, facts)]],
  ['tdx-attest.driver', (text, file, facts) => [driverPart(importGuestTrace(text, file, facts))]],
  [
    'tdx-attest.getquote',
    (text, file, facts) => [handshakePart(importGuestTrace(text, file, facts))],
  ],
]);

/** Models whose foreign format says itself where a trace comes from. */
export const SELF_DESCRIBED: ReadonlySet<string> = new Set(['cr-pinning']);

/** The models for which a foreign format is known. */
export const IMPORTABLE: readonly string[] = [...IMPORTERS.keys()];

/**
 * The importer of a model.
 *
 * @throws UsageError naming the models that have one
 */
export function importerOf(model: string): Importer {
  const importer = IMPORTERS.get(model);
  if (importer !== undefined) return importer;
  throw new UsageError(`--model: expected one of ${IMPORTABLE.join(', ')}, got ${model}`);
}
