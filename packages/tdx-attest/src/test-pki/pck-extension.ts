// SPDX-License-Identifier: MIT
import * as asn1 from 'asn1js';
import { OID } from '../x509/certificate.ts';
import { encode, integer, octetString, oid, sequence } from './asn1-elements.ts';

/** A platform as its TEST PCK certificate names it. */
export interface TestPlatform {
  /** SVNs of the 16 components of the SGX TCB. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** 16 bytes. */
  readonly ppid: Uint8Array;
}

/** The content of the SGX extension of a platform's certificate, as the platform CA issues it. */
export function pckExtension(platform: TestPlatform): Uint8Array {
  const at = (path: string): asn1.ObjectIdentifier => oid(`${OID.sgxExtensions}.${path}`);
  const entry = (path: string, value: asn1.AsnType): asn1.Sequence => sequence(at(path), value);
  const { components, pceSvn, fmspc, pceId, ppid } = platform;
  const tcb = sequence(
    ...components.map((svn, index) => entry(`2.${index + 1}`, integer(svn))),
    entry('2.17', integer(pceSvn)),
    entry('2.18', octetString(Uint8Array.from(components))),
  );
  const no = (): asn1.Boolean => new asn1.Boolean({ value: false });
  const configuration = sequence(entry('7.1', no()), entry('7.2', no()), entry('7.3', no()));
  return encode(
    sequence(
      entry('1', octetString(ppid)),
      entry('2', tcb),
      entry('3', octetString(pceId)),
      entry('4', octetString(fmspc)),
      entry('5', new asn1.Enumerated({ value: 1 })),
      entry('6', octetString(new Uint8Array(16))),
      entry('7', configuration),
    ),
  );
}
