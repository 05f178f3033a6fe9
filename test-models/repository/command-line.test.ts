// SPDX-License-Identifier: MIT
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import traceSchema from '../../packages/model-core/schema/trace.schema.json' with { type: 'json' };
import outputSchema from '../../packages/oracle/schema/output.schema.json' with { type: 'json' };
import { runCli, SCENARIOS } from '@kernel-models/oracle';
import { runOracle as oracle, type Ran } from '../support/run-oracle.ts';

const folder = mkdtempSync(join(tmpdir(), 'kernel-oracle-test-'));
const inFolder = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ajv = new Ajv2020({ allowUnionTypes: true, strictTypes: false });
ajv.addSchema(traceSchema);
ajv.addSchema(outputSchema);

/** Fails unless a command's JSON is what its schema says. */
function expectSchema(definition: string, { out }: Ran): void {
  const validate = ajv.getSchema(`${outputSchema.$id}#/$defs/${definition}`);
  if (validate === undefined) throw new Error(`no schema of ${definition}`);
  validate(JSON.parse(out));
  expect(validate.errors ?? []).toEqual([]);
}

const SECUREBITS = 'exec-check.securebits';
const FINDING = 'test-models/mm/findings/dontunmap-stale-offset.jsonl';
const MODEL_TARGET = ['--target', 'model:linux-6.18'];
const BROKEN = 'bug:securebits-locks-unshifted';
const trace = inFolder('securebits.jsonl');

beforeAll(async () => {
  const { code } = await oracle(
    'record',
    SECUREBITS,
    ...MODEL_TARGET,
    '--runs',
    '40',
    '--out',
    trace,
  );
  expect(code).toBe(0);
});

describe('help and usage', () => {
  test('--help and --version go to standard output and exit 0', async () => {
    const help = await oracle('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const command of ['check', 'fuzz', 'record', 'replay', 'shrink', 'explain', 'explore']) {
      expect(help.out).toContain(`  ${command} `);
    }
    expect(help.out).toContain('Exit codes: 0 agree, 1 diverge');
    expect(await oracle('--version')).toMatchObject({ code: 0, out: '9.9.9\n' });
    expect(await oracle('check', '--help')).toMatchObject({ code: 0 });
  });

  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ['an unknown command', ['chekc'], "unknown command 'chekc'"],
    ['an unknown option', ['check', '--lvie'], "unknown option '--lvie'"],
    ['an unknown model', ['check', 'exec-chekc'], 'got exec-chekc; did you mean exec-check?'],
    [
      'an unknown revision',
      ['check', '--revision', 'linux-0'],
      'models exec-check` lists, got linux-0',
    ],
    [
      'a revision nearly right',
      ['diff', 'mm', 'linux-6.18', 'linux6.12'],
      'did you mean linux-6.12',
    ],
    [
      'recordings that are no folder',
      ['check', '--recordings', '/nowhere'],
      '--recordings: expected a folder, got /nowhere',
    ],
    [
      'recordings of nothing',
      ['check', '--recordings', folder],
      '--recordings: expected exec-check/*.jsonl',
    ],
    [
      'a misspelt target',
      ['check', SECUREBITS, '--target', 'recordign'],
      'got recordign; did you mean recording?',
    ],
    [
      'a file of one trace',
      ['explain', FINDING, '--trace', '9'],
      'holds 1 trace, from 0 to 0; got 9',
    ],
    ['a quote that is text', ['quote', 'inspect', FINDING], 'it begins with text: not a quote?'],
    [
      'an unknown defence',
      ['pinning', 'run', 'T1', '--defence', 'x'],
      '--defence: expected one that',
    ],
    [
      'a file that cannot be written',
      ['record', SECUREBITS, ...MODEL_TARGET, '--runs', '1', '--out', '/nowhere/x'],
      '--out: /nowhere/x cannot be written',
    ],
    [
      'an import without its facts',
      ['trace', 'import', FINDING, '--model', 'tdx-attest.tsm'],
      '--revision: expected one, got none',
    ],
    [
      'an import with more facts than it takes',
      ['trace', 'import', FINDING, '--model', 'cr-pinning', '--kernel', 'x'],
      '--kernel: expected none',
    ],
    ['an unknown format', ['check', '--format', 'xml'], 'Allowed choices are text, ktap'],
    [
      'a number that is none',
      ['check', '--runs', 'many'],
      '--runs: expected a whole number from 1',
    ],
    ['an empty number', ['check', '--seed', ''], '--seed: expected a whole number from 0'],
    [
      'an unknown target',
      ['fuzz', SECUREBITS, '--target', 'x'],
      '--target: exec-check.securebits has',
    ],
    [
      'an unknown world',
      ['explore', SECUREBITS, '--world', 'x'],
      '--world: exec-check.securebits has',
    ],
    ['a missing argument', ['replay'], "missing required argument 'trace'"],
    ['a file that is not there', ['replay', '/nowhere.jsonl'], '/nowhere.jsonl: cannot be read'],
    ['a trace that is not there', ['explain', trace, '--trace', '40'], 'from 0 to 39; got 40'],
    [
      'a step that is not there',
      ['explain', trace, '--step', '99'],
      '--step: expected a step from 0',
    ],
  ];
  test.each(wrong)('%s is one line and exit 2', async (_, args, message) => {
    const ran = await oracle(...args);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain(message);
    expect(ran.err).not.toMatch(/\n\s+at /);
  });

  test('under --bisect a mistake stops the bisection', async () => {
    expect(await oracle('check', 'nothing', '--bisect')).toMatchObject({ code: 128 });
  });
});

