// SPDX-License-Identifier: MIT
import { SECBIT_EXEC_DENY_INTERACTIVE, SECBIT_EXEC_RESTRICT_FILE } from './constants.ts';
import type { CodeSource } from './operation.ts';
import type { Features } from './revisions.ts';

/** What an enlightened interpreter does with one kind of code. */
export interface Decision {
  /** Whether the check is issued, on the descriptor that will be read. */
  readonly check: boolean;
  /** When the code runs. */
  readonly runs: 'always' | 'if-executable' | 'never';
}

/**
 * The decision of an interpreter by its securebits. The lock bits do not matter.
 *
 * Merged: Documentation/userspace-api/check_exec.rst and samples/check-exec/inc.c, Linux 6.14. The
 * check is issued even where its answer does not matter: it leaves a trace. RESTRICT_FILE does not
 * stop standard input; DENY_INTERACTIVE does.
 *
 * Posted: Message-ID 20240704190137.696169-3-mic@digikod.net. The bit of RESTRICT_FILE only tells
 * to check there; it takes the other one to act on the answer.
 *
 * @param securebits the word of the interpreter's thread
 */
export function decide(
  features: Features,
  securebits: number,
  source: CodeSource['kind'],
): Decision {
  const first = (securebits & SECBIT_EXEC_RESTRICT_FILE) !== 0;
  const second = (securebits & SECBIT_EXEC_DENY_INTERACTIVE) !== 0;
  return features.execSecurebits === 'posted'
    ? decidePosted(first, second, source, features.uncheckedFiles)
    : decideMerged(first, second, source);
}

function decideMerged(
  restrictFile: boolean,
  denyInteractive: boolean,
  source: CodeSource['kind'],
): Decision {
  switch (source) {
    case 'file':
      return { check: true, runs: restrictFile ? 'if-executable' : 'always' };
    case 'stdin':
      return { check: true, runs: denyInteractive ? 'if-executable' : 'always' };
    case 'snippet':
    case 'snippetAndFile':
      return { check: false, runs: denyInteractive ? 'never' : 'always' };
  }
}

function decidePosted(
  shouldCheck: boolean,
  shouldRestrict: boolean,
  source: CodeSource['kind'],
  uncheckedFiles: 'denied' | 'allowed',
): Decision {
  if (source !== 'file') return { check: false, runs: shouldRestrict ? 'never' : 'always' };
  if (!shouldRestrict) return { check: shouldCheck, runs: 'always' };
  if (shouldCheck) return { check: true, runs: 'if-executable' };
  return { check: false, runs: uncheckedFiles === 'denied' ? 'never' : 'always' };
}
