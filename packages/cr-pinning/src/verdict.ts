// SPDX-License-Identifier: MIT

/** What became of an attack. */
export type Verdict =
  /** It was refused, and nothing changed. */
  | 'blocked'
  /** What it changed was put back. */
  | 'repaired'
  /** The VM stopped before the attacker could go on. */
  | 'killed'
  /** The attacker has what he wants. */
  | 'bypass'
  /** The bits are kept, but the attacker runs where they mean nothing. */
  | 'effect-lost'
  /** A guest that does nothing wrong cannot go on. */
  | 'availability-lost'
  /** Nothing happened that matters. */
  | 'harmless'
  /** The defence has nothing that the attack could be about. */
  | 'not-applicable';