describe('malformed traces are one line with file, line and field, and exit 2', () => {
  const lines = (): string[] => readFileSync(trace, 'utf8').trimEnd().split('\n');
  const cases: readonly (readonly [string, () => string | Buffer, string])[] = [
    ['empty', () => '', ':1: expected a trace header, got nothing'],
    ['cut off in a line', () => readFileSync(trace, 'utf8').slice(0, -5), 'a line that is cut off'],
    ['cut off between lines', () => `${lines().slice(0, -1).join('\n')}\n`, 'the trace is cut off'],
    ['no JSON', () => 'kernel\n', ':1: expected a JSON value'],
    [
      'another version',
      () => `${lines()[0]?.replace('"version":1', '"version":7')}\n`,
      'version 1, got 7',
    ],
    ['another model', () => `${lines()[0]?.replace(SECUREBITS, 'x')}\n`, 'no model is called x'],
    [
      'a wrong operation',
      () => `${lines()[0]}\n${lines()[1]?.replace(/"op":"[a-z]+/i, '"op":"x')}\n`,
      ':2: operation.op: expected one of set, get, fork',
    ],
    [
      'a key twice',
      () => `${lines()[0]}\n${lines()[1]?.replace('{', '{"seq":0,')}\n`,
      ':2: event.seq: expected each key once',
    ],
    [
      'a byte order mark',
      () => `\uFEFF${lines().join('\n')}\n`,
      ':1: expected UTF-8 without one, begins with a byte order mark',
    ],
    [
      'other bytes than UTF-8',
      () => Buffer.from(`${lines()[0]?.replace('kind', 'k\xEDnd')}\n`, 'latin1'),
      'expected text in UTF-8',
    ],
    [
      'an unknown revision',
      () => readFileSync(trace, 'utf8').replaceAll('"linux-6.18"', '"linux-6.81"'),
      ':1: header.revision: expected one that `kernel-oracle models',
    ],
    ['a broken archive', () => gzipSync(readFileSync(trace)).subarray(0, 90), 'cannot be unpacked'],
  ];
  test.each(cases)('%s', async (name, content, message) => {
    const file = inFolder(`${name.replaceAll(' ', '-')}.jsonl`);
    writeFileSync(file, content());
    for (const command of ['replay', 'explain', 'which', 'shrink']) {
      const ran = await oracle(command, file);
      expect(ran).toMatchObject({ code: 2, out: '' });
      expect(ran.err).toContain(file);
      expect(ran.err).toContain(message);
      expect(ran.err.trimEnd()).not.toContain('\n');
    }
  });
});

