// SPDX-License-Identifier: MIT

/** Where a command writes. Tests put their own in its place. */
export interface CommandIo {
  /** Results. */
  out(text: string): void;
  /** One-line errors and notes. */
  err(text: string): void;
  /** Whether standard error is a terminal that a person watches. */
  readonly interactive: boolean;
  /**
   * Fires when the person ends the command. A command that reads it takes Ctrl-C over, which then
   * no longer ends the process: it looks at the signal, gives up turns, and shows what it has.
   */
  readonly signal: AbortSignal;
}

/** The process's own streams. */
export function processIo(interruptions: () => AbortSignal): CommandIo {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(`${text}\n`),
    interactive: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
    get signal() {
      return interruptions();
    },
  };
}
