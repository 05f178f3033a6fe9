// SPDX-License-Identifier: MIT
import * as asn1 from 'asn1js';

/* Encoding of single elements. */

type Element = asn1.AsnType;

export function sequence(...value: readonly Element[]): asn1.Sequence {
  return new asn1.Sequence({ value: [...value] });
}

export function oid(value: string): asn1.ObjectIdentifier {
  return new asn1.ObjectIdentifier({ value });
}

export function octetString(bytes: Uint8Array): asn1.OctetString {
  return new asn1.OctetString({ valueHex: bytes.slice().buffer });
}

export function integer(value: number): asn1.Integer {
  return new asn1.Integer({ value });
}

/** The encoding of an element. */
export function encode(element: Element): Uint8Array {
  return new Uint8Array(element.toBER());
}

/** An element with a context-specific tag around it. */
export function tagged(number: number, ...value: readonly Element[]): asn1.Constructed {
  return new asn1.Constructed({
    idBlock: { tagClass: 3, tagNumber: number },
    value: [...value],
  });
}

/** A positive integer from its big-endian bytes. */
export function bigInteger(bytes: Uint8Array): asn1.Integer {
  const first = Math.min(
    bytes.findIndex((byte) => byte !== 0),
    bytes.length - 1,
  );
  const digits = bytes.slice(Math.max(first, 0));
  const content = (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...digits) : digits;
  return new asn1.Integer({ valueHex: content.slice().buffer });
}
