// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { report } from '@kernel-models/hw-model/tdx';
import {
  driver,
  nobleBackend,
  quote,
  quotingEnclave,
  testPki,
  verify,
} from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { COLLATERAL, ENCLAVE, issue, issueSgx, NOW, PKI, PLATFORM, TD } from './issued.ts';
import { nodeSignatureBackend } from './node-backend.ts';

const model = covered(verify.verifierModel(nodeSignatureBackend));
const REVISION = 'dcap-1.23';
const TCB_LEVEL = testPki.TEST_TCB_LEVELS[0];
if (TCB_LEVEL === undefined) throw new Error('no TEST TCB level');

interface Case {
  readonly bytes?: Uint8Array;
  readonly collateral?: verify.Collateral;
  readonly time?: number;
  readonly policy?: verify.Policy;
  readonly root?: Uint8Array;
  readonly revision?: string;
}

/** The outcome of a verification, in short: a status, or step and reason. */
function outcomeOf(one: Case): string {
  const setup = {
    root: one.root ?? PKI.root,
    collateral: one.collateral ?? COLLATERAL,
    time: one.time ?? NOW,
    policy: one.policy ?? {},
  };
  const operation = { op: 'verify', quote: one.bytes ?? issue() } as const;
  const { outcome } = model.apply(model.initial(setup), operation, one.revision ?? REVISION);
  if (outcome.kind === 'accepted') return outcome.status ?? '';
  return outcome.kind === 'refused' ? `${outcome.step}: ${outcome.reason}` : outcome.kind;
}

const QUOTE = issue();
const { shape } = (() => {
  const parsed = quote.parseQuote(QUOTE);
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.quote;
})();
const flip = (at: number, bit = 0): Uint8Array => QUOTE.with(at, (QUOTE[at] ?? 0) ^ (1 << bit));

/** Another quote with everything the caller says, signed anew by the same keys. */
function resigned(change: (content: quote.QuoteContent) => quote.QuoteContent): Uint8Array {
  const content = change({ version: 4, teeType: 'tdx', body: QUOTE.slice(48, 632) });
  return ENCLAVE.certify(content);
}

describe('which part a flipped bit is found in', () => {
  const parts = [
    ['the body', 48, 632, 'quote-signature'],
    ['the signature', shape.authOffset, shape.authOffset + 64, 'quote-signature'],
    ['the attestation key', shape.authOffset + 64, shape.authOffset + 128, 'qe-report-data'],
    ['the QE report', shape.qeReportOffset, shape.qeReportOffset + 384, 'qe-report-signature'],
    [
      'its signature',
      shape.qeReportOffset + 384,
      shape.qeReportOffset + 448,
      'qe-report-signature',
    ],
    ['the auth data', shape.qeAuthOffset, shape.qeAuthOffset + shape.qeAuthSize, 'qe-report-data'],
  ] as const;

  test.each(parts)('%s', async (name, start, end, reason) => {
    await checkProperty(
      `verify.bit-flip-rejected in ${name}`,
      fc.property(fc.integer({ min: start, max: end - 1 }), fc.nat(7), (at, bit) => {
        expect(outcomeOf({ bytes: flip(at, bit) })).toBe(`${reason}: ${reason}`);
      }),
      { runs: 25 },
    );
  });
});

describe('verify.malleable-accepted: what says the same is taken', () => {
  test('padding of any kind', async () => {
    await checkProperty(
      'padding is ignored',
      fc.property(fc.uint8Array({ maxLength: 100 }), (padding) => {
        expect(outcomeOf({ bytes: Uint8Array.from([...QUOTE, ...padding]) })).toBe('UpToDate');
      }),
      { runs: 20 },
    );
  });

  test('signatures with either s', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    for (const at of [shape.authOffset + 32, shape.qeReportOffset + 384 + 32]) {
      const s = BigInt(`0x${Buffer.from(QUOTE.subarray(at, at + 32)).toString('hex')}`);
      const other = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
      const bytes = QUOTE.slice();
      bytes.set(other, at);
      expect(outcomeOf({ bytes })).toBe('UpToDate');
    }
  });
});

