// SPDX-License-Identifier: MIT

/** Whether two byte strings are the same. Nothing here is a secret that a clock could tell. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

/** Whether every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Whether one byte string begins with another. */
export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return areEqual(bytes.subarray(0, prefix.length), prefix);
}

/** A view for fields of several bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The ASCII bytes of a text. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0x7f);
}
