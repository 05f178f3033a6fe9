// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { EXIT } from '../exit-code.ts';
import { processIo } from './io.ts';
import { runCli } from './program.ts';

/**
 * The entry of `bin/kernel-oracle.js`: runs the command line on this process and sets its exit
 * code.
 */
export async function main(): Promise<void> {
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const abort = new AbortController();
  let taken = false;
  // The first Ctrl-C ends the work and leaves a report of what was done; the second ends the
  // process.
  const interruptions = (): AbortSignal => {
    if (!taken) {
      taken = true;
      process.once('SIGINT', () => {
        abort.abort();
        process.once('SIGINT', () => process.exit(EXIT.interrupted));
      });
    }
    return abort.signal;
  };
  // A reader that has seen enough, such as `head`, is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
  const code = await runCli(process.argv.slice(2), processIo(interruptions), version);
  process.exitCode = abort.signal.aborted ? EXIT.interrupted : code;
}
