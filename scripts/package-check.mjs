// SPDX-License-Identifier: MIT
// Holds every publishable package against publint and "are the types wrong?", as it would be packed.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);
let failed = false;
const run = (command, args) => {
  const { status } = spawnSync(bin(command), args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  failed ||= status !== 0;
};

for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join('packages', name);
  console.log(`\n${name}`);
  run('publint', ['--strict', folder]);
  run('attw', ['--pack', folder, '--profile', 'esm-only']);
}
process.exitCode = failed ? 1 : 0;
