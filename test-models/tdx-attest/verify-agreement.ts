// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { deepEqual } from '@kernel-models/model-core';
import { verify } from '@kernel-models/tdx-attest';
import type { Evidence } from './evidence.ts';
import { changed, CHANGES, upright } from './flaws.ts';
import { issueEvidence, TRUSTED_ROOT, type Issued } from './issue-evidence.ts';
import { nearlyRight } from './nearly-right.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { judge, type Judgement } from './reference-verifier.ts';

/* The comparison of a verifier with its reference, for properties and for the hunt for known bugs. */

/** In what a verdict is not the judgement; undefined where it is. */
export function disagreement(
  verdict: verify.Verdict,
  judgement: Judgement,
  padding: number,
): string | undefined {
  const told = `got ${summaryOf(verdict)}, expected ${JSON.stringify(judgement)}`;
  if (!verdict.ok) {
    const agrees =
      'step' in judgement &&
      judgement.step === verdict.step &&
      judgement.reasons.includes(verdict.reason);
    return agrees ? undefined : told;
  }
  const { status, advisories, trailingSize } = verdict;
  const seen: Judgement = { status, advisories: [...advisories].sort() };
  return deepEqual(seen, judgement) && trailingSize === padding ? undefined : told;
}

function summaryOf(verdict: verify.Verdict): string {
  return verdict.ok
    ? `${verdict.status}, ${verdict.advisories.join(' ')}`
    : `${verdict.step}: ${verdict.reason}, ${verdict.detail}`;
}

/** Evidence that was made, and what is to come of it. */
interface Trial extends Issued {
  readonly judgement: Judgement;
  readonly padding: number;
}

/** Trials of a seed, made as they are asked for and kept: every bug is tried on the same. */
export class Trials {
  readonly #described: readonly Evidence[];
  readonly #made: Trial[] = [];

  constructor(seed: number, most: number) {
    // First each fact by itself, then whatever chance brings.
    const right = fc.sample(upright, { seed, numRuns: CHANGES.length });
    const alone = right.map((it, index) => changed(it, CHANGES[index] ?? {}));
    const rest = fc.sample(nearlyRight, { seed, numRuns: most - alone.length });
    this.#described = [...alone, ...rest];
  }

  #trial(index: number, described: Evidence): Trial {
    const known = this.#made[index];
    if (known !== undefined) return known;
    const { padding } = described.quote;
    const fresh = { ...issueEvidence(described), judgement: judge(described), padding };
    this.#made[index] = fresh;
    return fresh;
  }

  /** How many trials it takes until a variant of the verifier disagrees; undefined if none does. */
  untilDisagreement(variant: verify.Variant): number | undefined {
    const options = { root: TRUSTED_ROOT, backend: nodeSignatureBackend, variant };
    const verifier = verify.createVerifier(options);
    const found = this.#described.findIndex((described, index) => {
      const { quote, collateral, time, policy, judgement, padding } = this.#trial(index, described);
      const verdict = verifier.verify(quote, collateral, time, policy);
      return disagreement(verdict, judgement, padding) !== undefined;
    });
    return found < 0 ? undefined : found + 1;
  }
}
