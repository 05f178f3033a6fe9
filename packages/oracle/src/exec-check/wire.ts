// SPDX-License-Identifier: MIT
import {
  codec,
  contentBytes,
  normaliseSetup,
  type Content,
  type Operation,
  type Setup,
} from '@kernel-models/exec-check';
import { DecodeError, type Json, type JsonObject } from '@kernel-models/model-core';

/**
 * A world as the probe reads it: what of the setup can be built, files with their bytes in base64
 * in place of a description of them.
 */
export function encodeSetup(setup: Setup): JsonObject {
  const normalised = normaliseSetup(setup);
  const contents = normalised.nodes.map((node) =>
    node.kind === 'file' ? { content: base64(node.content) } : {},
  );
  const json = object(codec.encodeSetup(normalised));
  const nodes = list(json['nodes']).map((node, index) => ({ ...object(node), ...contents[index] }));
  return { ...json, nodes };
}

/** An operation as the probe reads it: contents are bytes in base64. */
export function encodeOperation(operation: Operation): JsonObject {
  const json = object(codec.encodeOperation(operation));
  return 'content' in operation ? { ...json, content: base64(operation.content) } : json;
}

function base64(content: Content): string {
  return Buffer.from(contentBytes(content)).toString('base64');
}

function object(json: Json): JsonObject {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new DecodeError('line', 'an object', json);
  }
  return json as JsonObject;
}

function list(json: Json | undefined): readonly Json[] {
  if (!Array.isArray(json)) throw new DecodeError('nodes', 'a list', json);
  return json as readonly Json[];
}
