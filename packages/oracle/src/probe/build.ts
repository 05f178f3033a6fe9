// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from './cache.ts';
import { Unavailable } from './unavailable.ts';

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
  const { sources = PROBES, cache = cacheFolder() } = options;
  const compiler = options.compiler ?? process.env['CC'] ?? 'cc';
  const source = join(sources, `${name}.c`);
  const hash = createHash('sha256').update(JSON.stringify([compiler, FLAGS, process.arch]));
  const text = await readFile(source, 'utf8');
  const headers = [...text.matchAll(OWN_HEADERS)].map(([, header = '']) => header);
  hash.update(text);
  for (const header of new Set([SHARED, ...headers])) {
    hash.update(await readFile(join(sources, header)));
  }
  const binary = join(cache, `probe-${name}-${hash.digest('hex').slice(0, 24)}`);
  if (await isExecutable(binary)) return binary;

  await mkdir(cache, { recursive: true });
  const unfinished = `${binary}.${process.pid}.tmp`;
  try {
    await run(compiler, [...FLAGS, '-o', unfinished, source]);
    await rename(unfinished, binary);
  } catch (error) {
    throw buildFailure(name, compiler, error);
  } finally {
    await rm(unfinished, { force: true });
  }
  return binary;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function buildFailure(name: string, compiler: string, error: unknown): Unavailable {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') {
    return new Unavailable(`no C compiler: program ${compiler} is missing (CC names another one)`);
  }
  if (stderr !== undefined && /cannot find -l|unable to find library -l/.test(stderr)) {
    return new Unavailable(
      `${compiler} -static: the C library's static archive (libc.a) is missing`,
    );
  }
  const reason = stderr?.split('\n').find((line) => /error/i.test(line)) ?? String(error);
  return new Unavailable(`${compiler} cannot build the probe ${name}: ${reason.trim()}`);
}
