// SPDX-License-Identifier: MIT
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../native/', import.meta.url));

/**
 * Builds a C program of native/ in a temporary folder.
 *
 * @returns its path, or undefined where there is no C compiler
 */
export function buildNative(name: string): string | undefined {
  const binary = join(mkdtempSync(join(tmpdir(), 'kernel-models-')), name);
  try {
    execFileSync(process.env['CC'] ?? 'cc', ['-O2', '-o', binary, join(SOURCES, `${name}.c`)], {
      stdio: 'pipe',
    });
    return binary;
  } catch {
    return undefined;
  }
}
