// SPDX-License-Identifier: MIT
import { report } from '@kernel-models/hw-model/tdx';
import { collateralFields, nodeSignatureBackend } from '@kernel-models/oracle';
import {
  driver,
  nobleBackend,
  quote,
  quotingEnclave,
  TDX_CMD_GET_REPORT0,
  testPki,
  tsm,
  verify,
} from '@kernel-models/tdx-attest';
import type { Benchmark, Series } from '../benchmark.ts';
import { measureInterleaved, type Subject } from '../measure.ts';
import { loadPeer } from './peer.ts';

const PARSE_FIXED = 'quote: parse header and body';
const PARSE = 'quote: parse, 3,584 bytes';
const VERIFY = 'quote: verify, certificates and collateral known';
const VERIFY_COLD = 'quote: verify, everything new';
const TRANSITIONS = 'driver and report items: transition';
const RAW = 'the two signatures alone, node:crypto';

const PKI = testPki.createTestPki();
const COLLATERAL = PKI.collateral();
const NOW = Date.parse('2026-06-01T00:00:00Z') / 1000;
const QUOTE = makeQuote();

function makeQuote(): Uint8Array {
  const made = report(driver.tdNamed('platform'), new Uint8Array(64).fill(0x5a)).report;
  const enclave = quotingEnclave.createQuotingEnclave(PKI, driver.platformNamed('platform'));
  const quoted = enclave.quoteTd(made);
  if (!quoted.ok) throw new Error(`TEST quote: ${quoted.reason}`);
  return quoted.quote;
}

/**
 * The speed of tdx-attest beside another verifier: parsing, verifying, transitions of the guest.
 */
export const tdxAttestSpeed: Benchmark = {
  name: 'tdx-attest',
  title: 'tdx-attest',
  baseline: '@phala/dcap-qvl',
  goals: [
    { workload: PARSE_FIXED, subject: 'model', atLeastPerSecond: 1_000_000 },
    { workload: VERIFY, subject: 'node:crypto', atMost: { ratio: 1.3, of: RAW } },
    { workload: TRANSITIONS, subject: 'model', atLeastPerSecond: 200_000 },
  ],
  run({ quick, progress }) {
    const options = { samples: quick ? 3 : 11 };
    // Long paths are optimised after some thousand runs; before that a compiler is measured.
    const warm = { ...options, warmUp: quick ? 3 : 40 };
    const peer = loadPeer();
    if (peer === undefined) progress('@phala/dcap-qvl is left out: it is not installed');
    const bytes = Buffer.from(QUOTE);
    const peers = (subject: Subject['run']): readonly Subject[] =>
      peer === undefined ? [] : [{ subject: '@phala/dcap-qvl', run: subject }];
    const root = Buffer.from(PKI.root);
    const collateral = collateralFields(COLLATERAL);
    const series: readonly Series[] = [
      ...measureInterleaved(PARSE_FIXED, [{ subject: 'model', run: parseFixed }], warm),
      ...measureInterleaved(
        PARSE,
        [
          { subject: 'model', run: parse },
          ...peers(() => repeat(100, () => peer?.Quote.parse(bytes))),
        ],
        options,
      ),
      ...measureInterleaved(
        VERIFY,
        [
          verifying('node:crypto', nodeSignatureBackend),
          verifying('noble', nobleBackend),
          rawSignatures(),
        ],
        warm,
      ),
      ...measureInterleaved(
        VERIFY_COLD,
        [
          verifyingCold(),
          ...peers(() =>
            repeat(1, () => peer?.QuoteVerifier.newWithRootCa(root).verify(bytes, collateral, NOW)),
          ),
        ],
        options,
      ),
      ...measureInterleaved(TRANSITIONS, [{ subject: 'model', run: guestSession }], warm),
    ];
    return Promise.resolve(series);
  },
};

function repeat(count: number, work: () => unknown): number {
  for (let index = 0; index < count; index += 1) work();
  return count;
}

function parse(): number {
  return repeat(1000, () => quote.parseQuote(QUOTE));
}

/** The fixed part: where a body lies and what its nonce is. */
function parseFixed(): number {
  return repeat(1000, () => {
    const parsed = quote.parseFixedPart(QUOTE);
    if (!parsed.ok || parsed.fixed.body.reportData[0] !== 0x5a) throw new Error('not the quote');
  });
}

function verifying(
  subject: string,
  backend: NonNullable<verify.VerifierOptions['backend']>,
): Subject {
  const verifier = verify.createVerifier({ root: PKI.root, backend });
  return {
    subject,
    run: () =>
      repeat(10, () => {
        if (!verifier.verify(QUOTE, COLLATERAL, NOW).ok) throw new Error('refused');
      }),
  };
}

function verifyingCold(): Subject {
  return {
    subject: 'node:crypto',
    run: () =>
      repeat(1, () => {
        const verifier = verify.createVerifier({ root: PKI.root, backend: nodeSignatureBackend });
        if (!verifier.verify(QUOTE, { ...COLLATERAL }, NOW).ok) throw new Error('refused');
      }),
  };
}

/** What no verifier can do without: one key to import, two signatures to check. */
function rawSignatures(): Subject {
  const parsed = quote.parseQuote(QUOTE);
  if (!parsed.ok) throw new Error(parsed.detail);
  const { qeReport, qeReportSignature, attestationKey, signedRange, signature } = parsed.quote;
  const pckKey = nodeSignatureBackend.importKey(PKI.pckKey.point);
  return {
    subject: RAW,
    run: () =>
      repeat(10, () => {
        const key = nodeSignatureBackend.importKey(attestationKey);
        const genuine =
          pckKey?.verify(qeReport.bytes, qeReportSignature) === true &&
          key?.verify(signedRange, signature) === true;
        if (!genuine) throw new Error('refused');
      }),
  };
}

/** An agent's day: nonces written, quotes read, most of them again, the ioctl now and then. */
function guestSession(): number {
  const operations = SESSION;
  let state = FIRST;
  for (const operation of operations) state = tsm.model.apply(state, operation, 'linux-7.0').state;
  return operations.length;
}

const FIRST = tsm.model.initial(driver.DEFAULT_SETUP);
const SESSION: readonly tsm.TsmOperation[] = [
  { op: 'load' },
  { op: 'mkdir', name: 'q0', parent: 'report' },
  ...Array.from({ length: 40 }, (_, index): readonly tsm.TsmOperation[] => {
    const content = new Uint8Array(64).fill(index);
    const read = { op: 'read-outblob', name: 'q0' } as const;
    const generation = { op: 'read-generation', name: 'q0' } as const;
    const buffer = { reportData: content, mapped: 1088, writable: true };
    const ioctl = { op: 'ioctl', cmd: BigInt(TDX_CMD_GET_REPORT0), buffer } as const;
    const first = [{ op: 'write-inblob', name: 'q0', content } as const, generation, read];
    const again = Array.from({ length: 7 }, () => [read, generation]).flat();
    return index % 8 === 0 ? [...first, ...again, ioctl] : [...first, ...again];
  }).flat(),
];
