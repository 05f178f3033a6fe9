// SPDX-License-Identifier: MIT
import { runCli } from '@kernel-models/oracle';

/** What a run of the command left. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `kernel-oracle` in this process. */
export async function runOracle(...args: readonly string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(`${text}\n`),
    interactive: false,
    signal: new AbortController().signal,
  };
  const code = await runCli(args, io, '9.9.9');
  return { code, out: out.join(''), err: err.join('') };
}
