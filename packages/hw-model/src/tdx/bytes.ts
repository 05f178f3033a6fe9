// SPDX-License-Identifier: MIT

/** Whether two byte strings are the same. Models have no secrets to keep from a clock. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Whether every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** A view for little-endian fields. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes behind a zero-padded ASCII tag. */
export function tagged(tag: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < tag.length; index += 1) bytes[index] = tag.charCodeAt(index);
  return bytes;
}
