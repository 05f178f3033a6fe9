// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, trackedFiles } from './sources.ts';

const TEXT = /\.(ts|mjs|js|c|h|md|json|yml|yaml|cff|txt|sh)$|^\.ci\/run$/;

/** What must never be committed. Written in pieces, so that this file does not hold it. */
const FORBIDDEN: readonly RegExp[] = [
  new RegExp(`/${'work'}/(main|shared)`),
  new RegExp(`/${'tmp'}/team`),
  new RegExp(`/${'root'}/`),
  // A registry's own host in a lock file would pin everybody to it.
  /"resolved": "https?:/,
];

const files = trackedFiles().filter((path) => TEXT.test(path));

test('no file names a path of somebody’s machine', () => {
  const found = files.flatMap((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return FORBIDDEN.filter((pattern) => pattern.test(text)).map(
      (pattern) => `${path}: ${pattern}`,
    );
  });
  expect(found).toEqual([]);
});

test('nothing unfinished is left standing', () => {
  const words = /\b(TODO|FIXME|HACK)\b|\b(it|test|describe)\.(only|todo)\(/;
  const found = files
    .filter((path) => /\.(ts|mjs|c)$/.test(path) && !path.endsWith('hygiene.test.ts'))
    .filter((path) => words.test(readFileSync(join(ROOT, path), 'utf8')));
  expect(found).toEqual([]);
});

test('every source file says its licence', () => {
  const found = files
    .filter((path) => /\.(ts|mjs|js|c|h)$/.test(path))
    .filter(
      (path) =>
        !readFileSync(join(ROOT, path), 'utf8')
          .slice(0, 120)
          .includes('SPDX-License-Identifier: MIT'),
    );
  expect(found).toEqual([]);
});
