// SPDX-License-Identifier: MIT
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { DecodeError, formatHex, type Decoder, type Json } from '@kernel-models/model-core';

/** How many bytes a field may have. */
export interface ByteRange {
  readonly min?: number;
  readonly max: number;
}

/** Bytes as hexadecimal digits without a prefix: of exactly a size, or within a range. */
export function bytes(size: number | ByteRange): Decoder<Uint8Array> {
  const { min, max } = typeof size === 'number' ? { min: size, max: size } : { min: 0, ...size };
  const count = min === max ? `${max}` : `${min} to ${max}`;
  return (json, field) => {
    if (typeof json === 'string' && /^(?:[0-9a-f]{2})*$/.test(json)) {
      const value = hexToBytes(json);
      if (value.length >= min && value.length <= max) return value;
    }
    throw new DecodeError(field, `${count} bytes as hexadecimal digits`, json);
  };
}

/** A value as JSON: bytes as hexadecimal digits, bigints as `0x…`, absent fields left out. */
export function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return bytesToHex(value);
  if (typeof value === 'bigint') return formatHex(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([name, field]) => [name, toJson(field)]));
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return null;
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return formatHex(value);
  return value instanceof Uint8Array ? bytesToHex(value) : value;
}

/** A key of plain data with byte strings and bigints: equal keys, equal values. */
export function keyOf(value: unknown): string {
  return JSON.stringify(value, plain);
}
