// SPDX-License-Identifier: MIT
import type { verify } from '@kernel-models/tdx-attest';

/*
 * Quotes and collateral described by what is right and wrong with them. Chance and hand write
 * descriptions elsewhere, and bytes are made of them.
 */

/** A certificate, in what it may differ from what its place in the chain wants. */
export interface CertificateFacts {
  readonly isNamed: boolean;
  readonly namesIssuer: boolean;
  readonly isSigned: boolean;
  readonly isCa: boolean;
  /** keyUsage, its first byte. */
  readonly usage: number;
  readonly window: Window;
}

/** Days before and after {@link Evidence.time} 0, both inclusive. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** A revocation list. */
export interface ListFacts {
  readonly namesIssuer: boolean;
  readonly isSigned: boolean;
  readonly window: Window;
  /** Serial numbers: 2 the platform CA, 3 the signer of documents, 4 the PCK certificate. */
  readonly revoked: readonly number[];
}

export interface IsvLevelFacts {
  readonly isvSvn: number;
  readonly status: verify.TcbStatus;
}

export interface LevelFacts {
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  readonly tdx: readonly number[];
  readonly status: verify.TcbStatus;
}

/** Who signed a TDX module: bytes of MRSIGNERSEAM, and the lowest of SEAMATTRIBUTES. */
export interface SignerFacts {
  readonly mrSigner: number;
  readonly attributes: number;
  readonly mask: number;
}

/** A signed document, as such. */
export interface DocumentFacts {
  readonly isSigned: boolean;
  readonly isOfTee: boolean;
  readonly isRecent: boolean;
  readonly window: Window;
  readonly isSpaced: boolean;
  readonly isWrapped: boolean;
}

/** Everything that a verdict depends on. */
export interface Evidence {
  /** Seconds. */
  readonly time: number;
  readonly quote: {
    readonly format: 'v3' | 'v4' | 'v5-1.0' | 'v5-1.5';
    readonly isIntels: boolean;
    readonly keyType: 2 | 3;
    readonly isSigned: boolean;
    /** Type of the inner certification data; with any but 5 the quote carries no chain. */
    readonly certificationType: number;
    readonly padding: number;
    readonly svn: readonly number[];
    readonly svn2: readonly number[];
    readonly mrSigner: number;
    readonly seamAttributes: number;
    readonly attributes: readonly number[];
    /** Which byte of MRSERVICETD is not zero. */
    readonly serviceTd: number | undefined;
    readonly isDebuggedEnclave: boolean;
  };
  readonly qe: {
    readonly isSigned: boolean;
    /** Which byte of its REPORTDATA is wrong. */
    readonly wrongByte: number | undefined;
    readonly miscSelect: number;
    readonly attributes: number;
    readonly isIntels: boolean;
    readonly isProduct: boolean;
    readonly isvSvn: number;
  };
  readonly platform: {
    readonly components: readonly number[];
    readonly pceSvn: number;
    readonly isOfFmspc: boolean;
    readonly isOfPce: boolean;
  };
  readonly chain: {
    /** A damaged one has name and key of the trusted one, and another's signature. */
    readonly root: 'trusted' | 'renamed' | 'foreign' | 'damaged';
    /** What the collateral has for quotes that carry no chain. */
    readonly ofCollateral: 'none' | 'whole' | 'cut';
    readonly length: 2 | 3 | 4;
    readonly documentsLength: 1 | 2 | 3;
    readonly pck: CertificateFacts;
    readonly ca: CertificateFacts;
    readonly signer: CertificateFacts;
  };
  readonly rootList: ListFacts;
  readonly pckList: ListFacts;
  readonly tcbInfo: DocumentFacts & {
    readonly module: SignerFacts;
    readonly module1: SignerFacts & { readonly levels: readonly IsvLevelFacts[] };
    readonly module10: SignerFacts & { readonly levels: readonly IsvLevelFacts[] };
    readonly levels: readonly LevelFacts[];
  };
  readonly qeIdentity: DocumentFacts & {
    readonly miscSelect: number;
    readonly miscMask: number;
    readonly attributes: number;
    readonly attributesMask: number;
    readonly levels: readonly IsvLevelFacts[];
  };
  readonly policy: {
    readonly statuses: readonly verify.TcbStatus[] | undefined;
    readonly allowsDebug: boolean;
    readonly wantsSeptVeDisable: boolean;
    readonly allowsServiceTd: boolean;
    /** MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR0 to RTMR3: whether each is on its list. */
    readonly measurements: readonly ('any' | 'listed' | 'not-listed')[];
    readonly leastSvn: readonly number[] | undefined;
    /** Which byte of REPORTDATA is another. */
    readonly reportData: 'any' | 'same' | number;
  };
}

/** Seconds of a day. */
export const DAY = 86_400;
