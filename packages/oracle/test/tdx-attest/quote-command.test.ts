// SPDX-License-Identifier: MIT
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/exit-code.ts';
import { quoteCommand } from '../../src/tdx-attest/commands.ts';

let folder = '';
beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'quote-')), 'test-quote');
  await quote('issue', folder, '--format', 'v5-1.5', '--report-data', 'abcd');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `quote` and gives what it printed and its exit code. */
async function quote(
  ...args: readonly string[]
): Promise<{ readonly out: string; readonly code: number }> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  let out = '';
  let code = -1;
  quoteCommand(program, async (action) => {
    code = await action({
      out: (text) => {
        out += text;
      },
      err: () => undefined,
      interactive: false,
      signal: new AbortController().signal,
    });
  });
  await program.parseAsync(['quote', ...args], { from: 'user' });
  return { out, code };
}

const TIME = '2026-06-01T00:00:00Z';
const file = (): string => join(folder, 'quote.bin');
const verify = (...more: readonly string[]): ReturnType<typeof quote> =>
  quote('verify', file(), '--collateral', folder, '--time', TIME, ...more);

describe('quote', () => {
  test('issue writes what verify accepts', async () => {
    expect(await verify()).toEqual({
      out: 'accepted at policy: UpToDate\nFMSPC 544553540000, PCESVN 13\n',
      code: 0,
    });
  });

  test('inspect prints the fields', async () => {
    const { out, code } = await quote('inspect', file());
    expect(code).toBe(0);
    expect(out).toMatch(/^version\s+5$/m);
    expect(out).toMatch(/^REPORTDATA\s+abcd0{124}$/m);
    expect(out).toMatch(/^TEE_TCB_SVN2\s+0501020{26}$/m);
    const json = JSON.parse((await quote('inspect', file(), '--json')).out) as object;
    expect(json).toMatchObject({ version: 1, fields: { version: '5', padding: '0 bytes' } });
  });

  test('verify says which step refused, and why', async () => {
    const late = await quote(
      'verify',
      file(),
      '--collateral',
      folder,
      '--time',
      '2027-01-01T00:00:00Z',
    );
    expect(late.code).toBe(1);
    expect(late.out).toMatch(/^refused at pck-chain: crl-expired .*\npassed before: parse\n$/);
    const other = await verify('--report-data', '00'.repeat(64), '--json');
    expect(other.code).toBe(1);
    expect(JSON.parse(other.out)).toMatchObject({ reason: 'policy-report-data', step: 'policy' });
    const expected = await verify('--report-data', `abcd${'00'.repeat(62)}`, '--json');
    expect(JSON.parse(expected.out)).toEqual({
      version: 1,
      ok: true,
      status: 'UpToDate',
      advisories: [],
    });
  });

  test('a changed quote is refused at its signature', async () => {
    const bytes = readFileSync(file());
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    const changed = join(folder, 'changed.bin');
    writeFileSync(changed, bytes);
    const { out, code } = await quote('verify', changed, '--collateral', folder, '--time', TIME);
    expect(code).toBe(1);
    expect(out).toMatch(/^refused at quote-signature/);
    rmSync(changed);
  });

  test.each([
    ['no file', ['inspect', '/nowhere'], /\/nowhere: cannot be read/],
    ['no quote', ['inspect', import.meta.filename], /: unsupported-version/],
    [
      'no folder',
      ['verify', import.meta.filename, '--collateral', '/nowhere', '--time', '0'],
      /folder/,
    ],
    [
      'no JSON',
      ['verify', import.meta.filename, '--collateral', tmpdir(), '--time', '0'],
      /\*\.(json|pem)/,
    ],
  ])('%s is a usage error', async (_, args, message) => {
    await expect(quote(...args)).rejects.toThrow(UsageError);
    await expect(quote(...args)).rejects.toThrow(message);
  });

  test('bad options are usage errors that name them', async () => {
    await expect(quote('verify', file(), '--collateral', folder, '--time', 'soon')).rejects.toThrow(
      /--time: expected seconds/,
    );
    await expect(verify('--report-data', 'abc')).rejects.toThrow(
      /--report-data: expected 64 bytes/,
    );
    await expect(quote('issue', folder)).rejects.toThrow(/EEXIST/);
  });

  test('matrix prints what says no to each attack, and where a bug lets one through', async () => {
    const { out, code } = await quote('matrix');
    expect(code).toBe(0);
    expect(out).toMatch(/honest TD +released +released +released +released/);
    expect(out).toMatch(/relayed quote, own key +policy: policy-report-data/);
    const broken = await quote('matrix', '--revision', 'bug:nonce-only');
    expect(broken.out).toMatch(/relayed quote, own key +released/);
    const { attacks } = JSON.parse((await quote('matrix', '--json')).out) as {
      attacks: readonly { readonly verdicts: object }[];
    };
    expect(attacks.length).toBeGreaterThan(15);
    await expect(quote('matrix', '--revision', 'nobody')).rejects.toThrow(/--revision: expected/);
  });
});
