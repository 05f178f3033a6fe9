// SPDX-License-Identifier: MIT
import { asciiBytes } from '../bytes.ts';
import type { VerifyingKey } from '../crypto/signature-backend.ts';
import { CERTIFICATION_TYPE, type Quote } from '../quote/index.ts';
import type { RevocationList } from '../x509/crl.ts';
import { parsePckExtension, type PckExtension } from '../x509/pck-extension.ts';
import { asciiText } from '../x509/pem.ts';
import {
  checkDates,
  checkRevocation,
  verifyChain,
  verifyList,
  type Chain,
  type ChainContext,
} from './chain.ts';
import type { Collateral } from './collateral.ts';
import { bad, good, type Checked } from './reasons.ts';
import type { Variant } from './variant.ts';

/** A PCK chain whose signatures stand, with what its leaf is used for. */
export interface PckChain {
  readonly chain: Chain;
  /** The PCK key. */
  readonly key: VerifyingKey;
  readonly extension: PckExtension | undefined;
  readonly rootCrl: Checked<RevocationList>;
  readonly pckCrl: Checked<RevocationList>;
}

const PCK_PHRASES = ['SGX PCK Certificate', 'CA', 'SGX Root CA'];

/** The bytes of the PEM of the PCK chain: the quote's own, else the collateral's. */
export function pckPem(quote: Quote, collateral: Collateral): Uint8Array | undefined {
  if (quote.certificationType === CERTIFICATION_TYPE.pckChain) return quote.certificationData;
  const { pckCertificateChain: pem } = collateral;
  return pem === undefined ? undefined : asciiBytes(pem);
}

/** Checks what of a PCK chain and its lists does not depend on the time. */
export function openPckChain(
  pem: Uint8Array,
  collateral: Collateral,
  context: ChainContext,
): Checked<PckChain> {
  const verified = verifyChain(asciiText(pem), PCK_PHRASES, context);
  if (!verified.ok) return verified;
  const chain = verified.value;
  const key = context.backend.importKey(chain.leaf.publicKey);
  const [, intermediate] = chain.certificates;
  if (key === undefined || intermediate === undefined) {
    return bad('bad-certificate-chain', 'the PCK key is no point of P-256');
  }
  const { sgxExtensions } = chain.leaf;
  return good({
    chain,
    key,
    extension: sgxExtensions && parsePckExtension(sgxExtensions),
    rootCrl: verifyList(collateral.rootCaCrl, chain.root, context),
    pckCrl: verifyList(collateral.pckCrl, intermediate, context),
  });
}

/** Checks what of it does: validity of the certificates, and that none is revoked. */
export function checkPckChain(
  { chain, rootCrl, pckCrl }: PckChain,
  time: number,
  variant: Variant,
): Checked<null> {
  const dates = checkDates(chain, time, variant);
  if (!dates.ok || variant.skipsCrl) return dates;
  if (!rootCrl.ok) return rootCrl;
  if (!pckCrl.ok) return pckCrl;
  const [leaf, intermediate] = chain.certificates;
  if (leaf === undefined || intermediate === undefined) return good(null);
  const byRoot = checkRevocation(rootCrl.value, intermediate, time, variant);
  return byRoot.ok ? checkRevocation(pckCrl.value, leaf, time, variant) : byRoot;
}
