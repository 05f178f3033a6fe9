// SPDX-License-Identifier: MIT
import { writeFileSync } from 'node:fs';
import type { CheckReport } from '../check.ts';
import { UsageError } from '../exit-code.ts';
import { saveDivergences } from '../report/artifacts.ts';
import type { CommandIo } from './io.ts';

/**
 * Writes what `--out` asks for.
 *
 * @throws UsageError where it cannot be written
 */
export function writeOut(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new UsageError(`--out: ${path} cannot be written: ${(error as Error).message}`);
  }
}

/**
 * Writes the files of each divergence. Where that fails it says so and goes on: the report, which
 * is what was asked for, is out already.
 */
export function save(io: CommandIo, report: CheckReport, folder: string): void {
  try {
    for (const path of saveDivergences(report, folder)) io.err(`written: ${path}`);
  } catch (error) {
    io.err(`--save: ${folder} cannot be written: ${(error as Error).message}`);
  }
}
