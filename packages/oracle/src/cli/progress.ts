// SPDX-License-Identifier: MIT
import { formatCount } from '../report/table.ts';

/** Milliseconds between two redraws of the progress line. */
const REDRAW_INTERVAL = 100;

/** Clears the line that the cursor is on. */
const CLEAR_LINE = '\r\u001b[2K';

/**
 * One progress line on standard error, only on a terminal: what runs, how far it is, its rate and
 * the time that remains.
 */
export class Progress {
  readonly #enabled: boolean;
  readonly #write: (text: string) => void;
  #label = '';
  #started = 0;
  #drawn = 0;
  #shown = false;

  constructor(
    enabled: boolean,
    write: (text: string) => void = (text) => void process.stderr.write(text),
  ) {
    this.#enabled = enabled;
    this.#write = write;
  }

  /** Shows how far something is. A new label starts the clock afresh. */
  update(label: string, done: number, total?: number, detail: string = ''): void {
    if (!this.#enabled) return;
    const now = performance.now();
    if (label !== this.#label) {
      this.#label = label;
      this.#started = now;
      this.#drawn = 0;
    }
    if (now - this.#drawn < REDRAW_INTERVAL) return;
    this.#drawn = now;
    this.#shown = true;
    this.#write(`${CLEAR_LINE}${this.#line(done, total, (now - this.#started) / 1000)}${detail}`);
  }

  /** Takes the line away, so that a result can be written. */
  clear(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#write(CLEAR_LINE);
  }

  #line(done: number, total: number | undefined, seconds: number): string {
    const rate = seconds > 0 ? done / seconds : 0;
    const of = total === undefined ? '' : ` of ${formatCount(total)}`;
    const remaining =
      total === undefined || rate === 0 ? '' : `, ${Math.ceil((total - done) / rate)} s left`;
    return `${this.#label}: ${formatCount(done)}${of}, ${formatCount(rate)}/s${remaining}`;
  }
}
