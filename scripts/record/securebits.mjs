// SPDX-License-Identifier: MIT
// Records what real kernels answer to the securebits cases, one file a kernel, into
// packages/oracle/recordings/exec-check.securebits:
//
//   npm run build
//   node scripts/record/securebits.mjs            # the running kernel, and Debian's 6.1 and 6.12
//   node scripts/record/securebits.mjs live 6.12  # some of them
//
// Needs what exec-check.mjs needs.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchKernel } from './debian-kernel.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODEL = 'exec-check.securebits';
const RECORDINGS = join(ROOT, 'packages/oracle/recordings', MODEL);
const SOURCES = { live: 'linux-6.18', 6.1: 'linux-6.1', 6.12: 'linux-6.12' };

mkdirSync(RECORDINGS, { recursive: true });
const chosen = process.argv.slice(2);
for (const source of chosen.length > 0 ? chosen : ['6.1', '6.12', 'live']) {
  const name = SOURCES[source];
  if (name === undefined) throw new Error(`expected live, 6.1 or 6.12, got ${source}`);
  const kernel = source === 'live' ? [] : ['--kernel', fetchKernel(source)];
  const { status } = spawnSync(
    process.execPath,
    [
      join(ROOT, 'packages/oracle/bin/kernel-oracle.js'),
      'record',
      MODEL,
      ...['--runs', '2000', '--out', join(RECORDINGS, `${name}.jsonl.gz`)],
      ...['--script', 'scripts/record/securebits.mjs', ...kernel],
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exit(status ?? 1);
}