describe('verify.chain-says-what-it-may: a certificate is used for what it says it is for', () => {
  test.each<[string, testPki.TestMistake, string]>([
    [
      'a platform CA that is none',
      { certificate: 'platform-ca', isCa: false },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a platform CA that may not sign certificates',
      { certificate: 'platform-ca', keyUsage: 0x02 },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a platform CA that may not sign lists',
      { certificate: 'platform-ca', keyUsage: 0x04 },
      'pck-chain: crl-invalid',
    ],
    [
      'a PCK certificate that is a CA',
      { certificate: 'pck', isCa: true },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a PCK certificate that may not sign',
      { certificate: 'pck', keyUsage: 0x40 },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a TCB signer that is a CA',
      { certificate: 'tcb-signing', isCa: true },
      'tcb-info: bad-certificate-chain',
    ],
    [
      'a TCB signer that may not sign',
      { certificate: 'tcb-signing', keyUsage: 0x40 },
      'tcb-info: bad-certificate-chain',
    ],
  ])('%s', (_, mistake, expected) => {
    const pki = testPki.createTestPki({ mistake });
    const enclave = quotingEnclave.createQuotingEnclave(pki, PLATFORM);
    const quoted = enclave.quoteTd(report(TD, new Uint8Array(64)).report);
    if (!quoted.ok) throw new Error(quoted.reason);
    const collateral = pki.collateral();
    expect(outcomeOf({ root: pki.root, bytes: quoted.quote, collateral })).toBe(expected);
  });
});

test('verify.foreign-root-rejected: names do not make a root', () => {
  const foreign = testPki.createTestPki({ seed: 'somebody else' });
  expect(outcomeOf({ root: foreign.root })).toBe('pck-chain: untrusted-root');
  expect(outcomeOf({ root: new Uint8Array(9) })).toBe('pck-chain: untrusted-root');
});

describe('verify.time-within-windows', () => {
  const { from, to } = testPki.TEST_COLLATERAL_WINDOW;
  const [start = 0, end = 0] = [from, to].map((iso) => Date.parse(iso) / 1000);

  test('a verdict depends on the time through windows alone', async () => {
    await checkProperty(
      'accepted exactly within the window',
      fc.property(
        fc.oneof(
          fc.constantFrom(start - 1, start, end, end + 1),
          fc.integer({ min: start - 10_000_000, max: end + 10_000_000 }),
        ),
        (time) => {
          const accepted = outcomeOf({ time }) === 'UpToDate';
          expect(accepted).toBe(time >= start && time <= end);
        },
      ),
      { runs: 40 },
    );
  });

  test('each document has its own', () => {
    const early = PKI.collateral({ window: { from, to: '2026-03-01T00:00:00Z' } });
    const lists = { rootCaCrl: COLLATERAL.rootCaCrl, pckCrl: COLLATERAL.pckCrl };
    expect(outcomeOf({ collateral: { ...early, ...lists } })).toBe('tcb-info: tcb-info-expired');
    const oldQe = {
      qeIdentity: early.qeIdentity,
      qeIdentitySignature: early.qeIdentitySignature,
    };
    expect(outcomeOf({ collateral: { ...COLLATERAL, ...oldQe } })).toBe(
      'qe-identity: qe-identity-expired',
    );
    const late = PKI.collateral({ window: { from: '2026-09-01T00:00:00Z', to } });
    expect(outcomeOf({ collateral: { ...late, ...lists } })).toBe(
      'tcb-info: tcb-info-not-yet-valid',
    );
    const shortLived = testPki.createTestPki({ certificateWindow: { from, to } });
    expect(
      outcomeOf({
        root: shortLived.root,
        collateral: shortLived.collateral(),
        bytes: QUOTE,
        time: NOW,
      }),
    ).not.toContain('expired');
    expect(outcomeOf({ time: Date.parse('2050-06-01T00:00:00Z') / 1000 })).toBe(
      'pck-chain: certificate-expired',
    );
  });
});

test('verify.revoked-rejected', () => {
  for (const [revoked, step] of [
    ['pck', 'pck-chain'],
    ['platform-ca', 'pck-chain'],
    ['tcb-signing', 'tcb-info'],
  ] as const) {
    const collateral = PKI.collateral({ revoked: [revoked] });
    expect(outcomeOf({ collateral })).toBe(`${step}: certificate-revoked`);
  }
});

test('verify.debug-rejected, unless it is asked for', () => {
  const bytes = issue(undefined, 'v4', driver.tdNamed('platform', 'kernel', (1n << 28n) | 1n));
  expect(outcomeOf({ bytes })).toBe('policy: policy-debug');
  expect(outcomeOf({ bytes, policy: { allowDebug: true } })).toBe('UpToDate');
});

