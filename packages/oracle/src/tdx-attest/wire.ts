// SPDX-License-Identifier: MIT
import { DecodeError, type Json, type JsonObject } from '@kernel-models/model-core';

/** JSON that a probe reads as words: an object. */
export function asObject(json: Json): JsonObject {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new DecodeError('line', 'an object', json);
  }
  return json as JsonObject;
}
