// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPackages, ROOT, trackedFiles } from './sources.ts';

/** A fenced block of code in the documentation. */
export interface Example {
  /** `README.md:40`: where the block begins. */
  readonly where: string;
  readonly code: string;
}

/** Every block of a language in the Markdown files, and in `@example`s of doc comments. */
export function examplesIn(language: string): readonly Example[] {
  const markdown = trackedFiles()
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, lines: readFileSync(join(ROOT, path), 'utf8').split('\n') }));
  const comments = readPackages()
    .flatMap(({ sources }) => sources)
    .filter(({ text }) => text.includes('@example'))
    .map(({ path, text }) => ({
      path,
      lines: text.split('\n').map((line) => line.replace(/^\s*\* ?/, '')),
    }));
  return [...markdown, ...comments].flatMap(({ path, lines }) => blocks(path, lines, language));
}

function blocks(path: string, lines: readonly string[], language: string): readonly Example[] {
  const found: Example[] = [];
  let start: number | undefined;
  for (const [index, line] of lines.entries()) {
    if (start === undefined && line.trim() === `\`\`\`${language}`) start = index + 1;
    else if (start !== undefined && line.trim() === '```') {
      found.push({ where: `${path}:${start}`, code: lines.slice(start, index).join('\n') });
      start = undefined;
    }
  }
  if (start !== undefined) throw new Error(`${path}:${start}: the block does not end`);
  return found;
}
