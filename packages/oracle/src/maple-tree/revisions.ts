// SPDX-License-Identifier: MIT
import { DOCUMENTED, LINUX_6_12 } from '@kernel-models/maple-tree';
import { KNOWN_BUGS } from '@kernel-models/maple-tree/bugs';
import {
  resolveRevisions,
  type BugRevision,
  type Revision,
  type RevisionId,
} from '@kernel-models/model-core';
import type { BranchOptions } from './session.ts';

/**
 * What tells one maple tree from another: the rules that it follows, for a bug that no rule on the
 * path of a load expresses a class of its own, and the shape of its nodes.
 */
export type Features = BranchOptions;

/**
 * Linux 6.12; its content alone, whatever the nodes; the same with its two wrong answers put right;
 * and every known bug on top of 6.12.
 */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'linux-6.12-content',
    source: 'lib/maple_tree.c, Linux 6.12.117: answers, content and cursor, not the nodes',
    date: '2024-11',
    features: { rules: DOCUMENTED, nodes: 'tuned' },
  },
  {
    id: 'linux-6.12',
    source: 'lib/maple_tree.c, Linux 6.12.117',
    date: '2024-11',
    features: { rules: LINUX_6_12 },
  },
  {
    id: 'linux-6.12-fixed',
    source: 'lib/maple_tree.c, Linux 6.12.117, with insert-new-root and rev-top-wrap put right',
    date: '2024-11',
    features: { rules: DOCUMENTED },
  },
  ...KNOWN_BUGS.map(({ caughtBy, id, options, rules, story }): BugRevision<Features> => ({
    id: `bug:${id}`,
    base: 'linux-6.12',
    features: {
      rules: { ...LINUX_6_12, shortcuts: false, ...rules },
      ...(options?.treeClass !== undefined && { treeClass: options.treeClass }),
    },
    story,
    caughtBy,
  })),
];

/** The rules of a revision. */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions(
  'maple-tree',
  REVISIONS,
);
