// SPDX-License-Identifier: MIT
import { areEqual } from '../bytes.ts';
import type { SignatureBackend } from '../crypto/signature-backend.ts';
import { parseCertificate, type Certificate } from '../x509/certificate.ts';
import { parseRevocationList, type RevocationList } from '../x509/crl.ts';
import { decodePem } from '../x509/pem.ts';
import { bad, good, type Checked } from './reasons.ts';
import type { Variant } from './variant.ts';

/* Certificates and lists. Origin: RFC 5280; Intel SGX PCK Certificate and CRL Profile Specification. */

/** What chains are verified with, and which mistakes are made. */
export interface ChainContext {
  readonly backend: SignatureBackend;
  /** DER of the root that is trusted. */
  readonly root: Uint8Array;
  readonly variant: Variant;
}

/**
 * A chain whose signatures stand, leaf first, root last. Dates and revocation are looked at apart.
 */
export interface Chain {
  readonly certificates: readonly Certificate[];
  readonly leaf: Certificate;
  readonly root: Certificate;
}

const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;
const DIGITAL_SIGNATURE = 0x80;

/**
 * Reads a chain and checks that each certificate was issued by the next, that all but the leaf may
 * issue, and that the last is the trusted root.
 *
 * @param phrases what the common names must contain, leaf first: their number is the chain's length
 */
export function verifyChain(
  pem: string,
  phrases: readonly string[],
  context: ChainContext,
): Checked<Chain> {
  const ders = decodePem(pem);
  if (ders?.length !== phrases.length) {
    return bad('bad-certificate-chain', `expected ${phrases.length} certificates in PEM`);
  }
  const certificates = ders.flatMap((der) => parseCertificate(der) ?? []);
  const [leaf] = certificates;
  const root = certificates.at(-1);
  if (certificates.length !== ders.length || leaf === undefined || root === undefined) {
    return bad('bad-certificate-chain', 'a certificate is malformed, or not of P-256');
  }
  for (const [index, phrase] of phrases.entries()) {
    const name = certificates[index]?.commonName ?? '';
    if (!name.includes(phrase)) {
      return bad('bad-certificate-chain', `subject: expected "${phrase}", got "${name}"`);
    }
  }
  const trusted = parseCertificate(context.root);
  const isTrusted =
    trusted !== undefined &&
    areEqual(trusted.publicKey, root.publicKey) &&
    areEqual(trusted.subject, root.subject);
  if (!isTrusted && !context.variant.skipsChainRoot) {
    return bad('untrusted-root', `root: "${root.commonName}" is not the trusted one`);
  }
  const flaw = firstFlaw(certificates, context);
  return flaw === undefined
    ? good({ certificates, leaf, root })
    : bad('bad-certificate-chain', flaw);
}

function firstFlaw(
  certificates: readonly Certificate[],
  context: ChainContext,
): string | undefined {
  for (const [index, certificate] of certificates.entries()) {
    const { commonName, isCa, keyUsage } = certificate;
    const issuer = certificates[index + 1] ?? certificate;
    if (!areEqual(certificate.issuer, issuer.subject)) return `"${commonName}": another issuer`;
    if (!isSignedBy(certificate, issuer, context)) return `"${commonName}": wrong signature`;
    if (index === 0 ? isCa : !isCa) return `"${commonName}": wrong basic constraints`;
    if ((keyUsage & (index === 0 ? DIGITAL_SIGNATURE : KEY_CERT_SIGN)) === 0) {
      return `"${commonName}": wrong key usage`;
    }
  }
  return undefined;
}

/** Whether an issuer's key made the signature of a certificate or a list. */
function isSignedBy(
  { tbs, signature }: { readonly tbs: Uint8Array; readonly signature: Uint8Array },
  { publicKey }: Certificate,
  { backend }: ChainContext,
): boolean {
  return backend.importKey(publicKey)?.verify(tbs, signature) === true;
}

/** Whether a chain is valid at a time: all of its certificates are. */
export function checkDates({ certificates }: Chain, time: number, variant: Variant): Checked<null> {
  if (variant.skipsDates) return good(null);
  for (const { commonName, notBefore, notAfter } of certificates) {
    if (time < notBefore) return bad('certificate-expired', `"${commonName}": not yet valid`);
    if (time > notAfter) return bad('certificate-expired', `"${commonName}": no longer valid`);
  }
  return good(null);
}

/** A list that its issuer signed. */
export function verifyList(
  der: Uint8Array,
  issuer: Certificate,
  context: ChainContext,
): Checked<RevocationList> {
  const list = parseRevocationList(der);
  if (list === undefined) return bad('crl-invalid', `list of "${issuer.commonName}": malformed`);
  if (!areEqual(list.issuer, issuer.subject)) {
    return bad('crl-invalid', `list of "${issuer.commonName}": another issuer`);
  }
  if ((issuer.keyUsage & CRL_SIGN) === 0 || !isSignedBy(list, issuer, context)) {
    return bad('crl-invalid', `list of "${issuer.commonName}": wrong signature`);
  }
  return good(list);
}

/** Whether a list is the current one at a time, and does not have a certificate. */
export function checkRevocation(
  list: RevocationList,
  certificate: Certificate,
  time: number,
  variant: Variant,
): Checked<null> {
  if (variant.skipsCrl) return good(null);
  const { commonName, serial } = certificate;
  if (!variant.skipsDates && (time < list.thisUpdate || time > list.nextUpdate)) {
    return bad('crl-expired', `list for "${commonName}"`);
  }
  return list.revoked.has(serial)
    ? bad('certificate-revoked', `"${commonName}", serial ${serial}`)
    : good(null);
}
