// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { buildProbe } from './build.ts';
import { PIPE_WINDOW, requireLinux, thisHost, type LocalOptions } from './local.ts';
import { processLink } from './process-link.ts';
import type { Link, Transport } from './transport.ts';

/** Longest line of base64: some shells bound the lines of a here-document. */
const LINE = /.{1,4000}/g;

/**
 * A shell script that unpacks a program where it may be executed, and becomes it. The program
 * removes its own file as soon as it runs. Nothing may be written behind the script before the
 * program has spoken, since a shell may read ahead.
 */
export function bootstrapScript(program: Uint8Array, args: readonly string[]): string {
  const text = Buffer.from(program).toString('base64').match(LINE) ?? [];
  return [
    'umask 077',
    'unpack() {',
    '  km_dir=$(mktemp -d "$1/kernel-models.XXXXXX" 2>/dev/null) || return 1',
    `  trap 'rm -rf "$km_dir"' EXIT HUP INT TERM`,
    '  printf "%s" "$km_text" | base64 -d >"$km_dir/probe" && chmod 700 "$km_dir/probe" &&',
    '    "$km_dir/probe" --version >/dev/null 2>&1 && return 0',
    '  rm -rf "$km_dir"',
    '  return 1',
    '}',
    `km_text=$(cat <<'END_OF_PROBE'`,
    ...text,
    'END_OF_PROBE',
    ')',
    'for km_parent in "${TMPDIR:-/tmp}" /dev/shm /run /var/tmp; do',
    `  unpack "$km_parent" && exec "$km_dir/probe" --remove-self ${args.join(' ')}`,
    'done',
    'command -v base64 >/dev/null || echo "program base64 is missing" >&2',
    'echo "no folder takes a program that runs: noexec, or not x86-64 Linux" >&2',
    'exit 1',
    '',
  ].join('\n');
}

/**
 * The probe behind a command that gives a shell on its standard input: `ssh vm`, `sudo sh`,
 * `docker exec -i vm sh`. The probe travels over that input.
 *
 * @param command a line for sh
 */
export function viaTransport(
  probe: string,
  command: string,
  options: LocalOptions = {},
): Transport {
  const { host = thisHost(), startTimeoutMs = 60_000, watchdogMs = 10_000 } = options;
  return {
    name: 'via',
    touches: `sends a small program to \`${command}\`, which runs it there as it would live`,
    startTimeoutMs,
    watchdogMs,
    connect: async (): Promise<Link> => {
      requireLinux(host);
      const program = await readFile(await buildProbe(probe, options));
      const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'] });
      const { stdin: input, stdout: output, stderr } = child;
      const link = processLink({
        process: child,
        input,
        output,
        texts: [stderr],
        window: PIPE_WINDOW,
      });
      link.write(bootstrapScript(program, [`--watchdog=${watchdogMs}`]));
      return link;
    },
  };
}
