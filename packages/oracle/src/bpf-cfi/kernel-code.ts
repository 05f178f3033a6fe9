// SPDX-License-Identifier: MIT
import { fromHex } from '@kernel-models/bpf-cfi';
import { disassemble } from '@kernel-models/hw-model/instructions';
import type { Json, JsonObject } from '@kernel-models/model-core';

/** How a function that was read from kernel memory ends. */
type End = 'ret' | 'ret int3' | 'jmp';

/**
 * Code that the probe read from kernel memory without knowing its length: what lies behind its end
 * is another function, or free space.
 *
 * @returns the code, if the outcome is such a one, and the outcome without what only the probe says
 */
export function kernelCode(json: Json): { readonly code?: Uint8Array; readonly rest: Json } {
  if (!isObject(json)) return { rest: json };
  const { until, bytes } = json;
  if (!isEnd(until) || typeof bytes !== 'string') return { rest: json };
  const { until: _, ...rest } = json;
  return { code: firstFunction(fromHex(bytes), until), rest };
}

function isObject(json: Json): json is JsonObject {
  return json !== null && typeof json === 'object' && !Array.isArray(json);
}

function isEnd(json: Json | undefined): json is End {
  return json === 'ret' || json === 'ret int3' || json === 'jmp';
}

/** The bytes up to the return that follows the one LEAVE of a trampoline. */
function firstFunction(bytes: Uint8Array, until: End): Uint8Array {
  const last = until === 'jmp' ? 'jmp' : 'ret';
  let left = false;
  for (const { address, bytes: code, decoded } of disassemble(bytes)) {
    if (decoded.kind !== 'instruction') break;
    const { mnemonic } = decoded.instruction;
    if (left && mnemonic === last) {
      const end = Number(address) + code.length;
      return bytes.subarray(0, until === 'ret int3' ? end + 1 : end);
    }
    left ||= mnemonic === 'leave';
  }
  return bytes;
}
