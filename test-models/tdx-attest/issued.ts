// SPDX-License-Identifier: MIT
import { report } from '@kernel-models/hw-model/tdx';
import { driver, quotingEnclave, testPki } from '@kernel-models/tdx-attest';

/** One TEST hierarchy, its platform and enclave, for all tests of quotes. */
export const PKI = testPki.createTestPki();
export const PLATFORM = driver.platformNamed('platform');
export const ENCLAVE = quotingEnclave.createQuotingEnclave(PKI, PLATFORM);
export const TD = driver.tdNamed('platform');
export const COLLATERAL = PKI.collateral();

/** Seconds since 1970, within the window of {@link COLLATERAL}. */
export const NOW = Date.parse('2026-06-01T00:00:00Z') / 1000;

/** A quote over the example TD with a REPORTDATA. */
export function issue(
  reportData: Uint8Array = new Uint8Array(64).fill(0x5a),
  format: quotingEnclave.TdQuoteFormat = 'v4',
  td: typeof TD = TD,
): Uint8Array {
  const result = ENCLAVE.quoteTd(report(td, reportData).report, format);
  if (!result.ok) throw new Error(`quoting enclave: ${result.reason}`);
  return result.quote;
}

/** A v3 quote over an enclave that is not debugged. */
export function issueSgx(): Uint8Array {
  const enclave = new Uint8Array(384);
  enclave.set([0x05], 48);
  return ENCLAVE.quoteEnclave(enclave);
}
