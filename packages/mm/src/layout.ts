// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from './constants.ts';
import { vmasOf, type State } from './state.ts';
import { VM_SOFTDIRTY } from './vm-flags.ts';
import { sameBacking, type Vma } from './vma.ts';

/**
 * What is mapped where, with what flags, showing what: a text that does not tell where one VMA ends
 * and an equal one begins. So a cut without a change is no change of it.
 */
export function layoutOf(state: Pick<State, 'tree'>): string {
  const runs: Vma[] = [];
  for (const vma of vmasOf(state)) {
    const last = runs.at(-1);
    if (last !== undefined && goesOn(last, vma)) runs[runs.length - 1] = { ...last, end: vma.end };
    else runs.push(vma);
  }
  return runs.map(describe).join('\n');
}

function goesOn(a: Vma, b: Vma): boolean {
  return (
    a.end === b.start &&
    sameFlags(a, b) &&
    a.policy === b.policy &&
    a.special === b.special &&
    sameBacking(a.backing, b.backing) &&
    (a.backing === null || a.pgoff + (a.end - a.start) / PAGE_SIZE === b.pgoff)
  );
}

function sameFlags(a: Vma, b: Vma): boolean {
  return ((a.flags ^ b.flags) & ~VM_SOFTDIRTY) === 0;
}

function describe({ backing, end, flags, pgoff, policy, special, start }: Vma): string {
  const shown = backing === null ? (special ?? 'anonymous') : `${backing.id}@${pgoff}`;
  return `${start}-${end} ${flags & ~VM_SOFTDIRTY} ${shown} ${policy ?? ''}`;
}
