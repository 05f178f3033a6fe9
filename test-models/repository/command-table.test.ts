// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import outputSchema from '../../packages/oracle/schema/output.schema.json' with { type: 'json' };
import { runOracle } from '../support/run-oracle.ts';

/** A command that does something, with its help. */
interface Command {
  /** `trace import`. */
  readonly name: string;
  readonly help: string;
}

/** Commands that `--help` lists, and theirs. */
async function commandsOf(...path: readonly string[]): Promise<readonly Command[]> {
  const { out: help } = await runOracle(...path, '--help');
  const [, list] = help.split('\nCommands:\n');
  if (list === undefined) return [{ name: path.join(' '), help }];
  // A description that goes on in the next line is indented deeper.
  const names = [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name);
  const commands = await Promise.all(
    names.filter((name) => name !== 'help').map((name) => commandsOf(...path, name)),
  );
  return commands.flat();
}

const COMMANDS = await commandsOf();

test('the commands are found', () => {
  const names = COMMANDS.map(({ name }) => name);
  expect(names).toContain('check');
  expect(names).toContain('trace import');
  expect(names.length).toBeGreaterThan(20);
});

describe('docs/json-output.md', () => {
  const page = readFileSync('docs/json-output.md', 'utf8');
  const rows = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|$/gm)].map(([, name, definition]) => [
      name,
      definition,
    ]),
  );

  test('has a row for each command with --json, and only for those', () => {
    const printing = COMMANDS.filter(({ help }) => /^ {2}--json /m.test(help));
    expect([...rows.keys()].sort()).toEqual(printing.map(({ name }) => name).sort());
  });

  test('names definitions that the schema has, and the commands that have none', () => {
    for (const definition of rows.values())
      expect(outputSchema.$defs).toHaveProperty(definition ?? '');
    const others = COMMANDS.filter(({ name }) => !rows.has(name)).map(({ name }) => name);
    for (const name of others) expect(page).toContain(`\`${name}\``);
  });

  test('every --json is described in the same words', () => {
    const words = COMMANDS.flatMap(({ help }) =>
      [...help.matchAll(/^ {2}--json +((?:.|\n {10,})*)/gm)].map(([, text = '']) =>
        text.replace(/\s+/g, ' '),
      ),
    );
    expect([...new Set(words)]).toEqual([
      'print the result as JSON (docs/json-output.md has its schema)',
    ]);
  });
});

describe('docs/oracle.md', () => {
  const page = readFileSync('docs/oracle.md', 'utf8');
  /** The commands of a row: in `quote inspect`, `verify` the second is one of quote, too. */
  const commandsOfRow = (cell: string): readonly string[] => {
    const [first = '', ...others] = [...cell.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
    const [group = ''] = first.split(' ');
    return [first, ...others.map((one) => (one.includes(' ') ? one : `${group} ${one}`))];
  };
  const named = [...page.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    commandsOfRow(cell),
  );

  test.each(COMMANDS.map(({ name }) => name))('says what %s is for', (name) => {
    const isNamed = named.some((one) => `${one} `.startsWith(`${name} `));
    expect(isNamed || page.includes(`kernel-oracle ${name}`)).toBe(true);
  });
});

test('no default of an option is printed as code', () => {
  for (const { help } of COMMANDS) expect(help).not.toMatch(/default: (\[|\{|undefined)/);
});
