// SPDX-License-Identifier: MIT
import type { Limit, Operation, Setup } from '@kernel-models/mm';
import { formatHex, type Json, type JsonObject } from '@kernel-models/model-core';

/**
 * A world as the probe reads it: what of the setup can be asked for. The rest is what the kernel
 * makes of it, and is compared, not asked for.
 */
export function encodeWorld({ abi, layout, files, capabilities, limits }: Setup): JsonObject {
  return {
    abi,
    layout,
    files: files.map((file) => ({ ...file })),
    capabilities: [...capabilities],
    limits: {
      AS: encodeLimit(limits.AS),
      DATA: encodeLimit(limits.DATA),
      STACK: encodeLimit(limits.STACK),
      MEMLOCK: encodeLimit(limits.MEMLOCK),
    },
  };
}

function encodeLimit({ soft, hard }: Limit): JsonObject {
  return { soft: formatHex(soft), hard: formatHex(hard) };
}

/** An operation as the probe reads it: words of flags are numbers. */
export function encodeOperation(operation: Operation): JsonObject {
  const fields = Object.entries(operation).map(([name, value]: [string, bigint | Json]) => [
    name,
    typeof value === 'bigint' ? formatHex(value) : value,
  ]);
  return Object.fromEntries(fields) as JsonObject;
}
