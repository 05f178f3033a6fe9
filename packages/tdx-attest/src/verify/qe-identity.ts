// SPDX-License-Identifier: MIT
import { decode, type Decoder } from '@kernel-models/model-core';
import { areEqual } from '../bytes.ts';
import type { EnclaveReport } from '../quote/index.ts';
import { hexBytes, isoTime, member } from './read-json.ts';
import { bad, good, type Checked } from './reasons.ts';
import { isvLevel, type IsvLevel } from './tcb-info.ts';

/** The `enclaveIdentity` of a quoting enclave, version 2. */
export interface QeIdentity {
  readonly id: 'QE' | 'TD_QE';
  readonly version: number;
  /** Seconds since 1970. */
  readonly issueDate: number;
  readonly nextUpdate: number;
  /** 4 bytes each, little-endian. */
  readonly miscSelect: Uint8Array;
  readonly miscSelectMask: Uint8Array;
  /** 16 bytes each. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly levels: readonly IsvLevel[];
}

/** Reads an enclave identity. */
export const qeIdentity: Decoder<QeIdentity> = (json, field) => ({
  id: member(json, 'id', field, decode.oneOf(['QE', 'TD_QE'])),
  version: member(json, 'version', field, decode.integer(2, 1000)),
  issueDate: member(json, 'issueDate', field, isoTime),
  nextUpdate: member(json, 'nextUpdate', field, isoTime),
  miscSelect: member(json, 'miscselect', field, hexBytes(4)),
  miscSelectMask: member(json, 'miscselectMask', field, hexBytes(4)),
  attributes: member(json, 'attributes', field, hexBytes(16)),
  attributesMask: member(json, 'attributesMask', field, hexBytes(16)),
  mrSigner: member(json, 'mrsigner', field, hexBytes(32)),
  isvProdId: member(json, 'isvprodid', field, decode.integer(0, 0xffff)),
  levels: member(json, 'tcbLevels', field, decode.array(isvLevel)),
});

/** The level of a quoting enclave: the first, from the newest down, that its SVN reaches. */
export function levelOf(levels: readonly IsvLevel[], isvSvn: number): IsvLevel | undefined {
  return [...levels].sort((a, b) => b.isvSvn - a.isvSvn).find((level) => level.isvSvn <= isvSvn);
}

/** Whether an enclave is the one that an identity is of. */
export function checkEnclave(report: EnclaveReport, identity: QeIdentity): Checked<null> {
  const misc = report.bytes.subarray(16, 20);
  const mismatch = [
    ['MISCSELECT', areMaskedEqual(misc, identity.miscSelect, identity.miscSelectMask)] as const,
    [
      'ATTRIBUTES',
      areMaskedEqual(report.attributes, identity.attributes, identity.attributesMask),
    ] as const,
    ['MRSIGNER', areEqual(report.mrSigner, identity.mrSigner)] as const,
    ['ISVPRODID', report.isvProdId === identity.isvProdId] as const,
  ].find(([, same]) => !same);
  return mismatch === undefined
    ? good(null)
    : bad('qe-identity-mismatch', `${mismatch[0]} of the quoting enclave`);
}

/** Whether two byte strings agree in the bits of a mask. */
export function areMaskedEqual(a: Uint8Array, b: Uint8Array, mask: Uint8Array): boolean {
  return mask.every((bits, index) => ((a[index] ?? 0) & bits) === ((b[index] ?? 0) & bits));
}
