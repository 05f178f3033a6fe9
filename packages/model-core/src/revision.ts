// SPDX-License-Identifier: MIT

/**
 * `posted-<version or date>`, `reviewed-<version>`, `linux-x.y`, `linux-x.y-fixed` (ours, where the
 * kernel has a defect), or `bug:<slug>` (a known or planted bug on top of a base).
 */
export type RevisionId = string;

/** A revision that exists, or existed, somewhere: a posting or a kernel release. */
export interface BaseRevision<Features = unknown> {
  readonly id: RevisionId;
  /** Where it can be read: a Message-ID, or files of a kernel release. */
  readonly source: string;
  /** ISO date of the source, as exact as it is known: `2024-07-04`, `2025-01`. */
  readonly date: string;
  readonly features: Features;
}

/** A known or planted bug on top of a base revision. */
export interface BugRevision<Features = unknown> {
  readonly id: `bug:${string}`;
  readonly base: RevisionId;
  /** Only what differs from the base. */
  readonly features: Partial<Features>;
  /** What goes wrong, in a sentence. */
  readonly story: string;
  /** Ids of the invariants or named properties that must catch it. */
  readonly caughtBy: readonly string[];
}

export type Revision<Features = unknown> = BaseRevision<Features> | BugRevision<Features>;

/** Whether a revision is a bug variant. */
export function isBugRevision<Features>(
  revision: Revision<Features>,
): revision is BugRevision<Features> {
  return 'base' in revision;
}

/**
 * Resolves a package's table of revisions to complete feature sets, once, at module load.
 *
 * @returns a look-up that throws a RangeError naming the revision and the known ones
 * @throws RangeError where an id stands twice or a bug's base does not stand before it
 */
export function resolveRevisions<Features extends object>(
  model: string,
  table: readonly Revision<Features>[],
): (revision: RevisionId) => Features {
  const resolved = new Map<RevisionId, Features>();
  for (const revision of table) {
    if (resolved.has(revision.id)) {
      throw new RangeError(`${model}: revision ${revision.id} stands twice in the table`);
    }
    if (isBugRevision(revision)) {
      const base = resolved.get(revision.base);
      if (base === undefined) {
        throw new RangeError(
          `${model}: revision ${revision.id}: expected a base that stands before it, got ${revision.base}`,
        );
      }
      resolved.set(revision.id, Object.freeze({ ...base, ...revision.features }));
    } else {
      resolved.set(revision.id, Object.freeze({ ...revision.features }));
    }
  }
  return (revision) => {
    const features = resolved.get(revision);
    if (features === undefined) {
      throw new RangeError(
        `${model}: revision: expected one of ${[...resolved.keys()].join(', ')}, got ${revision}`,
      );
    }
    return features;
  };
}
