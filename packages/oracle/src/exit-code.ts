// SPDX-License-Identifier: MIT

/** What a comparison says. */
export type Verdict = 'agree' | 'diverge' | 'inconclusive';

/** A number for each way a command can end. */
export interface ExitCodes {
  /** Everything that was asked for was compared to its end, and agreed. */
  readonly agree: number;
  /** At least one divergence. */
  readonly diverge: number;
  /** Nothing diverged, but something that was asked for could not be compared to its end. */
  readonly inconclusive: number;
  /** Usage, or input that cannot be read. */
  readonly usage: number;
  /** Ended by the person; the report is of what had been compared until then. */
  readonly interrupted: number;
}

/** The exit codes of `kernel-oracle`, the same for every command. */
export const EXIT: ExitCodes = {
  agree: 0,
  diverge: 1,
  usage: 2,
  inconclusive: 3,
  interrupted: 130,
};

/** Exit codes under `--bisect`, as `git bisect run` reads them. */
export const BISECT_EXIT: ExitCodes = {
  agree: 0,
  diverge: 1,
  /** "This revision cannot be tested": git skips it. */
  inconclusive: 125,
  /** Above 127: git stops, because the set-up is wrong and not the revision. */
  usage: 128,
  interrupted: 130,
};

/** The worst of several verdicts: a divergence, else an inconclusive one, else agreement. */
export function worstVerdict(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict = 'agree';
  for (const verdict of verdicts) {
    if (verdict === 'diverge') return 'diverge';
    if (verdict === 'inconclusive') worst = verdict;
  }
  return worst;
}

/** A caller's mistake or unreadable input: one line on standard error and exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
