// SPDX-License-Identifier: MIT
import type { Decoder } from '@kernel-models/model-core';
import { asciiBytes } from '../bytes.ts';
import { verifyChain, type Chain, type ChainContext } from './chain.ts';
import { memberText } from './json-text.ts';
import { qeIdentity, type QeIdentity } from './qe-identity.ts';
import { readJson } from './read-json.ts';
import { bad, good, type Checked, type Reason } from './reasons.ts';
import { tcbInfo, type TcbInfo } from './tcb-info.ts';

/**
 * What the provisioning certification service says of a platform, as it says it: nothing of it is
 * trusted before its signature is checked.
 */
export interface Collateral {
  /** DER of the root's list. */
  readonly rootCaCrl: Uint8Array;
  /** DER of the list of the CA that issued the PCK certificate. */
  readonly pckCrl: Uint8Array;
  /** PEM: signing certificate, root. */
  readonly tcbInfoIssuerChain: string;
  /** The text of `tcbInfo`, exactly: the signature is over it. */
  readonly tcbInfo: string;
  /** r || s. */
  readonly tcbInfoSignature: Uint8Array;
  /** PEM: signing certificate, root. */
  readonly qeIdentityIssuerChain: string;
  /** The text of `enclaveIdentity`, exactly. */
  readonly qeIdentity: string;
  /** r || s. */
  readonly qeIdentitySignature: Uint8Array;
  /** PEM of the PCK chain, for quotes that carry none. */
  readonly pckCertificateChain?: string;
}

/** A signed document whose signature stands; its dates are looked at with each quote. */
export interface Signed<Document> {
  readonly document: Document;
  readonly chain: Chain;
}

/** Collateral with its signatures checked: a document, or why it is none. */
export interface OpenedCollateral {
  readonly collateral: Collateral;
  readonly tcbInfo: Checked<Signed<TcbInfo>>;
  readonly qeIdentity: Checked<Signed<QeIdentity>>;
}

/** Checks what of collateral does not depend on the quote or the time. Never throws. */
export function openCollateral(collateral: Collateral, context: ChainContext): OpenedCollateral {
  return {
    collateral,
    tcbInfo: openDocument(
      { text: collateral.tcbInfo, signature: collateral.tcbInfoSignature, read: tcbInfo },
      { name: 'tcbInfo', pem: collateral.tcbInfoIssuerChain, reasons: TCB_INFO_REASONS },
      context,
    ),
    qeIdentity: openDocument(
      { text: collateral.qeIdentity, signature: collateral.qeIdentitySignature, read: qeIdentity },
      {
        name: 'enclaveIdentity',
        pem: collateral.qeIdentityIssuerChain,
        reasons: QE_IDENTITY_REASONS,
      },
      context,
    ),
  };
}

interface DocumentReasons {
  readonly invalid: Reason;
  readonly signature: Reason;
}

const TCB_INFO_REASONS: DocumentReasons = {
  invalid: 'tcb-info-invalid',
  signature: 'tcb-info-signature',
};
const QE_IDENTITY_REASONS: DocumentReasons = {
  invalid: 'qe-identity-invalid',
  signature: 'qe-identity-signature',
};
const SIGNING_PHRASES = ['SGX TCB Signing', 'SGX Root CA'];

function openDocument<Document>(
  {
    text,
    signature,
    read,
  }: { readonly text: string; readonly signature: Uint8Array; readonly read: Decoder<Document> },
  {
    name,
    pem,
    reasons,
  }: { readonly name: string; readonly pem: string; readonly reasons: DocumentReasons },
  context: ChainContext,
): Checked<Signed<Document>> {
  // The service wraps the document with its signature; both forms are met in practice.
  const inner = memberText(text, name) ?? text;
  const chain = verifyChain(pem, SIGNING_PHRASES, context);
  if (!chain.ok) return chain;
  const parsed = readJson(inner, name, read);
  if (!parsed.ok) return bad(reasons.invalid, parsed.detail);
  const signed = context.variant.reserialisesJson ? JSON.stringify(JSON.parse(inner)) : inner;
  const key = context.backend.importKey(chain.value.leaf.publicKey);
  if (key?.verify(asciiBytes(signed), signature) !== true) {
    return bad(reasons.signature, `${name}: wrong signature`);
  }
  return good({ document: parsed.value, chain: chain.value });
}
