// SPDX-License-Identifier: MIT
import { canonicalJson, type RevisionId } from '@kernel-models/model-core';
import { codec, type Operation, type Outcome, type Setup } from '@kernel-models/exec-check';

/** What a person needs to see of a case that breaks a property. */
export interface Evidence {
  readonly revision: RevisionId;
  readonly setup: Setup;
  readonly operations: readonly Operation[];
  readonly rule?: string | undefined;
}

/** A property that does not hold on a case: the sentence, the operations, the world. */
export class Violation extends Error {
  constructor(sentence: string, evidence: Evidence) {
    const steps = evidence.operations.map(
      (operation, index) => `  ${index + 1}. ${canonicalJson(codec.encodeOperation(operation))}`,
    );
    super(
      [
        `${sentence} (${[evidence.revision, evidence.rule].filter(Boolean).join(', ')})`,
        ...steps,
        `  in ${canonicalJson(codec.encodeSetup(evidence.setup))}`,
      ].join('\n'),
    );
    this.name = 'Violation';
  }
}

/** An outcome in one line. */
export function show(outcome: Outcome): string {
  return canonicalJson(codec.encodeOutcome(outcome));
}
