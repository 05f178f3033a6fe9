// SPDX-License-Identifier: MIT
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { readTraces, type AnyTrace, type ReadTracesOptions } from '@kernel-models/model-core';
import { UsageError } from './exit-code.ts';

/** A file of traces that ships with the package. */
export interface Recording {
  /** `linux-6.12`, from the file's name. */
  readonly name: string;
  /** The model it belongs to, from the folder's name. */
  readonly model: string;
  readonly path: string;
}

const SHIPPED = fileURLToPath(new URL('../recordings', import.meta.url));

/** The recordings that ship, of one model, by name. */
export function shippedRecordings(model: string, folder: string = SHIPPED): readonly Recording[] {
  const path = join(folder, model);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(path)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort(byVersion)
    .map((name) => ({
      name: basename(name).replace(/\.jsonl(\.gz)?$/, ''),
      model,
      path: join(path, name),
    }));
}

/** `linux-6.1` before `linux-6.12`. */
const byVersion = new Intl.Collator('en', { numeric: true }).compare;

/**
 * Reads a file of traces, compressed or not; `-` is standard input.
 *
 * @throws UsageError where the file cannot be read or unpacked
 * @throws TraceError where it is not a trace
 */
export function* readTraceFile(
  path: string,
  codecOf: ReadTracesOptions['codecOf'],
): Generator<AnyTrace> {
  const file = path === '-' ? 'standard input' : path;
  yield* readTraces(readTextFile(path), { file, codecOf });
}

/**
 * The text of a file, compressed or not; `-` is standard input.
 *
 * @throws UsageError where the file cannot be read or unpacked
 */
export function readTextFile(path: string): string {
  const name = path === '-' ? 'standard input' : path;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw new UsageError(`${name}: cannot be read: ${(error as Error).message}`);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch (error) {
    throw new UsageError(`${name}: cannot be unpacked: ${(error as Error).message}`);
  }
}