test('verify.signature-over-exact-text: another way to write the same is another text', () => {
  const spaced = COLLATERAL.tcbInfo.replace('{"id"', '{ "id"');
  expect(outcomeOf({ collateral: { ...COLLATERAL, tcbInfo: spaced } })).toBe(
    'tcb-info: tcb-info-signature',
  );
  const wrapped = `{"tcbInfo":${COLLATERAL.tcbInfo},"signature":"00"}`;
  expect(outcomeOf({ collateral: { ...COLLATERAL, tcbInfo: wrapped } })).toBe('UpToDate');
});

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

describe('what is refused, and where', () => {
  const pem = new TextDecoder().decode(QUOTE.slice(shape.certificationOffset));
  const withChain = (chain: string): Uint8Array => {
    const parsed = quote.parseQuote(QUOTE);
    if (!parsed.ok) throw new Error(parsed.detail);
    const certificationData = new TextEncoder().encode(chain);
    return quote.serialiseQuote(parsed.quote.signedRange, 4, {
      ...quote.authDataOf(parsed.quote),
      certificationData,
    });
  };
  const garbage = new Uint8Array([0x30, 0x03, 0x02, 0x01]);
  const cases: readonly (readonly [string, Case, string])[] = [
    ['nothing', { bytes: new Uint8Array() }, 'parse: malformed'],
    ['version 2', { bytes: QUOTE.with(0, 2) }, 'parse: unsupported-version'],
    ['another TEE', { bytes: QUOTE.with(4, 1) }, 'parse: unsupported-tee-type'],
    ['a TD of version 3', { bytes: QUOTE.with(0, 3) }, 'parse: version-tee-mismatch'],
    ['another outer type', { bytes: QUOTE.with(764, 1) }, 'parse: unsupported-certification-data'],
    [
      'no chain',
      { bytes: QUOTE.with(shape.certificationOffset - 6, 1) },
      'parse: unsupported-certification-data',
    ],
    [
      'P-384',
      { bytes: resigned((content) => ({ ...content, attestationKeyType: 3 })) },
      'parse: unsupported-attestation-key-type',
    ],
    [
      'another vendor',
      { bytes: resigned((content) => ({ ...content, qeVendorId: new Uint8Array(16) })) },
      'parse: unknown-qe-vendor',
    ],
    [
      'SGX in version 4',
      { bytes: ENCLAVE.certify({ version: 4, teeType: 'sgx', body: new Uint8Array(384) }) },
      'parse: unsupported-tee-type',
    ],
    [
      'PEM garbage',
      { bytes: withChain('-----BEGIN CERTIFICATE-----\n!\n') },
      'pck-chain: bad-certificate-chain',
    ],
    ['no PEM', { bytes: withChain('') }, 'pck-chain: bad-certificate-chain'],
    [
      'two certificates',
      { bytes: withChain(pem.slice(pem.indexOf('-----BEGIN', 5))) },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a list that is none',
      { collateral: { ...COLLATERAL, pckCrl: garbage } },
      'pck-chain: crl-invalid',
    ],
    [
      'the list of another CA',
      { collateral: { ...COLLATERAL, pckCrl: COLLATERAL.rootCaCrl } },
      'pck-chain: crl-invalid',
    ],
    [
      'a list with another signature',
      { collateral: { ...COLLATERAL, rootCaCrl: COLLATERAL.rootCaCrl.with(60, 1) } },
      'pck-chain: crl-invalid',
    ],
    ['no JSON', { collateral: { ...COLLATERAL, tcbInfo: '{' } }, 'tcb-info: tcb-info-invalid'],
    [
      'a nesting without end',
      { collateral: { ...COLLATERAL, tcbInfo: '['.repeat(100_000) } },
      'tcb-info: tcb-info-invalid',
    ],
    [
      'no chain of the TCB info',
      { collateral: { ...COLLATERAL, tcbInfoIssuerChain: '' } },
      'tcb-info: bad-certificate-chain',
    ],
    [
      'another TCB info signature',
      { collateral: { ...COLLATERAL, tcbInfoSignature: new Uint8Array(64) } },
      'tcb-info: tcb-info-signature',
    ],
    [
      'collateral for SGX',
      { collateral: PKI.collateral({ tee: 'sgx' }) },
      'tcb-info: tcb-info-mismatch',
    ],
    [
      'another platform',
      { collateral: PKI.collateral({ fmspc: new Uint8Array(6) }) },
      'tcb-info: tcb-info-mismatch',
    ],
    [
      'no identity',
      { collateral: { ...COLLATERAL, qeIdentity: 'null' } },
      'qe-identity: qe-identity-invalid',
    ],
    [
      'another identity signature',
      { collateral: { ...COLLATERAL, qeIdentitySignature: new Uint8Array(64) } },
      'qe-identity: qe-identity-signature',
    ],
    [
      'a quoting enclave below every level',
      { collateral: PKI.collateral({ qeLevels: [{ isvSvn: 5, status: 'UpToDate' }] }) },
      'qe-identity: tcb-not-supported',
    ],
    [
      'a module below every level',
      { collateral: PKI.collateral({ moduleLevels: [{ isvSvn: 6, status: 'UpToDate' }] }) },
      'tdx-module: tcb-not-supported',
    ],
    [
      'a module of no known version',
      { bytes: resigned((content) => ({ ...content, body: content.body.with(1, 9) })) },
      'tdx-module: tdx-module-mismatch',
    ],
    [
      'a module that somebody else signed',
      { bytes: resigned((content) => ({ ...content, body: content.body.with(64, 9) })) },
      'tdx-module: tdx-module-mismatch',
    ],
    [
      'SEAM attributes',
      { bytes: resigned((content) => ({ ...content, body: content.body.with(112, 1) })) },
      'tdx-module: tdx-module-mismatch',
    ],
    [
      'a status that is not good enough',
      { collateral: PKI.collateral({ levels: [{ ...TCB_LEVEL, status: 'OutOfDate' }] }) },
      'policy: policy-status',
    ],
    [
      'a reserved attribute',
      { bytes: resigned((content) => ({ ...content, body: content.body.with(124, 1) })) },
      'policy: policy-attributes',
    ],
    [
      'profiling',
      { bytes: resigned((content) => ({ ...content, body: content.body.with(120, 0x10) })) },
      'policy: policy-attributes',
    ],
    [
      'no SEPT_VE_DISABLE',
      {
        bytes: issue(undefined, 'v4', driver.tdNamed('platform', 'kernel', 0n)),
        policy: { requireSeptVeDisable: true },
      },
      'policy: policy-attributes',
    ],
    ['another MRTD', { policy: { mrTd: [new Uint8Array(48)] } }, 'policy: policy-measurement'],
    ['another RTMR', { policy: { rtmr: { 1: [] } } }, 'policy: policy-measurement'],
    [
      'an SVN below the least',
      { policy: { minTeeTcbSvn: new Uint8Array(16).fill(6) } },
      'policy: policy-min-svn',
    ],
    [
      'another REPORTDATA',
      { policy: { reportData: new Uint8Array(64) } },
      'policy: policy-report-data',
    ],
  ];

  test.each(cases)('%s', (_, one, outcome) => {
    expect(outcomeOf(one)).toBe(outcome);
  });

  test('a service TD, unless it is asked for', () => {
    const body = new Uint8Array(648);
    body.set(QUOTE.slice(48, 632));
    body.fill(1, 600);
    const bytes = ENCLAVE.certify({ version: 5, teeType: 'tdx', body });
    expect(outcomeOf({ bytes })).toBe('policy: policy-measurement');
    expect(outcomeOf({ bytes, policy: { allowServiceTd: true } })).toBe('UpToDate');
  });

  test('a quoting enclave that is another one', () => {
    const parsed = quote.parseQuote(QUOTE);
    if (!parsed.ok) throw new Error(parsed.detail);
    const auth = quote.authDataOf(parsed.quote);
    for (const at of [16, 48, 128, 256]) {
      const qeReport = auth.qeReport.with(at, (auth.qeReport[at] ?? 0) ^ 1);
      const bytes = quote.serialiseQuote(parsed.quote.signedRange, 4, {
        ...auth,
        qeReport,
        qeReportSignature: PKI.pckKey.sign(qeReport),
      });
      expect(outcomeOf({ bytes })).toBe('qe-identity: qe-identity-mismatch');
    }
  });

  test('a QE report whose data goes on behind the hash', () => {
    const parsed = quote.parseQuote(QUOTE);
    if (!parsed.ok) throw new Error(parsed.detail);
    const auth = quote.authDataOf(parsed.quote);
    const qeReport = auth.qeReport.with(383, 1);
    const bytes = quote.serialiseQuote(parsed.quote.signedRange, 4, {
      ...auth,
      qeReport,
      qeReportSignature: PKI.pckKey.sign(qeReport),
    });
    expect(outcomeOf({ bytes })).toBe('qe-report-data: qe-report-data');
  });

  test('a PCK certificate without what it must say', () => {
    const broken = testPki.createTestPki({ platform: { ppid: new Uint8Array(3) } });
    const parsed = quote.parseQuote(QUOTE);
    if (!parsed.ok) throw new Error(parsed.detail);
    const bytes = quote.serialiseQuote(parsed.quote.signedRange, 4, {
      ...quote.authDataOf(parsed.quote),
      certificationData: new TextEncoder().encode(broken.pckChain),
    });
    expect(outcomeOf({ bytes })).toBe('pck-extension: pck-extension-invalid');
  });
});

