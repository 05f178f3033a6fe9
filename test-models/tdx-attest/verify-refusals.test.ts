// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { driver, testPki } from '@kernel-models/tdx-attest';
import { COLLATERAL, ENCLAVE, issue, PKI } from './issued.ts';
import { outcomeOf, PARSED, QUOTE, resigned, withAuthData, type Case } from './verify-case.ts';

/* Everything that is refused for a reason of its own, and at which step. */

const TCB_LEVEL = testPki.TEST_TCB_LEVELS[0];
if (TCB_LEVEL === undefined) throw new Error('no TEST TCB level');
const { shape } = PARSED;

describe('what is refused, and where', () => {
  const pem = new TextDecoder().decode(QUOTE.slice(shape.certificationOffset));
  const withChain = (chain: string): Uint8Array =>
    withAuthData(() => ({ certificationData: new TextEncoder().encode(chain) }));
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
      'SGX in version 5',
      { bytes: ENCLAVE.certify({ version: 5, teeType: 'sgx', body: new Uint8Array(384) }) },
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

  test.each([
    ['MISCSELECT', 16, 'qe-identity: qe-identity-mismatch'],
    ['ATTRIBUTES', 48, 'qe-identity: qe-identity-mismatch'],
    ['MRSIGNER', 128, 'qe-identity: qe-identity-mismatch'],
    ['ISVPRODID', 256, 'qe-identity: qe-identity-mismatch'],
    ['data behind the hash', 383, 'qe-report-data: qe-report-data'],
  ])('a quoting enclave with another %s', (_, at, outcome) => {
    const bytes = withAuthData((auth) => {
      const qeReport = auth.qeReport.with(at, (auth.qeReport[at] ?? 0) ^ 1);
      return { qeReport, qeReportSignature: PKI.pckKey.sign(qeReport) };
    });
    expect(outcomeOf({ bytes })).toBe(outcome);
  });

  test('a PCK certificate without what it must say', () => {
    const broken = testPki.createTestPki({ platform: { ppid: new Uint8Array(3) } });
    const certificationData = new TextEncoder().encode(broken.pckChain);
    expect(outcomeOf({ bytes: withAuthData(() => ({ certificationData })) })).toBe(
      'pck-extension: pck-extension-invalid',
    );
  });
});
