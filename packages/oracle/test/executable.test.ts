// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const EXECUTABLE = fileURLToPath(new URL('../bin/kernel-oracle.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kernel-oracle-bin-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a copy of the executable in a package whose build left only these files. */
function runCopy(
  name: string,
  built: Readonly<Record<string, string>>,
): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  const home = join(folder, name);
  mkdirSync(join(home, 'bin'), { recursive: true });
  mkdirSync(join(home, 'dist', 'cli'), { recursive: true });
  copyFileSync(EXECUTABLE, join(home, 'bin', 'kernel-oracle.js'));
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
  for (const [file, text] of Object.entries(built)) writeFileSync(join(home, 'dist', file), text);
  return new Promise((resolve) => {
    execFile(process.execPath, [join(home, 'bin', 'kernel-oracle.js')], (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

test('before a build the command says in one line what to do', async () => {
  const ran = await runCopy('unbuilt', {});
  expect(ran).toMatchObject({ code: 2, out: '' });
  expect(ran.err).toMatch(/^kernel-oracle: .*npm ci.*npm run build.*\n$/);
});

test('so it does where a package that it needs is not built', async () => {
  const main = "export { main } from '@kernel-models/nothing';\n";
  const ran = await runCopy('half-built', { 'cli/main.js': main });
  expect(ran).toMatchObject({ code: 2, out: '' });
  expect(ran.err).toMatch(/^kernel-oracle: .*@kernel-models\/nothing.*npm run build.*\n$/);
});

test('once it is built it runs', async () => {
  const main = "export const main = async () => console.log('ran');\n";
  expect(await runCopy('built', { 'cli/main.js': main })).toMatchObject({ code: 0, out: 'ran\n' });
});
