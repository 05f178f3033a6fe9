// SPDX-License-Identifier: MIT

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUE: ReadonlyMap<string, number> = new Map(
  Array.from(ALPHABET, (character, value) => [character, value]),
);

/** Base64 of RFC 4648 with padding and without anything else; undefined where it is not that. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  let buffered = 0;
  let at = 0;
  for (let index = 0; index < digits; index += 1) {
    const value = VALUE.get(text.charAt(index));
    if (value === undefined) return undefined;
    buffered = (buffered << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (buffered >> bits) & 0xff;
      at += 1;
    }
  }
  return bytes;
}

/** Base64 of RFC 4648, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(index, index + 3);
    const word = (a << 16) | (b << 8) | c;
    text += [18, 12, 6, 0].map((shift) => ALPHABET.charAt((word >> shift) & 63)).join('');
  }
  const padding = (3 - (bytes.length % 3)) % 3;
  return text.slice(0, text.length - padding) + '='.repeat(padding);
}
