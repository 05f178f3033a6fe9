// SPDX-License-Identifier: MIT

/** `family.rule-name`, unique in its model: `execveat.path-noexec`. */
export type RuleId = string;

/** One check or effect of the real thing that can decide an outcome. */
export interface Rule {
  readonly id: RuleId;
  /** What the rule says, in one sentence that a person can read alone. */
  readonly sentence: string;
  /**
   * Something that a reader can open: kernel function, file and version; manual, section; a
   * Message-ID.
   */
  readonly origin: string;
}
