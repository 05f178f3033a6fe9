// SPDX-License-Identifier: MIT
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, DecodeError, type Decoder, type Json } from '@kernel-models/model-core';
import { decodePem, encodePem, type verify } from '@kernel-models/tdx-attest';
import { UsageError } from '../exit-code.ts';

/** What a folder of collateral holds: the documents, and the root that is trusted. */
export interface CollateralFolder {
  readonly collateral: verify.Collateral;
  /** DER. */
  readonly root: Uint8Array;
}

/**
 * Reads a folder with one `*.json`, a collateral in the names of Intel's quote library (`tcb_info`,
 * `pck_crl` ...: lists and signatures as hexadecimal digits, chains as PEM), and one `*.pem`, the
 * root.
 *
 * @throws UsageError naming the file and the field
 */
export function readCollateralFolder(folder: string): CollateralFolder {
  const names = list(folder);
  const json = only(folder, names, '.json');
  const pem = only(folder, names, '.pem');
  const [root] = decodePem(read(pem)) ?? [];
  if (root === undefined) throw new UsageError(`${pem}: expected a certificate in PEM`);
  return { collateral: decodeCollateral(read(json), json), root };
}

/**
 * A collateral under the names that other verifiers give to its parts: lists and signatures as
 * hexadecimal digits, chains as PEM, the rest as it was signed.
 */
export function collateralFields(collateral: verify.Collateral): Readonly<Record<string, string>> {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    root_ca_crl: hex(collateral.rootCaCrl),
    pck_crl: hex(collateral.pckCrl),
    tcb_info_issuer_chain: collateral.tcbInfoIssuerChain,
    tcb_info: collateral.tcbInfo,
    tcb_info_signature: hex(collateral.tcbInfoSignature),
    qe_identity_issuer_chain: collateral.qeIdentityIssuerChain,
    qe_identity: collateral.qeIdentity,
    qe_identity_signature: hex(collateral.qeIdentitySignature),
  };
}

/** A collateral as {@link readCollateralFolder} reads it. */
export function encodeCollateral(collateral: verify.Collateral): string {
  return `${JSON.stringify(collateralFields(collateral), null, 2)}\n`;
}

/** The root as PEM. */
export function encodeRoot(root: Uint8Array): string {
  return encodePem([root]);
}

const { object, optional, string } = decode;

const hexBytes: Decoder<Uint8Array> = (json, field) => {
  const text = string(json, field);
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new DecodeError(field, 'hexadecimal digits', json);
  return new Uint8Array(Buffer.from(text, 'hex'));
};

const FIELDS = object({
  root_ca_crl: hexBytes,
  pck_crl: hexBytes,
  // Where the lists came from; the chain of the quote is what they are checked with.
  pck_crl_issuer_chain: optional(string),
  tcb_info_issuer_chain: string,
  tcb_info: string,
  tcb_info_signature: hexBytes,
  qe_identity_issuer_chain: string,
  qe_identity: string,
  qe_identity_signature: hexBytes,
  pck_certificate_chain: optional(string),
});

function decodeCollateral(text: string, file: string): verify.Collateral {
  try {
    const fields = FIELDS(JSON.parse(text) as Json, file);
    return {
      rootCaCrl: fields.root_ca_crl,
      pckCrl: fields.pck_crl,
      tcbInfoIssuerChain: fields.tcb_info_issuer_chain,
      tcbInfo: fields.tcb_info,
      tcbInfoSignature: fields.tcb_info_signature,
      qeIdentityIssuerChain: fields.qe_identity_issuer_chain,
      qeIdentity: fields.qe_identity,
      qeIdentitySignature: fields.qe_identity_signature,
      ...(fields.pck_certificate_chain !== undefined && {
        pckCertificateChain: fields.pck_certificate_chain,
      }),
    };
  } catch (error) {
    if (error instanceof DecodeError || error instanceof SyntaxError) {
      throw new UsageError(`${file}: ${error.message}`);
    }
    throw error;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    throw new UsageError(`--collateral: ${folder} is no folder that can be read`);
  }
}

function only(folder: string, names: readonly string[], suffix: string): string {
  const [name, ...more] = names.filter((one) => one.endsWith(suffix));
  if (name === undefined || more.length > 0) {
    const found = name === undefined ? 'none' : [name, ...more].join(', ');
    throw new UsageError(`--collateral: ${folder}: expected one *${suffix}, got ${found}`);
  }
  return join(folder, name);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new UsageError(`${path}: cannot be read`);
  }
}
