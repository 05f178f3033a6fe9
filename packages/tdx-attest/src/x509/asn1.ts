// SPDX-License-Identifier: MIT
import * as asn1 from 'asn1js';

/*
 * Reading of ASN.1 that never throws: what is not as expected is undefined. Decoding is asn1js's.
 */

/**
 * A decoded element: of asn1js's what is read here. Its own types stay out of the declarations of
 * this package: TypeScript 5.4 refuses them.
 */
export interface Element {
  readonly idBlock: {
    readonly tagClass: number;
    readonly tagNumber: number;
    readonly blockLength: number;
  };
  readonly lenBlock: {
    readonly isIndefiniteForm: boolean;
    readonly length: number;
    readonly blockLength: number;
  };
  /** As it stood in the input, tag and length included. */
  readonly valueBeforeDecodeView: Uint8Array;
}

/** Tag class of context-specific elements. */
const CONTEXT = 3;

/** The one element that bytes are, with nothing left over at any depth. */
export function decodeDer(bytes: Uint8Array): Element | undefined {
  try {
    const { offset, result } = asn1.fromBER(bytes);
    const whole = offset === bytes.length && result.error === '' && isWhole(result);
    return whole ? result : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether lengths say what is there: asn1js lets an element reach over the end of the one around
 * it.
 */
function isWhole(element: Element): boolean {
  if (element.lenBlock.isIndefiniteForm) return false;
  const header = element.idBlock.blockLength + element.lenBlock.blockLength;
  const { length } = element.lenBlock;
  if (element.valueBeforeDecodeView.length !== header + length) return false;
  const inner = elementsOf(element);
  if (inner === undefined) return true;
  const filled = inner.reduce((sum, one) => sum + one.valueBeforeDecodeView.length, 0);
  return filled === length && inner.every(isWhole);
}

/** The elements of a sequence, a set, or an explicit tag. */
export function elementsOf(element: Element | undefined): readonly Element[] | undefined {
  if (element instanceof asn1.Constructed) return element.valueBlock.value;
  return undefined;
}

/** The elements of a sequence alone. */
export function sequence(element: Element | undefined): readonly Element[] | undefined {
  return element instanceof asn1.Sequence ? element.valueBlock.value : undefined;
}

/** Whether an element is context-specific with a number. */
export function isTagged(element: Element | undefined, number: number): boolean {
  return element?.idBlock.tagClass === CONTEXT && element.idBlock.tagNumber === number;
}

/** The element as it stood in the input, tag and length included. */
export function encodingOf(element: Element): Uint8Array {
  return element.valueBeforeDecodeView.slice();
}

/** An object identifier in dots. */
export function objectIdentifier(element: Element | undefined): string | undefined {
  return element instanceof asn1.ObjectIdentifier ? element.valueBlock.toString() : undefined;
}

/** The content of an integer, big-endian, without leading zeros. */
export function unsignedInteger(element: Element | undefined): Uint8Array | undefined {
  if (!(element instanceof asn1.Integer)) return undefined;
  const bytes = element.valueBlock.valueHexView;
  if (bytes.length === 0 || (bytes[0] ?? 0) >= 0x80) return undefined;
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array() : bytes.slice(first);
}

/** A small integer. */
export function smallInteger(element: Element | undefined): number | undefined {
  const bytes = unsignedInteger(element);
  if (bytes === undefined || bytes.length > 4) return undefined;
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** The value of an enumeration. */
export function enumerated(element: Element | undefined): number | undefined {
  if (!(element instanceof asn1.Enumerated)) return undefined;
  const bytes = element.valueBlock.valueHexView;
  return bytes.length === 1 ? bytes[0] : undefined;
}

/** The content of an octet string. */
export function octets(element: Element | undefined): Uint8Array | undefined {
  return element instanceof asn1.OctetString ? element.valueBlock.valueHexView.slice() : undefined;
}

/** The content of a bit string of whole octets. */
export function wholeBits(element: Element | undefined): Uint8Array | undefined {
  if (!(element instanceof asn1.BitString) || element.valueBlock.unusedBits !== 0) return undefined;
  return element.valueBlock.valueHexView.slice();
}

/** The first octet of a bit string: named bits 0 to 7. */
export function namedBits(element: Element | undefined): number | undefined {
  if (!(element instanceof asn1.BitString)) return undefined;
  return element.valueBlock.valueHexView[0] ?? 0;
}

/** A boolean. */
export function boolean(element: Element | undefined): boolean | undefined {
  return element instanceof asn1.Boolean ? element.valueBlock.value : undefined;
}

/** A time, seconds since 1970. */
export function unixTime(element: Element | undefined): number | undefined {
  // GeneralizedTime is a UTCTime to asn1js.
  if (!(element instanceof asn1.UTCTime)) return undefined;
  const milliseconds = element.toDate().getTime();
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

/** A text of any of the string types. */
export function textOf(element: Element | undefined): string | undefined {
  return element instanceof asn1.BaseStringBlock ? element.valueBlock.value : undefined;
}

/** r || s of a DER-encoded ECDSA signature on a curve of 256 bits. */
export function ecdsaSignature(der: Uint8Array): Uint8Array | undefined {
  const [r, s, ...more] = sequence(decodeDer(der)) ?? [];
  const rBytes = unsignedInteger(r);
  const sBytes = unsignedInteger(s);
  if (rBytes === undefined || sBytes === undefined || more.length > 0) return undefined;
  if (rBytes.length > 32 || sBytes.length > 32) return undefined;
  const signature = new Uint8Array(64);
  signature.set(rBytes, 32 - rBytes.length);
  signature.set(sBytes, 64 - sBytes.length);
  return signature;
}
