// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';

/*
 * The names that generated cases use again and again, so that setups and operations meet: few
 * directories, few files, few users. A name that a setup does not make is a missing file.
 */

export const UIDS = [0, 7, 8, 1001] as const;
export const GIDS = [0, 7, 8, 1001] as const;

/** `/e` executable, `/n` noexec, `/l` nosymfollow, `/u` nosuid, `/b` a bind, `/o` an overlay. */
export const DIRECTORIES = ['/e', '/n', '/l', '/u', '/b', '/o', '/e/d'] as const;
export const FILES = ['f', 'g', 'i', 's'] as const;
export const LINKS = ['k', 'm'] as const;
export const TASKS = ['t1', 't2'] as const;

/** Weighted choice among constants and arbitraries. */
export function pick<Value>(
  ...choices: readonly (readonly [weight: number, Arbitrary<Value>])[]
): Arbitrary<Value> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

export const uid: Arbitrary<number> = fc.constantFrom(...UIDS);
export const gid: Arbitrary<number> = fc.constantFrom(...GIDS);
export const task: Arbitrary<string> = pick(
  [8, fc.constant('t1')],
  [3, fc.constant('t2')],
  [2, fc.constant('init')],
);
export const directory: Arbitrary<string> = fc.constantFrom(...DIRECTORIES);
export const fd: Arbitrary<number> = fc.integer({ min: 3, max: 6 });

/** A file that a setup may have. */
export const file: Arbitrary<string> = fc
  .tuple(
    pick<string>([4, fc.constant('/e')], [1, fc.constant('/n')], [3, directory]),
    pick<string>([4, fc.constantFrom(...FILES)], [1, fc.constantFrom(...LINKS)]),
  )
  .map(([parent, name]) => `${parent}/${name}`);

/** Every class of mode bits, biased towards modes under which something happens. */
export const mode: Arbitrary<number> = pick(
  [4, fc.constant(0o755)],
  [2, fc.constantFrom(0o700, 0o711, 0o111, 0o644, 0o4755, 0o2755, 0o010, 0o001, 0o100, 0)],
  [2, fc.integer({ min: 0, max: 0o777 })],
  [1, fc.integer({ min: 0, max: 0o7777 })],
);

/**
 * Paths as a call may give them: plain, by way of links, dots and slashes, and broken in every way.
 */
export const path: Arbitrary<string> = pick(
  [12, file],
  [2, file.map((text) => text.slice(1))],
  [1, fc.tuple(file, fc.constantFrom('/', '/.', '/..', '/x', '//')).map((parts) => parts.join(''))],
  [1, directory],
  [
    1,
    fc
      .tuple(directory, fc.constantFrom('/missing', '/missing/', '/missing/x'))
      .map((p) => p.join('')),
  ],
  [1, fc.tuple(directory, fc.constantFrom('/../e/f', '/./f', '/../../e/f')).map((p) => p.join(''))],
  [
    1,
    fc.constantFrom(
      '/self',
      '/self/',
      '/loop',
      '/dangling',
      '/way/f',
      '/way/',
      '/chain0',
      '/chain1',
    ),
  ],
  [1, fc.constantFrom('/null', '/disk', '/pipe', '/sock')],
  [2, fd.map((number) => `/p/self/fd/${number}`)],
  [1, fc.constantFrom('/p/self/status', '/p/self/fd/63', '/p/self/fd', '/p', '/')],
  [1, fc.constantFrom('', '.', '..', 'f', 'd/f')],
  [1, fc.constantFrom(`/e/${'n'.repeat(255)}`, `/e/${'n'.repeat(256)}`)],
  [
    1,
    fc.constantFrom(4094, 4095, 4096).map((length) => `/e/f${'/'.repeat(length)}`.slice(0, length)),
  ],
);