describe('what agrees', () => {
  test('replay says that it consumed everything', async () => {
    const ran = await oracle('replay', trace);
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/^consumed (\d+) of \1 events of 40 traces\n$/);
    expect(ran.out).toMatch(/^agree: /m);
  });

  test('a compressed recording is the same', async () => {
    const file = inFolder('securebits.jsonl.gz');
    await oracle('record', SECUREBITS, ...MODEL_TARGET, '--runs', '40', '--out', file);
    const plain = await oracle('which', trace, '--json');
    expect((await oracle('which', file, '--json')).out).toBe(plain.out);
  });

  test('which names the revision, and not the others', async () => {
    const ran = await oracle('which', trace);
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/^This is .*linux-6\.18/m);
    expect(ran.out).not.toMatch(/^This is .*linux-6\.12/m);
    expect((await oracle('which', trace, '--all')).out).toContain('bug:');
  });

  test('the foreign trace that docs/trace-format.md shows', async () => {
    const page = readFileSync('docs/trace-format.md', 'utf8');
    const [, lines = ''] = /^```json\n(\{"rev":[^`]*)```$/m.exec(page) ?? [];
    const file = inFolder('foreign.jsonl');
    writeFileSync(file, lines);
    const imported = await oracle('trace', 'import', file, '--model', 'cr-pinning');
    expect(imported.code).toBe(0);
    const own = inFolder('imported.jsonl');
    writeFileSync(own, imported.out);
    const ran = await oracle('replay', own);
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/^consumed (\d+) of \1 events of 2 traces\n$/);
  });

  test('trace validate counts, trace export gives every state', async () => {
    expect((await oracle('trace', 'validate', trace)).out).toContain(`${SECUREBITS}: 40 traces, `);
    const { out } = await oracle('trace', 'export', trace, '--trace', '2');
    const itf = JSON.parse(out) as { states: readonly unknown[] };
    const explained = await oracle('explain', trace, '--trace', '2', '--json');
    const { total } = JSON.parse(explained.out) as { total: number };
    expect(itf.states).toHaveLength(total + 1);
  });
});

describe('what the report says was done', () => {
  test('a seed and executed cases only where cases were executed', async () => {
    const seeded = / skipped \(seed \d+, \d+ cases? executed\)$/m;
    const fuzzed = await oracle('fuzz', SECUREBITS, ...MODEL_TARGET, '--runs', '9');
    expect(fuzzed.out).toMatch(seeded);
    expect(fuzzed.out).toContain(', 9 cases executed)');
    for (const args of [
      ['replay', trace],
      ['check', SECUREBITS, '--target', 'recording'],
    ]) {
      const { out } = await oracle(...args);
      expect(out).toMatch(/^agree: .* skipped$/m);
      const json = JSON.parse((await oracle(...args, '--json')).out) as object;
      expect(json).toMatchObject({ seed: null, runs: null });
    }
  });

  test('what is missing where recordings were asked for', async () => {
    const own = inFolder('own');
    mkdirSync(join(own, SECUREBITS), { recursive: true });
    writeFileSync(join(own, SECUREBITS, 'mine.jsonl'), readFileSync(trace));
    const args = ['check', 'exec-check', '--recordings', own, '--target', 'mine', 'recording'];
    const ran = await oracle(...args);
    expect(ran.code).toBe(3);
    expect(ran.out).toContain(`${join(own, 'exec-check')} holds no *.jsonl or *.jsonl.gz`);
    expect(ran.err).toContain(`mine: reads ${join(own, SECUREBITS, 'mine.jsonl')}`);
    const alone = await oracle('check', SECUREBITS, '--recordings', own, '--target', 'recording');
    expect(alone.code).toBe(0);
    const none = await oracle('check', 'hw-model.tdx', '--target', 'recording');
    expect(none.code).toBe(3);
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['fuzz', [], /^interrupted: .*\ninconclusive: /m],
    ['record', ['--out', inFolder('interrupted.jsonl')], /^written: .* traces?, /m],
  ])('ends %s with what it has, and exit 130', async (command, more, said) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), 50);
    const text: string[] = [];
    const print = (part: string): number => text.push(`${part}\n`);
    const io = { out: print, err: print, interactive: false, signal: abort.signal };
    const args = [command, SECUREBITS, ...MODEL_TARGET, '--runs', '1000000', ...more];
    expect(await runCli(args, io, '9.9.9')).toBe(130);
    clearTimeout(timer);
    expect(text.join('')).toMatch(said);
    expect(text.join('')).not.toMatch(/^agree/m);
  });

  test('leaves a recording that can be read', async () => {
    const ran = await oracle('trace', 'validate', inFolder('interrupted.jsonl'));
    expect(ran.code).toBe(0);
  });
});

describe('what diverges', () => {
  const WRONG = ['--revision', 'linux-6.12'];

  test('replay shows it, shortened, with rule and origin', async () => {
    const ran = await oracle('replay', trace, ...WRONG);
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('DIVERGENCE  exec-check.securebits: revision linux-6.12');
    expect(ran.out).toContain('Because:    ');
    expect(ran.out).toMatch(/Explained by linux-6\.\d+/);
  });

  test('fuzz finds it, shrinks by executing both sides, and writes what one needs', async () => {
    const save = inFolder('found');
    const ran = await oracle(
      'fuzz',
      SECUREBITS,
      ...MODEL_TARGET,
      ...WRONG,
      '--runs',
      '200',
      '--seed',
      '1',
      '--save',
      save,
    );
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/Done: {7}1 operation, shrunk by executing both sides \d+ times/);
    expect(ran.err).toContain('seed 1');
    const written = [...ran.err.matchAll(/^written: (.*)$/gm)].map(([, path]) => path ?? '');
    const kept = written.find((path) => path.endsWith('.jsonl'));
    if (kept === undefined) throw new Error('no trace was written');
    expect((await oracle('replay', kept, ...WRONG)).code).toBe(1);
    expect((await oracle('replay', kept, '--revision', 'linux-6.18')).code).toBe(0);
  });

  test('a divergence is reported also where nothing can be written', async () => {
    const file = inFolder('no-folder');
    writeFileSync(file, '');
    const args = [...MODEL_TARGET, ...WRONG, '--runs', '200', '--seed', '1', '--save', file];
    const ran = await oracle('fuzz', SECUREBITS, ...args);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/^diverge: /m);
    expect(ran.err).toContain(`--save: ${file} cannot be written`);
  });

  test('a defect of the command is no divergence', async () => {
    const err: string[] = [];
    const io = {
      out: () => {
        throw new RangeError('out of paper');
      },
      err: (text: string) => err.push(text),
      interactive: false,
      signal: new AbortController().signal,
    };
    expect(await runCli(['models'], io, '9.9.9')).toBe(3);
    expect(err[0]).toContain('kernel-oracle: internal error: RangeError: out of paper');
  });

  test('fuzz holds a revision that plays the kernel against the model, not against itself', async () => {
    const bug = ['--target', 'model:linux-6.12', '--runs', '200', '--seed', '1'];
    const ran = await oracle('fuzz', SECUREBITS, ...bug, '--save', inFolder('played'));
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('revision linux-6.18');
  });

  test('shrink makes a trace small, with and without executing it', async () => {
    const { out } = await oracle('which', trace, '--json');
    const { revisions } = JSON.parse(out) as {
      revisions: { revision: string; first?: { trace: number } }[];
    };
    const first = revisions.find(({ revision }) => revision === 'linux-6.12')?.first?.trace ?? 0;
    for (const how of [[], MODEL_TARGET]) {
      const ran = await oracle('shrink', trace, '--trace', String(first), ...WRONG, ...how);
      expect(ran.code).toBe(1);
      expect(ran.out.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    }
    const agreeing = await oracle('shrink', trace);
    expect(agreeing).toMatchObject({ code: 0, out: '' });
    expect(agreeing.err).toContain('there is nothing to shrink');
  });

  test('explain ends at the step, and gives the checks before it', async () => {
    const ran = await oracle('explain', trace, ...WRONG, '--trace', '0', '--json');
    expectSchema('explain', ran);
  });
});

describe('exploration', () => {
  test('explore states exactly what it saw', async () => {
    const ran = await oracle('explore', SECUREBITS, '--depth', '2');
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/\d+ states, [\d,]+ transitions to depth 2/);
  });

  test('explore shows a broken invariant as a shortest sequence, and exits 1', async () => {
    const ran = await oracle('explore', SECUREBITS, '--revision', BROKEN);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/^BROKEN securebits\./m);
  });

  test('explore is inconclusive at the cap on states', async () => {
    const ran = await oracle('explore', SECUREBITS, '--max-states', '3');
    expect(ran.code).toBe(3);
    expect(ran.out).toContain('not complete');
  });

  test('diff shows the shortest difference, and none between equal ones', async () => {
    const ran = await oracle('diff', SECUREBITS, 'linux-6.12', 'linux-6.14', '--depth', '1');
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('linux-6.12  errno errno=EPERM');
    const same = await oracle('diff', SECUREBITS, 'linux-6.14', 'linux-6.18', '--depth', '1');
    expect(same).toMatchObject({ code: 0 });
  });
});

describe('a target that is not there', () => {
  test('is a named skip in check, and inconclusive for those who need it', async () => {
    const via = ['--via', 'exit 7'];
    const ran = await oracle('check', SECUREBITS, ...via, '--target', 'via');
    expect(ran.code).toBe(3);
    expect(ran.out).toMatch(/Skipped \(1\):/);
    expect(ran.out).toContain(`inconclusive: ${SECUREBITS}: nothing was compared`);
    expect((await oracle('check', SECUREBITS, ...via, '--target', 'via', '--bisect')).code).toBe(
      125,
    );
    for (const command of ['fuzz', 'record']) {
      const out = command === 'record' ? ['--out', inFolder('x')] : [];
      const none = await oracle(command, SECUREBITS, ...via, '--target', 'via', ...out);
      expect(none).toMatchObject({ code: 3, out: '' });
      expect(none.err).toMatch(/^inconclusive: /);
    }
  });
});

/** A command, the definition of what it prints, its arguments. */
type Printed = readonly [string, string, readonly string[]];

describe('JSON output', () => {
  test.each([
    ['replay', 'check', ['replay', trace]],
    ['a diverging replay', 'check', ['replay', trace, '--revision', 'linux-6.12']],
    ['fuzz', 'check', ['fuzz', SECUREBITS, ...MODEL_TARGET, '--runs', '9', '--seed', '1']],
    ['explain', 'explain', ['explain', trace]],
    ['explore', 'explore', ['explore', SECUREBITS, '--depth', '1']],
    ['a counterexample', 'explore', ['explore', SECUREBITS, '--revision', BROKEN]],
    ['which', 'which', ['which', trace]],
    ['diff', 'diff', ['diff', SECUREBITS, 'linux-6.12', 'linux-6.18', '--depth', '1']],
    ['models', 'models', ['models']],
    ['maps', 'maps', ['maps', 'test-models/mm/findings/dontunmap-stale-offset.jsonl']],
    ['pinning matrix', 'pinningMatrix', ['pinning', 'matrix']],
    ['quote matrix', 'quoteMatrix', ['quote', 'matrix']],
    ['pinning run', 'pinningRun', ['pinning', 'run', 'T1']],
    ['cfi hash', 'cfiHash', ['cfi', 'hash', 'int f(void *)']],
    ['cfi disasm', 'cfiDisasm', ['cfi', 'disasm', 'f30f1efa c3 ff']],
    ...SCENARIOS.map(({ name }) => [`cfi run ${name}`, 'cfiRun', ['cfi', 'run', name]] as const),
    ['check', 'check', ['check', SECUREBITS, '--target', 'recording']],
  ] as readonly Printed[])('of %s is what the schema says', async (_, definition, args) => {
    expectSchema(definition, await oracle(...args, '--json'));
  });

  test('of a quote and of its verdicts is what the schema says', async () => {
    const quotes = inFolder('quotes');
    const file = join(quotes, 'quote.bin');
    await oracle('quote', 'issue', quotes);
    expectSchema('quoteInspect', await oracle('quote', 'inspect', file, '--json'));
    for (const time of ['2025-07-01T00:00:00Z', '2035-01-01T00:00:00Z']) {
      const args = ['verify', file, '--collateral', quotes, '--time', time, '--json'];
      expectSchema('quoteVerify', await oracle('quote', ...args));
    }
  });

  test('a written trace is what its schema says, line by line', () => {
    const validate = ajv.getSchema(traceSchema.$id);
    if (validate === undefined) throw new Error('no schema of traces');
    for (const line of readFileSync(trace, 'utf8').trimEnd().split('\n')) {
      validate(JSON.parse(line));
      expect(validate.errors ?? []).toEqual([]);
    }
  });
});
