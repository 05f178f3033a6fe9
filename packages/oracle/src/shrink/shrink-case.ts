// SPDX-License-Identifier: MIT
import type { AnyOperation, Codec, Json } from '@kernel-models/model-core';
import { DecodeError } from '@kernel-models/model-core';
import type { Case } from '../target.ts';
import { ddmin } from './ddmin.ts';
import { jsonReductions } from './json-reductions.ts';

/** What guides {@link shrinkCase}. */
export interface ShrinkOptions<Setup, Operation> {
  /** Whether a candidate still fails. Executes both sides. */
  readonly fails: (candidate: Case<Setup, Operation>) => Promise<boolean>;
  readonly codec: Codec<Setup, Operation, unknown>;
  /** Whether a candidate makes sense to the target. Absent: every decodable one does. */
  readonly isExecutable?: ((candidate: Case<Setup, Operation>) => boolean) | undefined;
  /** Whether a target that has a world can have a smaller one, too. Absent: any. */
  readonly canHave?: ((smaller: Setup, world: Setup) => boolean) | undefined;
  /** Executions after which the best so far is good enough. Default 2,000. */
  readonly maxExecutions?: number;
  readonly onProgress?: (progress: { readonly executions: number; readonly size: number }) => void;
}

/** What {@link shrinkCase} arrived at. */
export interface ShrunkCase<Setup, Operation> extends Case<Setup, Operation> {
  /** How often both sides were executed. */
  readonly executions: number;
  /** Whether no single operation can be removed any more. False only where the budget ran out. */
  readonly minimal: boolean;
}

/**
 * Makes a failing case smaller while it still fails: first fewer operations (delta debugging), then
 * a smaller world and simpler values, one change at a time, until a whole round changes nothing.
 *
 * @param failing a case for which `fails` holds
 */
export async function shrinkCase<Setup, Operation extends AnyOperation>(
  failing: Case<Setup, Operation>,
  options: ShrinkOptions<Setup, Operation>,
): Promise<ShrunkCase<Setup, Operation>> {
  const { codec, maxExecutions = 2_000 } = options;
  let executions = 0;
  let best = failing;
  const tryCase = async (candidate: Case<Setup, Operation>): Promise<boolean> => {
    if (executions >= maxExecutions) return false;
    if (options.isExecutable?.(candidate) === false) return false;
    executions += 1;
    if (!(await options.fails(candidate))) return false;
    best = candidate;
    options.onProgress?.({ executions, size: candidate.operations.length });
    return true;
  };

  for (let before: unknown; before !== best;) {
    before = best;
    const { setup } = best;
    await ddmin(best.operations, (operations) => tryCase({ setup, operations }));
    await reduceValue(
      codec.encodeSetup(best.setup),
      (json) => codec.decodeSetup(json),
      async (smaller) =>
        options.canHave?.(smaller, failing.setup) !== false &&
        (await tryCase({ ...best, setup: smaller })),
    );
    for (let index = 0; index < best.operations.length; index += 1) {
      const operation = best.operations[index];
      if (operation === undefined) break;
      await reduceValue(
        codec.encodeOperation(operation),
        (json) => codec.decodeOperation(json),
        (smaller) => tryCase({ ...best, operations: best.operations.with(index, smaller) }),
      );
    }
  }
  return { ...best, executions, minimal: executions < maxExecutions };
}

/** Takes the first reduction that still fails, again and again, until none does. */
async function reduceValue<Value>(
  json: Json,
  decode: (json: Json) => Value,
  fails: (candidate: Value) => Promise<boolean>,
): Promise<void> {
  let current = json;
  for (;;) {
    let smaller: Json | undefined;
    for (const candidate of jsonReductions(current)) {
      const value = tryDecode(candidate, decode);
      if (value !== undefined && (await fails(value.decoded))) {
        smaller = candidate;
        break;
      }
    }
    if (smaller === undefined) return;
    current = smaller;
  }
}

function tryDecode<Value>(
  json: Json,
  decode: (json: Json) => Value,
): { readonly decoded: Value } | undefined {
  try {
    return { decoded: decode(json) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
