// SPDX-License-Identifier: MIT

/** A running probe, wherever it is: lines go in, lines come out. */
export interface Link {
  /** Sends text that ends with a newline. */
  write(text: string): void;
  /** The next line, or undefined where the probe is gone. One caller at a time. */
  nextLine(): Promise<string | undefined>;
  /**
   * Bytes of lines that may be unanswered at a time. A serial port drops what its reader does not
   * take in time; a pipe makes the writer wait.
   */
  readonly window: number;
  /**
   * The last that was heard beside answers: standard error, or a console. One line; may be empty.
   */
  diagnosis(): string;
  /** Ends the probe and waits for it. Safe to call twice. */
  close(): Promise<void>;
}

/** A way to a probe. */
export interface Transport {
  /** The name of the target: `live`, `via`, `kernel`. */
  readonly name: string;
  /** What using it touches on this host, in one line. */
  readonly touches: string;
  /** How long a start may take until the first line comes, milliseconds. */
  readonly startTimeoutMs: number;
  /** How long a case may take before the probe kills it, milliseconds. */
  readonly watchdogMs: number;
  /**
   * Starts a probe.
   *
   * @throws Unavailable naming what is missing
   */
  connect(): Promise<Link>;
  /**
   * Starts a probe that already holds the lines it will answer, and that ends after the last.
   * Absent where it would be no faster than writing them.
   *
   * @throws Unavailable naming what is missing
   */
  connectWith?(lines: Iterable<string>): Promise<Link>;
  /** From this many cases on a start with them is worth its price. Absent: 64. */
  readonly worthAStart?: number;
}
