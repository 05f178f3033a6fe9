// SPDX-License-Identifier: MIT
import { decodeBase64, encodeBase64 } from './base64.ts';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/**
 * The certificates of a PEM text, DER each. Text before, between and behind is ignored, as is the
 * NUL that quoting libraries end a chain with. Undefined where a certificate begins that is not
 * one.
 */
export function decodePem(text: string): readonly Uint8Array[] | undefined {
  const certificates: Uint8Array[] = [];
  let at = text.indexOf(BEGIN);
  while (at >= 0) {
    const start = at + BEGIN.length;
    const end = text.indexOf(END, start);
    if (end < 0) return undefined;
    const der = decodeBase64(text.slice(start, end).replace(/[\r\n\t ]/g, ''));
    if (der === undefined || der.length === 0) return undefined;
    certificates.push(der);
    at = text.indexOf(BEGIN, end + END.length);
  }
  return certificates;
}

/** Certificates as PEM, in order. */
export function encodePem(certificates: readonly Uint8Array[]): string {
  return certificates
    .map((der) => {
      const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
      return `${[BEGIN, ...lines, END].join('\n')}\n`;
    })
    .join('');
}

/** The bytes of a chain as text: PEM is ASCII, and what is not does not matter. */
export function asciiText(bytes: Uint8Array): string {
  let text = '';
  // Piecewise: a call takes only so many arguments.
  for (let index = 0; index < bytes.length; index += 4096) {
    text += String.fromCharCode(...bytes.subarray(index, index + 4096));
  }
  return text;
}