describe('SGX quotes of version 3', () => {
  const collateral = PKI.collateral({ tee: 'sgx' });
  test('verify with collateral of SGX', () => {
    expect(outcomeOf({ bytes: issueSgx(), collateral })).toBe('UpToDate');
    expect(outcomeOf({ bytes: issueSgx() })).toBe('tcb-info: tcb-info-mismatch');
  });
  test('of a debugged enclave are refused', () => {
    const debugged = new Uint8Array(384);
    debugged[48] = 7;
    const bytes = ENCLAVE.quoteEnclave(debugged);
    expect(outcomeOf({ bytes, collateral })).toBe('policy: policy-debug');
    expect(outcomeOf({ bytes, collateral, policy: { allowDebug: true } })).toBe('UpToDate');
  });
});

test('a stricter policy never accepts more', async () => {
  const demands = fc.record(
    {
      statuses: fc.subarray([...verify.TCB_STATUSES]),
      allowDebug: fc.boolean(),
      requireSeptVeDisable: fc.boolean(),
      reportData: fc.constantFrom(new Uint8Array(64), new Uint8Array(64).fill(0x5a)),
    },
    { requiredKeys: [] },
  );
  await checkProperty(
    'policy is monotonic',
    fc.property(
      demands,
      fc.constantFrom<keyof verify.Policy>('reportData', 'requireSeptVeDisable'),
      (policy, dropped) => {
        const looser = Object.fromEntries(
          Object.entries(policy).filter(([name]) => name !== dropped),
        );
        const strict = outcomeOf({ policy });
        if (!strict.includes(':')) expect(outcomeOf({ policy: looser })).toBe(strict);
      },
    ),
    { runs: 25 },
  );
});

