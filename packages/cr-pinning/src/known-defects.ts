// SPDX-License-Identifier: MIT
import { isBugRevision, type RevisionId } from '@kernel-models/model-core';
import { REVISIONS } from './revisions.ts';

/**
 * What revisions are known not to keep: the posting's own defect with an SMI in L2, and what the
 * earlier postings and Heki leave open. The properties find each of them.
 */
export const KNOWN_DEFECTS: Readonly<Record<RevisionId, readonly string[]>> = {
  'posted-2019-12': [
    'pins.l2-is-free',
    'pins.kept-over-rsm',
    'pins.kept-over-nested-exit',
    'guest.bring-up-never-faults',
  ],
  'posted-2020-02': [
    'pins.l2-is-free',
    'pins.refusal-has-a-violation',
    'pins.rsm-loads-the-image',
    'pins.kept-over-nested-exit',
    'pins.accepted-write-is-stored',
    'pins.repeating-is-accepted',
  ],
  'posted-2020-06': ['pins.l2-is-free'],
  'posted-2023-05': [
    'pins.completed-write-has-effect',
    'pins.belong-to-one-vcpu',
    'pins.l2-is-free',
    'pins.kept-over-rsm',
    'pins.kept-over-nested-exit',
    'guest.bring-up-never-faults',
    'reset.clears-pins',
    'migration.keeps-pins',
  ],
  'posted-2024-05': [
    'pins.belong-to-one-vcpu',
    'pins.l2-is-free',
    'pins.kept-over-rsm',
    'pins.kept-over-nested-exit',
    'guest.bring-up-never-faults',
    'reset.clears-pins',
    'migration.keeps-pins',
  ],
  // What suspends pins over INIT asks the new CPU for all of them, also for what its kernel does
  // not set.
  'reviewed-2024-05': ['guest.bring-up-never-faults'],
  'design-init-suspends': ['guest.bring-up-never-faults'],
  'design-floor': ['pins.belong-to-one-vcpu', 'guest.bring-up-never-faults'],
};

/** Revisions that pin, without the bugs. */
const PINNING: readonly RevisionId[] = REVISIONS.filter(
  (revision) => !isBugRevision(revision) && revision.features.request !== 'none',
).map(({ id }) => id);

/** The revisions that promise an invariant: all that pin, but for what is known of them. */
export function promisedBy(id: string): readonly RevisionId[] {
  return PINNING.filter((revision) => KNOWN_DEFECTS[revision]?.includes(id) !== true);
}
