// SPDX-License-Identifier: MIT

/** Counts how often generated cases have a label, so that a property cannot be vacuous unnoticed. */
export class LabelCoverage {
  #total = 0;
  readonly #counts = new Map<string, number>();

  /** Counts one case with all labels that it has. */
  count(labels: Iterable<string>): void {
    this.#total += 1;
    for (const label of new Set(labels)) {
      this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
    }
  }

  /**
   * Fails unless each label was on at least its share of the cases.
   *
   * @param minimum percentages, 0 to 100, by label
   */
  require(minimum: Readonly<Record<string, number>>): void {
    if (this.#total === 0) throw new Error('label coverage: no case was counted');
    const short = Object.entries(minimum).flatMap(([label, percent]) => {
      const share = (100 * (this.#counts.get(label) ?? 0)) / this.#total;
      return share < percent ? [`${label}: ${share.toFixed(2)} %, expected ${percent} %`] : [];
    });
    if (short.length > 0) {
      throw new Error(`label coverage of ${this.#total} cases:\n${short.join('\n')}`);
    }
  }
}
