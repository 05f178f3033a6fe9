// SPDX-License-Identifier: MIT
import { sha256 } from '@noble/hashes/sha2.js';
import { extend, report, TDREPORT_OFFSET, type TdState } from '@kernel-models/hw-model/tdx';
import { asciiBytes } from '../bytes.ts';
import { signingKeyOf } from '../crypto/signing-key.ts';
import { platformNamed, tdNamed } from '../driver/index.ts';
import { parseQuote } from '../quote/index.ts';
import { createQuotingEnclave, type QuotingEnclave } from '../quoting-enclave/quoting-enclave.ts';
import { createTestPki, type TestPki } from '../test-pki/test-pki.ts';
import { reportDataOf, type Binding } from './protocol.ts';

/* The world outside of the key server: TDs, good and bad, their host, and who sits on the wire. */

/** Which TD makes the report. */
export type TdKind =
  /** The one that the key is for. */
  | 'wanted'
  /** Another image, so another MRTD; the attacker's own. */
  | 'other-image'
  /** The wanted image, in a TD that its host may debug. */
  | 'debug'
  /** The wanted one, after something was loaded that RTMR2 shows. */
  | 'tampered'
  /** The wanted image under a TDX module of long ago. */
  | 'old-module'
  /** The wanted image on a platform that is not this quoting enclave's. */
  | 'other-platform';

export const TD_KINDS: readonly TdKind[] = [
  'wanted',
  'other-image',
  'debug',
  'tampered',
  'old-module',
  'other-platform',
];

/** What the host does to a TDREPORT before the quoting enclave sees it. */
export type ReportEdit = 'none' | 'report-data' | 'measurement';
export const REPORT_EDITS: readonly ReportEdit[] = ['none', 'report-data', 'measurement'];

/** What the host does to a quote on its way. */
export type QuoteEdit = 'none' | 'body' | 'cut' | 'padded' | 'high-s';
export const QUOTE_EDITS: readonly QuoteEdit[] = ['none', 'body', 'cut', 'padded', 'high-s'];

/** Whose key: the TD's own, or that of who sits on the wire. */
export type KeyHolder = 'td' | 'attacker';
export const KEY_HOLDERS: readonly KeyHolder[] = ['td', 'attacker'];

/** How evidence comes about. */
export interface Evidence {
  readonly td: TdKind;
  /** Session whose nonce the TD was given; -1: it made one up. */
  readonly nonceOf: number;
  /** Whose key the TD put into REPORTDATA. A TD that is not the attacker's puts its own. */
  readonly boundKey: KeyHolder;
  /** Whose key is presented to the server. */
  readonly presentedKey: KeyHolder;
  readonly reportEdit: ReportEdit;
  readonly quoteEdit: QuoteEdit;
}

/** Evidence as nobody has touched it. */
export const HONEST: Omit<Evidence, 'nonceOf'> = Object.freeze({
  td: 'wanted',
  boundKey: 'td',
  presentedKey: 'td',
  reportEdit: 'none',
  quoteEdit: 'none',
});

/** Seeds of ephemeral keys. */
export const KEY_SEED: Readonly<Record<KeyHolder, string>> = {
  td: 'TEST ephemeral key of the TD',
  attacker: 'TEST ephemeral key of the attacker',
};

/** What evidence is made with. Made once for a setup: nothing in it changes. */
export interface World {
  readonly pki: TestPki;
  readonly enclave: QuotingEnclave;
  readonly tds: Readonly<Record<TdKind, TdState>>;
  /** x || y of the ephemeral keys. */
  readonly publicKeys: Readonly<Record<KeyHolder, Uint8Array>>;
}

const DEBUG = 1n;
const SEPT_VE_DISABLE = 1n << 28n;

/** The world of a name. */
export function createWorld(name: string): World {
  const pki = createTestPki({ seed: name });
  const wanted = tdNamed(name);
  const oldModule = Uint8Array.of(1, 1, 1, ...new Uint8Array(13));
  return {
    pki,
    enclave: createQuotingEnclave(pki, platformNamed(name)),
    publicKeys: { td: publicKeyOf('td'), attacker: publicKeyOf('attacker') },
    tds: {
      wanted,
      'other-image': tdNamed(name, 'another kernel'),
      debug: tdNamed(name, 'kernel', SEPT_VE_DISABLE | DEBUG),
      tampered: extend(wanted, 2, sha256(asciiBytes('rootkit')).slice(0, 48)),
      'old-module': { ...wanted, module: { ...wanted.module, teeTcbSvn: oldModule } },
      'other-platform': tdNamed(`not ${name}`),
    },
  };
}

/** The public key of somebody. */
export function publicKeyOf(holder: KeyHolder): Uint8Array {
  return signingKeyOf(KEY_SEED[holder]).point;
}

/**
 * The quote that evidence brings, or undefined where the quoting enclave refuses the report.
 *
 * @param nonce the one that the TD was given
 */
export function makeQuote(
  world: World,
  evidence: Evidence,
  binding: Binding,
  nonce: Uint8Array,
): Uint8Array | undefined {
  const reportData = reportDataOf(binding, nonce, world.publicKeys[evidence.boundKey]);
  const made = report(world.tds[evidence.td], reportData).report;
  const quoted = world.enclave.quoteTd(editReport(made, evidence.reportEdit));
  return quoted.ok ? editQuote(quoted.quote, evidence.quoteEdit) : undefined;
}

function editReport(original: Uint8Array, edit: ReportEdit): Uint8Array {
  if (edit === 'none') return original;
  const at = edit === 'report-data' ? TDREPORT_OFFSET.reportData : TDREPORT_OFFSET.tdInfo + 16;
  return original.with(at, (original[at] ?? 0) ^ 1);
}

/** Order of P-256. Origin: FIPS 186-5; SEC 2, secp256r1. */
const ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;

function editQuote(original: Uint8Array, edit: QuoteEdit): Uint8Array {
  switch (edit) {
    case 'none':
      return original;
    case 'body':
      return original.with(200, (original[200] ?? 0) ^ 1);
    case 'cut':
      return original.slice(0, -40);
    case 'padded':
      return Uint8Array.from([...original, ...new Uint8Array(39)]);
    case 'high-s': {
      const parsed = parseQuote(original);
      return parsed.ok ? withOtherS(original, parsed.quote.shape.authOffset + 32) : original;
    }
  }
}

/** The same signature with n - s in place of s: it verifies, and its bytes are others. */
function withOtherS(original: Uint8Array, offset: number): Uint8Array {
  const changed = original.slice();
  const s = changed
    .subarray(offset, offset + 32)
    .reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const digits = (ORDER - s).toString(16).padStart(64, '0');
  for (let index = 0; index < 32; index += 1) {
    changed[offset + index] = parseInt(digits.slice(2 * index, 2 * index + 2), 16);
  }
  return changed;
}
