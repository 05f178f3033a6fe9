// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtOnce } from './built-once.ts';
import { compilerCommand, compilerFailure } from './compiler.ts';

const run = promisify(execFile);

/** The folder of the probes' C sources, which the package ships. */
const PROBES = fileURLToPath(new URL('../../probes/', import.meta.url));

/** The header that every probe includes: the protocol, and how to leave nothing behind. */
const SHARED = 'probe.h';

/** Every header of ours that a source includes. */
const OWN_HEADERS = /^#include "([^"]+)"$/gm;

const FLAGS = ['-std=gnu11', '-O2', '-static', '-Wall', '-Wextra'] as const;

/** Where sources, compiler and results are. Tests set them. */
export interface BuildOptions {
  readonly sources?: string;
  /** A C compiler's command. Absent: `$CC`, else `cc`. */
  readonly compiler?: string;
  readonly cache?: string;
}

/**
 * Builds a probe, once for each content of its source: the result stays in the cache folder under a
 * hash of the sources and flags.
 *
 * @param name the source's name without `.c`
 * @returns path of a static executable
 * @throws Unavailable where there is no compiler, or no C library to link statically with
 */
export async function buildProbe(name: string, options: BuildOptions = {}): Promise<string> {
  const { sources = PROBES, cache, compiler = compilerCommand() } = options;
  const source = join(sources, `${name}.c`);
  const text = await readFile(source, 'utf8');
  const headers = [...text.matchAll(OWN_HEADERS)].map(([, header = '']) => header);
  const included = [...new Set([SHARED, ...headers])].map((header) => join(sources, header));
  return builtOnce({
    name: `probe-${name}`,
    inputs: [
      JSON.stringify([compiler, FLAGS, process.arch]),
      text,
      ...(await Promise.all(included.map((header) => readFile(header)))),
    ],
    make: async (folder) => {
      const program = join(folder, name);
      await run(compiler, [...FLAGS, '-o', program, source]).catch((error: unknown) => {
        throw compilerFailure(compiler, `the probe ${name}`, error);
      });
      return program;
    },
    ...(cache !== undefined && { cache }),
  });
}
