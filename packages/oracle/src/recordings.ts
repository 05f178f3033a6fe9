// SPDX-License-Identifier: MIT
import { isUtf8 } from 'node:buffer';
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
  /** Whether it is one of the package's own. */
  readonly shipped: boolean;
}

const SHIPPED = fileURLToPath(new URL('../recordings', import.meta.url));

/** The recordings of one model by name: those that ship, or those of another folder. */
export function shippedRecordings(model: string, folder: string = SHIPPED): readonly Recording[] {
  const path = join(folder, model);
  if (!isFolder(path)) return [];
  return readdirSync(path)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort(byVersion)
    .map((name) => ({
      name: basename(name).replace(/\.jsonl(\.gz)?$/, ''),
      model,
      path: join(path, name),
      shipped: folder === SHIPPED,
    }));
}

/** Whether a path is that of a folder. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
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
  options: Pick<ReadTracesOptions, 'refuseRevision' | 'trusted'> = {},
): Generator<AnyTrace> {
  const file = path === '-' ? 'standard input' : path;
  yield* readTraces(readTextFile(path), { ...options, file, codecOf });
}

/**
 * The text of a file, compressed (by its first two bytes, not by its name) or not; `-` is standard
 * input.
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
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = unpacked(bytes, name);
  // Buffer.toString would put U+FFFD where it cannot read on, and what was there is lost.
  if (!isUtf8(bytes)) throw new UsageError(`${name}: expected text in UTF-8, got other bytes`);
  return bytes.toString('utf8');
}

function unpacked(bytes: Buffer, name: string): Buffer {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new UsageError(`${name}: cannot be unpacked: ${(error as Error).message}`);
  }
}
