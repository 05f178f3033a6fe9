// SPDX-License-Identifier: MIT
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { format } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { runCli } from '@kernel-models/oracle';
import { examplesIn } from './examples.ts';
import { ROOT, trackedFiles } from './sources.ts';
import { typeErrorsOf } from './typecheck.ts';

const FOLDER = join(ROOT, 'test-models/.examples', String(process.pid));

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe('examples in TypeScript', () => {
  const examples = examplesIn('ts');

  test('are there', () => expect(examples.length).toBeGreaterThan(0));

  test('pass the type checker', { timeout: 60_000 }, () =>
    expect(typeErrorsOf(examples)).toEqual([]),
  );

  test.each(examples)('$where runs and prints what it says', async ({ where, code }) => {
    mkdirSync(FOLDER, { recursive: true });
    const path = join(FOLDER, `${where.replace(/[^a-z0-9]+/gi, '-')}.ts`);
    writeFileSync(path, `${code}\nexport {};\n`);
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
      printed.push(format(...values));
    });
    try {
      await import(path);
    } finally {
      log.mockRestore();
    }
    const promised = promisedOutput(code);
    // What is printed without a comment is for the reader to look at.
    expect(printed.filter((line) => promised.includes(line))).toEqual(promised);
  });
});

/** What an example says that it prints: the comment behind (or below) each `console.log`. */
function promisedOutput(code: string): readonly string[] {
  return [...code.matchAll(/console\.log\([^]*?\);\s*\/\/ (.*)$/gm)].map(([, text]) => text ?? '');
}

describe('examples at the command line', () => {
  const commands = examplesIn('console').flatMap(({ where, code }) =>
    code
      .split(/^\$ /m)
      .slice(1)
      .map((block) => {
        const [line = '', ...output] = block.trimEnd().split('\n');
        return { where, line, output };
      })
      .filter(({ line }) => line.startsWith('kernel-oracle ')),
  );

  test('are there', () => expect(commands.length).toBeGreaterThan(0));

  test.each(commands)('$where: $line', async ({ line, output }) => {
    const printed: string[] = [];
    const io = {
      out: (text: string) => printed.push(text),
      err: (text: string) => printed.push(`${text}\n`),
      interactive: false,
      signal: new AbortController().signal,
    };
    const save = join(FOLDER, 'divergences');
    const args = words(line).slice(1);
    const withSave = /^(check|fuzz)$/.test(args[0] ?? '') ? [...args, '--save', save] : args;
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(ROOT);
    try {
      await runCli(withSave.map(fromRoot), io, '0.0.0');
    } finally {
      cwd.mockRestore();
    }
    expectInOrder(printed.join('').split('\n'), output);
  });
});

/** Splits a command line at blanks, keeping what stands in single quotes together. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** A path in an example is one from the repository's root; what it puts into /tmp goes elsewhere. */
function fromRoot(word: string): string {
  if (word.startsWith('/tmp/')) return join(FOLDER, word);
  return word.includes('/') && existsSync(join(ROOT, word)) ? join(ROOT, word) : word;
}

/** Each promised line is printed, in that order; `...` stands for any lines, `…` for any text. */
function expectInOrder(printed: readonly string[], promised: readonly string[]): void {
  let from = 0;
  for (const line of promised) {
    const wanted = line.trim();
    if (wanted === '...' || wanted === '') continue;
    const pattern = new RegExp(
      `^${wanted
        .split('…')
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'))
        .join('.*')}$`,
    );
    const found = printed.findIndex((text, index) => index >= from && pattern.test(text.trim()));
    if (found === -1) {
      throw new Error(`not printed: ${wanted}\n--- printed:\n${printed.slice(from).join('\n')}`);
    }
    from = found + 1;
  }
}

describe('links', () => {
  const links = trackedFiles()
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [
        ...readFileSync(join(ROOT, path), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g),
      ].map(([, target = '']) => ({ path, target })),
    );

  test.each(links)('$path -> $target leads somewhere', ({ path, target }) => {
    expect(existsSync(join(ROOT, dirname(path), target))).toBe(true);
  });

  test('docs/README.md leads to every page of docs/', () => {
    const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
    const linked = [...index.matchAll(/\]\(([^)#]+)/g)].map(([, target]) => `docs/${target}`);
    const pages = trackedFiles().filter((path) => /^docs\/(?!README)[^/]+\.md$/.test(path));
    expect(pages.filter((path) => !linked.includes(path))).toEqual([]);
    expect(linked).toEqual([...new Set(linked)]);
  });
});