test('both signature backends give the same verdicts', () => {
  const verifiers = [nobleBackend, nodeSignatureBackend].map((backend) =>
    verify.createVerifier({ root: PKI.root, backend }),
  );
  for (const bytes of [
    QUOTE,
    flip(100),
    flip(shape.authOffset),
    flip(shape.authOffset + 64),
    flip(shape.qeReportOffset),
  ]) {
    const [noble, node] = verifiers.map((verifier) => verifier.verify(bytes, COLLATERAL, NOW));
    expect(noble?.ok).toBe(node?.ok);
    if (noble?.ok === false && node?.ok === false) expect(noble.reason).toBe(node.reason);
  }
});

test('setups, operations and outcomes survive JSON', () => {
  const { codec } = model;
  const setup = { root: PKI.root, collateral: COLLATERAL, time: NOW, policy: {} };
  expect(codec.decodeSetup(JSON.parse(JSON.stringify(codec.encodeSetup(setup))))).toEqual(setup);
  const operation = { op: 'set-time', time: 5 } as const;
  expect(codec.decodeOperation(codec.encodeOperation(operation))).toEqual(operation);
  const step = model.apply(setup, operation, REVISION);
  expect(step.state.time).toBe(5);
  expect(codec.decodeOutcome(codec.encodeOutcome(step.outcome))).toEqual({ kind: 'done' });
  expect(model.matches?.({ kind: 'accepted' }, { kind: 'accepted', status: 'UpToDate' })).toBe(
    true,
  );
  expect(model.matches?.({ kind: 'refused' }, { kind: 'done' })).toBe(false);
});
