// SPDX-License-Identifier: MIT
import type { CpuQuirks } from '../machine-state.ts';
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';

/** In what revisions differ. */
export type Features = CpuQuirks;

/** The architecture, and the emulator that it is held against. */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'architecture',
    source: 'Intel SDM volume 1, chapter 18, and volume 2, ENDBR64; for INT1 Bochs 2.7',
    date: '2024',
    features: {
      endbranchAlwaysResets: false,
      anyNoTrackPrefix: false,
      lengthBeforeLanding: false,
      bitmapReadByCpl0: false,
      conformingCallPushesAsCode: false,
    },
  },
  {
    id: 'bochs-2.7',
    source: 'Bochs 2.7, `cpu: model=tigerlake`',
    date: '2021-08',
    features: {
      endbranchAlwaysResets: true,
      anyNoTrackPrefix: true,
      lengthBeforeLanding: true,
      bitmapReadByCpl0: true,
      conformingCallPushesAsCode: true,
    },
  },
];

/**
 * The features of a revision.
 *
 * @throws RangeError where the revision is unknown
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions(
  'hw-model.instructions',
  REVISIONS,
);
