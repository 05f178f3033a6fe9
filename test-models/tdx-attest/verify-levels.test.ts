// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { driver, testPki, verify } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { ENCLAVE, PKI } from './issued.ts';
import { outcomeOf, QUOTE, resigned } from './verify-case.ts';

/* Which level a platform has, and what its parts make of it. */

const TCB_LEVEL = testPki.TEST_TCB_LEVELS[0];
if (TCB_LEVEL === undefined) throw new Error('no TEST TCB level');

describe('levels', () => {
  const svns = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 16, maxLength: 16 });
  const statuses = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'OutOfDate'] as const;
  /** Levels that grow worse from the newest down, as the service issues them. */
  const levels = fc.array(svns, { minLength: 1, maxLength: 4 }).map((all) => {
    const sorted = all.toSorted((a, b) => {
      const index = a.findIndex((svn, place) => svn !== b[place]);
      return index < 0 ? 0 : (b[index] ?? 0) - (a[index] ?? 0);
    });
    return sorted.map((sgx, index) => ({
      ...TCB_LEVEL,
      sgx,
      status: statuses[Math.min(index, 3)] ?? 'OutOfDate',
    }));
  });

  test('verify.level-order-irrelevant: their order in the text does not matter', async () => {
    await checkProperty(
      'level order',
      fc.property(levels, fc.boolean(), (all, reversed) => {
        const shown = reversed ? all.toReversed() : all;
        const policy = { statuses: verify.TCB_STATUSES };
        expect(outcomeOf({ collateral: PKI.collateral({ levels: shown }), policy })).toBe(
          outcomeOf({ collateral: PKI.collateral({ levels: all }), policy }),
        );
      }),
      { runs: 25 },
    );
  });

  test('a level fits where every component reaches it', async () => {
    await checkProperty(
      'all components',
      fc.property(svns, (sgx) => {
        const collateral = PKI.collateral({ levels: [{ ...TCB_LEVEL, sgx }] });
        const fits = sgx.every((svn) => svn <= 5);
        expect(outcomeOf({ collateral })).toBe(fits ? 'UpToDate' : 'tcb-level: tcb-not-supported');
      }),
      { runs: 30 },
    );
  });

  test('verify.better-svn-never-worse: a newer module never has a worse status', () => {
    const policy = { statuses: verify.TCB_STATUSES };
    const rank = (svn: number, major: number): number => {
      const body = QUOTE.slice(48, 632);
      body[0] = svn;
      body[1] = major;
      const outcome = outcomeOf({ bytes: resigned((content) => ({ ...content, body })), policy });
      return outcome.includes(':') ? 99 : verify.TCB_STATUSES.findIndex((one) => one === outcome);
    };
    const ranks = [0, 1, 2, 3, 4, 5, 6, 7].map((svn) => rank(svn, 1));
    expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
    expect(ranks.at(-1)).toBe(0);
    // The first level asks for component 0 to be 5; the module's own level is what judges an SVN
    // of 4.
    const lower = PKI.collateral({ moduleLevels: [{ isvSvn: 4, status: 'UpToDate' }] });
    const body = QUOTE.slice(48, 632).with(0, 4);
    expect(
      outcomeOf({ bytes: resigned((content) => ({ ...content, body })), collateral: lower }),
    ).toBe('UpToDate');
  });

  test('statuses converge', () => {
    const worst = (
      status: verify.TcbStatus,
      module: verify.TcbStatus,
      qe: verify.TcbStatus,
    ): string =>
      outcomeOf({
        collateral: PKI.collateral({
          levels: [{ ...TCB_LEVEL, status }],
          moduleLevels: [{ isvSvn: 1, status: module }],
          qeLevels: [{ isvSvn: 1, status: qe }],
        }),
        policy: { statuses: verify.TCB_STATUSES },
      });
    expect(worst('UpToDate', 'UpToDate', 'OutOfDate')).toBe('OutOfDate');
    expect(worst('SWHardeningNeeded', 'OutOfDate', 'UpToDate')).toBe('OutOfDate');
    expect(worst('ConfigurationNeeded', 'OutOfDate', 'UpToDate')).toBe(
      'OutOfDateConfigurationNeeded',
    );
    expect(worst('OutOfDate', 'OutOfDate', 'OutOfDate')).toBe('OutOfDate');
    expect(worst('UpToDate', 'Revoked', 'UpToDate')).toBe('convergence: tcb-revoked');
    expect(worst('Revoked', 'UpToDate', 'UpToDate')).toBe('convergence: tcb-revoked');
    for (const platform of verify.TCB_STATUSES) {
      for (const part of ['UpToDate', 'OutOfDate', 'Revoked'] as const) {
        const result = verify.converge(platform, part);
        expect(verify.severity(result)).toBeGreaterThanOrEqual(verify.severity(platform));
      }
    }
  });

  test('a TD on a module that was updated under it is advised to relaunch', () => {
    const body = new Uint8Array(648);
    body.set(QUOTE.slice(48, 632));
    body[0] = 3;
    body.set(driver.PLATFORM_TEE_TCB_SVN, 584);
    const bytes = ENCLAVE.certify({ version: 5, teeType: 'tdx', body });
    const policy = { statuses: verify.TCB_STATUSES };
    expect(outcomeOf({ bytes, policy })).toBe('TDRelaunchAdvised');
    const levels = [{ ...TCB_LEVEL, status: 'ConfigurationNeeded' as const }];
    expect(outcomeOf({ bytes, policy, collateral: PKI.collateral({ levels }) })).toBe(
      'TDRelaunchAdvisedConfigurationNeeded',
    );
    const stillOld = ENCLAVE.certify({ version: 5, teeType: 'tdx', body: body.with(584, 3) });
    expect(outcomeOf({ bytes: stillOld, policy })).toBe('OutOfDate');
    const platformOld = [{ ...TCB_LEVEL, status: 'OutOfDate' as const }];
    expect(outcomeOf({ bytes, policy, collateral: PKI.collateral({ levels: platformOld }) })).toBe(
      'OutOfDate',
    );
  });
});
