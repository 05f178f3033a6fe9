// SPDX-License-Identifier: MIT
import { formatBytes, formatHex } from '@kernel-models/model-core';

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return formatHex(value);
  return value instanceof Uint8Array ? formatBytes(value) : value;
}

/** A key of plain data with byte strings and bigints: equal keys, equal values. */
export function keyOf(value: unknown): string {
  return JSON.stringify(value, plain);
}
