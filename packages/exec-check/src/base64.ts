// SPDX-License-Identifier: MIT

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The bytes of padded base64, RFC 4648 section 4. The caller has validated the alphabet. */
export function fromBase64(text: string): Uint8Array {
  const size = (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  const bytes = new Uint8Array(size);
  for (let index = 0, at = 0; index < text.length; index += 4) {
    let bits = 0;
    for (let digit = 0; digit < 4; digit += 1) {
      bits = bits * 64 + Math.max(ALPHABET.indexOf(text.charAt(index + digit)), 0);
    }
    for (let shift = 16; shift >= 0 && at < size; shift -= 8, at += 1) bytes[at] = bits >> shift;
  }
  return bytes;
}

/** Padded base64, RFC 4648 section 4. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let digit = 0; digit < 4; digit += 1) {
      text += at + digit > bytes.length ? '=' : ALPHABET.charAt((bits >> (18 - 6 * digit)) & 63);
    }
  }
  return text;
}
