// SPDX-License-Identifier: MIT
import { deepEqual, type Json } from '@kernel-models/model-core';
import { DOCUMENTED, type Rules } from '@kernel-models/maple-tree';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { AnySession } from './session.ts';

/**
 * What an outcome says of the content: the answer, the cursor's status and range, and of a dump the
 * ranges. It depends on no node, so that nodes of another shape give the same.
 */
export function contentOf(outcome: Outcome): Outcome {
  if (outcome.kind === 'ranges' || outcome.kind === 'fault') return outcome;
  if (outcome.kind === 'dump') return { kind: 'ranges', ranges: rangesOf(outcome.tree) };
  const { cursor, structure: _, ...answer } = outcome;
  if (cursor === undefined) return answer;
  const { index, last, status } = cursor;
  return { ...answer, cursor: { status, index, last } };
}

/** Whether a model that promises the content alone, or all, explains what was observed. */
export function matches(observed: Outcome, modelled: Outcome): boolean {
  return deepEqual(isContent(modelled) ? contentOf(observed) : observed, modelled);
}

function isContent(outcome: Outcome): boolean {
  if (outcome.kind === 'dump' || outcome.kind === 'fault') return false;
  return outcome.kind === 'ranges' || outcome.structure === undefined;
}

/** The ranges that a dump's leaves hold: `[first, last, entry]`, in order. */
function rangesOf(tree: Json): Json {
  const { entry, root } = tree as { readonly root: Json; readonly entry?: Json };
  if (root === null) return entry == null ? [] : [['0x0', '0x0', entry]];
  const ranges: Json[] = [];
  let first = 0n;
  const visit = (node: Json): void => {
    const { children, entries, pivots } = node as unknown as DumpedNode;
    for (const [offset, pivot] of pivots.entries()) {
      const child = children?.[offset];
      if (child !== undefined) {
        visit(child);
        continue;
      }
      const held = entries?.[offset] ?? null;
      if (held !== null) ranges.push([`0x${first.toString(16)}`, pivot, held]);
      first = BigInt(pivot) + 1n;
    }
  };
  visit(root);
  return ranges;
}

/** A node as the probe dumps it. */
interface DumpedNode {
  readonly pivots: readonly string[];
  readonly entries?: readonly Json[];
  readonly children?: readonly Json[];
}

/** No stretch of indices has room: what 6.12 takes a slot from 0 to the last index for. */
const NO_ROOM: Rules = { ...DOCUMENTED, holds: () => false };

/**
 * The wrong answer that 6.12 may give, which depends on its nodes: an insert over everything that
 * overwrites, `insert-new-root`, and a search that finds nothing, `rev-top-wrap`: up to the last index, or
 * of a tree whose one slot is null.
 *
 * @param session before the operation; it stays as it is
 * @param right what the documented rules answer
 * @returns the session after the wrong answer, and the answer; null where there is none to give
 */
export function wrongAnswer(
  session: AnySession,
  operation: Operation,
  right: Outcome,
): { session: AnySession; outcome: Outcome } | null {
  const { root } = session.tree;
  if (root === null) return null;
  if (operation.op === 'insert') {
    const refused = right.kind === 'errno' && right.errno === 'EEXIST';
    if (!refused || !session.coversAll(operation)) return null;
    const branch = session.branch({ rules: DOCUMENTED, nodes: 'tuned' });
    return { session: branch, outcome: branch.run({ ...operation, op: 'store' }) };
  }
  if (!isSearch(operation) || right.kind !== 'value') return null;
  const { max } = operation;
  const isReverse = operation.op === 'alloc_rrange' || operation.op === 'mas_empty_area_rev';
  const wraps = isReverse
    ? max === BigInt(session.tree.keys.max) || session.isOneHole()
    : max === BigInt(session.tree.keys.max) && session.isOneHole();
  if (!wraps) return null;
  const branch = session.branch({ rules: NO_ROOM, nodes: 'tuned' });
  return { session: branch, outcome: branch.run(operation) };
}

const SEARCHES = [
  'alloc_range',
  'alloc_rrange',
  'alloc_cyclic',
  'mas_empty_area',
  'mas_empty_area_rev',
] as const;

function isSearch(
  operation: Operation,
): operation is Extract<Operation, { op: (typeof SEARCHES)[number] }> {
  return SEARCHES.some((op) => op === operation.op);
}
