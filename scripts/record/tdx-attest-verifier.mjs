// SPDX-License-Identifier: MIT
// Records what another verifier, @phala/dcap-qvl, says of TEST quotes, for the model tdx-attest.verifier.
//
//   npm run build && node scripts/record/tdx-attest-verifier.mjs
//
// Left out are bytes of a quote on which the two differ by design: packages/tdx-attest/README.md lists
// them, and test-models/tdx-attest/peer.test.ts holds the list against both.
import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { observedOne, writeTrace } from '@kernel-models/model-core';
import { report } from '@kernel-models/hw-model/tdx';
import { collateralFields } from '@kernel-models/oracle';
import { driver, quote, quotingEnclave, testPki, verify } from '@kernel-models/tdx-attest';

const require = createRequire(import.meta.url);
const { QuoteVerifier } = require('@phala/dcap-qvl');
const { version } = require('@phala/dcap-qvl/package.json');

const pki = testPki.createTestPki();
const enclave = quotingEnclave.createQuotingEnclave(pki, driver.platformNamed('platform'));
const td = driver.tdNamed('platform');
const NOW = Date.parse('2026-06-01T00:00:00Z') / 1000;
const DAY = 86_400;

const issue = (format, of = td) =>
  enclave.quoteTd(report(of, new Uint8Array(64).fill(0x5a)).report, format).quote;
const plain = issue('v4');
const { shape } = quote.parseQuote(plain).quote;
const debug = driver.tdNamed('platform', 'kernel', (1n << 28n) | 1n);

/** One bit of every part that both look at. */
const FLIPPED = [
  0,
  2,
  4,
  30,
  48,
  64,
  112,
  160,
  168,
  184,
  300,
  376,
  500,
  568,
  631,
  shape.authOffset,
  shape.authOffset + 40,
  shape.authOffset + 64,
  shape.authOffset + 127,
  shape.qeReportOffset,
  shape.qeReportOffset + 128,
  shape.qeReportOffset + 320,
  shape.qeReportOffset + 352,
  shape.qeReportOffset + 384,
  shape.qeReportOffset + 440,
  shape.qeAuthOffset,
  shape.certificationOffset + 100,
  shape.certificationOffset + 900,
];
const quotes = [
  plain,
  issue('v5-1.0'),
  issue('v5-1.5'),
  issue('v4', debug),
  Uint8Array.from([...plain, ...new Uint8Array(70)]),
  plain.slice(0, 600),
  plain.slice(0, -1),
  new Uint8Array(48),
  ...FLIPPED.map((at) => plain.with(at, plain[at] ^ 1)),
];
const sgx = new Uint8Array(384);
sgx[48] = 5;
const newest = testPki.TEST_TCB_LEVELS[0];
const level = (changes) => [{ ...newest, ...changes }, testPki.TEST_TCB_LEVELS[1]];

const traces = [
  trace('current', pki.collateral(), [NOW, NOW + 365 * DAY, NOW - 365 * DAY], quotes),
  trace('revoked PCK', pki.collateral({ revoked: ['pck'] }), [NOW], [plain]),
  trace('revoked platform CA', pki.collateral({ revoked: ['platform-ca'] }), [NOW], [plain]),
  trace('revoked TCB signing', pki.collateral({ revoked: ['tcb-signing'] }), [NOW], [plain]),
  trace('another platform', pki.collateral({ fmspc: new Uint8Array(6) }), [NOW], [plain]),
  trace('SGX', pki.collateral({ tee: 'sgx' }), [NOW], [enclave.quoteEnclave(sgx)]),
  ...['SWHardeningNeeded', 'ConfigurationNeeded', 'OutOfDate', 'Revoked'].map((status) =>
    trace(`platform ${status}`, pki.collateral({ levels: level({ status }) }), [NOW], [plain]),
  ),
  trace('newer PCE', pki.collateral({ levels: level({ pceSvn: 14 }) }), [NOW], [plain]),
  trace('no level', pki.collateral({ levels: [{ ...newest, pceSvn: 14 }] }), [NOW], [plain]),
  trace(
    'old QE',
    pki.collateral({ qeLevels: [{ isvSvn: 3, status: 'OutOfDate' }] }),
    [NOW],
    [plain],
  ),
  trace(
    'QE below',
    pki.collateral({ qeLevels: [{ isvSvn: 9, status: 'UpToDate' }] }),
    [NOW],
    [plain],
  ),
];

function trace(name, collateral, times, of) {
  const events = [];
  const push = (operation, outcome) =>
    events.push({ seq: events.length, operation, observed: observedOne(outcome) });
  for (const [index, time] of times.entries()) {
    push({ op: 'set-time', time }, { kind: 'done' });
    for (const one of index === 0 ? of : of.slice(0, 1)) {
      push({ op: 'verify', quote: one }, ask(collateral, one, time));
    }
  }
  return {
    model: verify.model.name,
    revision: 'dcap-1.23',
    setup: {
      root: pki.root,
      collateral,
      time: NOW,
      // The peer takes every status that is not revoked.
      policy: { statuses: verify.TCB_STATUSES },
    },
    source: {
      kind: 'library',
      kernel: `@phala/dcap-qvl ${version}`,
      config: name,
      script: 'scripts/record/tdx-attest-verifier.mjs',
    },
    recordedAt: new Date().toISOString(),
    events,
  };
}

function ask(collateral, bytes, time) {
  try {
    const { status } = QuoteVerifier.newWithRootCa(Buffer.from(pki.root)).verify(
      Buffer.from(bytes),
      collateralFields(collateral),
      time,
    );
    return { kind: 'accepted', status };
  } catch {
    return { kind: 'refused' };
  }
}

const folder = fileURLToPath(
  new URL('../../packages/oracle/recordings/tdx-attest.verifier/', import.meta.url),
);
mkdirSync(folder, { recursive: true });
const text = traces.map((one) => writeTrace(one, verify.model.codec)).join('');
writeFileSync(`${folder}dcap-qvl-${version}.jsonl.gz`, gzipSync(text, { level: 9 }));
const count = traces.reduce((sum, { events }) => sum + events.length, 0);
console.log(`dcap-qvl-${version}.jsonl.gz: ${traces.length} traces, ${count} events`);
