// SPDX-License-Identifier: MIT
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildProbe } from '../../src/probe/build.ts';
import { cacheFolder } from '../../src/probe/cache.ts';
import { Unavailable } from '../../src/probe/unavailable.ts';

const compiles = hasCompiler();

if (!compiles) console.warn('tests that build a probe are skipped: they need cc, and Linux');

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

describe('building a probe', () => {
  let sources = '';
  let cache = '';
  beforeEach(() => {
    sources = mkdtempSync(join(tmpdir(), 'km-sources-'));
    cache = join(sources, 'cache');
    writeFileSync(join(sources, 'probe.h'), '');
    writeFileSync(join(sources, 'p.c'), 'int main(void) { return 7; }\n');
  });
  afterEach(() => rmSync(sources, { recursive: true }));

  test.runIf(compiles)('happens once for each content of the sources', async () => {
    const first = await buildProbe('p', { sources, cache });
    const built = statSync(first).mtimeMs;
    expect(await buildProbe('p', { sources, cache })).toBe(first);
    expect(statSync(first).mtimeMs).toBe(built);
    writeFileSync(join(sources, 'probe.h'), '/* another */\n');
    expect(await buildProbe('p', { sources, cache })).not.toBe(first);
    expect(readdirSync(cache)).toHaveLength(2);
  });

  test.runIf(compiles)('gives a program that runs', async () => {
    const program = await buildProbe('p', { sources, cache });
    expect(() => execFileSync(program)).toThrow(expect.objectContaining({ status: 7 }));
  });

  test('without a compiler names the one that is missing', async () => {
    const building = buildProbe('p', { sources, cache, compiler: 'km-no-such-compiler' });
    await expect(building).rejects.toThrow(Unavailable);
    await expect(building).rejects.toThrow(/program km-no-such-compiler is missing/);
  });

  test.runIf(compiles)('of a broken source says why, and leaves nothing', async () => {
    writeFileSync(join(sources, 'p.c'), 'int main(void) { return nothing; }\n');
    await expect(buildProbe('p', { sources, cache })).rejects.toThrow(/cannot build.*nothing/);
    expect(readdirSync(cache)).toEqual([]);
  });

  test.runIf(process.platform !== 'win32')('without a static C library says so', async () => {
    const compiler = join(sources, 'cc');
    writeFileSync(compiler, '#!/bin/sh\necho "ld: cannot find -lc" >&2\nexit 1\n', { mode: 0o755 });
    await expect(buildProbe('p', { sources, cache, compiler })).rejects.toThrow(/libc\.a/);
  });
});

test('the cache is where the user wants it', () => {
  expect(cacheFolder({ KM_CACHE: '/a' })).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/kernel-models');
  expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache.kernel-models$/);
});
