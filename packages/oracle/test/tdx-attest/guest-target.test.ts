// SPDX-License-Identifier: MIT
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { driver, type tsm } from '@kernel-models/tdx-attest';
import { guestTarget, isExecutableInGuest, revisionOf } from '../../src/tdx-attest/guest-target.ts';
import { tdxTsmSubsystem } from '../../src/tdx-attest/subsystems.ts';

const scratch = mkdtempSync(join(tmpdir(), 'guest-'));
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

describe('the live target', () => {
  test('names what is missing where there is no TDX guest', async () => {
    const nowhere = guestTarget({ reports: '/nowhere', device: '/nowhere/tdx_guest' });
    expect(await nowhere.available()).toEqual({
      ok: false,
      skip: '/nowhere/tdx_guest: not a TDX guest',
    });
    const withoutConfigfs = guestTarget({ reports: '/nowhere', device: scratch });
    expect(await withoutConfigfs.available()).toMatchObject({ ok: false });
    const here = await guestTarget().available();
    expect(here.ok).toBe(existsSync('/dev/tdx_guest'));
  });

  test('touches its own items alone, and takes them away again', async () => {
    const reports = join(scratch, 'reports');
    mkdirSync(reports);
    const target = guestTarget({ reports, device: scratch });
    expect(await target.available()).toMatchObject({ ok: true });
    const outcomes: tsm.TsmOutcome[] = [];
    for await (const outcome of target.run(driver.DEFAULT_SETUP, [
      { op: 'load' },
      { op: 'mkdir', name: 'a', parent: 'report' },
      { op: 'mkdir', name: 'a', parent: 'report' },
      { op: 'rmdir', name: 'b' },
      { op: 'read-generation', name: 'a' },
    ])) {
      outcomes.push(outcome);
      if (outcomes.length === 1) writeFileSync(join(scratch, 'not-ours'), '');
    }
    expect(outcomes).toEqual([
      { kind: 'value', value: 0n },
      { kind: 'value', value: 0n },
      { kind: 'errno', errno: 'EEXIST' },
      { kind: 'errno', errno: 'ENOENT' },
      { kind: 'errno', errno: 'ENOENT' },
    ]);
    expect(existsSync(join(reports, 'kernel-oracle-a'))).toBe(false);
    await target.close();
  });

  test('a kernel has the newest revision that is not younger', () => {
    expect(revisionOf('6.18.44-cloud')).toBe('linux-6.16');
    expect(revisionOf('6.7.0')).toBe('linux-6.7');
    expect(revisionOf('7.1.2')).toBe('linux-7.0');
    expect(revisionOf('6.1.0')).toBeUndefined();
  });
});

test('every generated case can be put to a guest whose host is not ours', () => {
  const cases = tdxTsmSubsystem.cases?.('linux-7.0');
  if (cases === undefined) throw new Error('the subsystem has no cases');
  fc.assert(fc.property(cases, isExecutableInGuest), { seed: 1, numRuns: 200 });
});
