// SPDX-License-Identifier: MIT

/*
 * The address space as a sorted array: what packages/mm is held against. Nothing here knows a tree,
 * counts an allocation, or saves a step; it was written from the rules and from recordings of
 * kernels, without the model in sight, and shares with it the types of operations, outcomes and
 * setups alone.
 *
 *   let reference = referenceInitial(setup);
 *   const step = referenceApply(reference, { op: 'brk', address }, 'linux-6.18');
 *   step.outcome;               // what the caller sees
 *   reference = step.reference; // the old one still stands
 *
 * `smaps` is the observation: apply it and compare outcomes. Every operation has an outcome; only an
 * unknown revision is an error. `reference.vmas` (sorted, disjoint), `brk` and `lockedVm` may be
 * read. Allocations never fail here, so setups with `failAllocations` are not for it.
 */
export { referenceApply, type ReferenceStep } from './apply.ts';
export { REFERENCE_REVISIONS } from './revisions.ts';
export { initialState as referenceInitial, type Reference, type Vma } from './state.ts';
