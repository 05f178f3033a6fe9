// SPDX-License-Identifier: MIT
import { Unavailable } from './unavailable.ts';

/** The C compiler's command: `$CC`, else `cc`. */
export function compilerCommand(): string {
  return process.env['CC'] ?? 'cc';
}

/**
 * Why a program was not compiled, in the words of a user who has to do something about it.
 *
 * @param what what was to be built
 * @param hint what often helps with it
 */
export function compilerFailure(
  compiler: string,
  what: string,
  error: unknown,
  hint = '',
): Unavailable {
  if (error instanceof Unavailable) return error;
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') {
    return new Unavailable(`no C compiler: program ${compiler} is missing (CC names another one)`);
  }
  if (stderr !== undefined && /cannot find -l|unable to find library -l/.test(stderr)) {
    return new Unavailable(
      `${compiler} -static: the C library's static archive (libc.a) is missing`,
    );
  }
  const reason = stderr?.split('\n').find((line) => /error/i.test(line)) ?? String(error);
  return new Unavailable(`${compiler} cannot build ${what}${hint}: ${reason.trim()}`);
}
