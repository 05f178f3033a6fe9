// SPDX-License-Identifier: MIT
import { canonicalJson } from '@kernel-models/model-core';
import { vmasOf, type State } from './state.ts';

/** Equal texts mean equal states: the tree counts by its content, what was counted on the way not. */
export function key(state: State): string {
  const { tree, machine, vmasAllocated, vmasFreed, rlimit, ...fields } = state;
  void machine;
  void vmasAllocated;
  void vmasFreed;
  void rlimit;
  const { allocations } = fields;
  return canonicalJson({
    ...fields,
    allocations: allocations === null ? null : allocations.made,
    vmas: vmasOf({ tree }),
  });
}
