// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  ALL_CAPABILITIES,
  argvHash,
  plainTask,
  type Content,
  type ElfVariation,
  type NodeSpec,
  type Operation,
  type Setup,
} from '@kernel-models/exec-check';
import { check, exec, play, word } from './play.ts';

const ELF: Content = { kind: 'elf', program: 'exit', exitCode: 42 };
const INTERPRETER: Content = { kind: 'elf', program: 'hash', exitCode: 43 };

function file(path: string, content: Content, mode = 0o755): NodeSpec {
  return { kind: 'file', path, mode, uid: 0, gid: 0, content };
}

function world(content: Content, more: readonly NodeSpec[] = []): Setup {
  return {
    mounts: [{ kind: 'tmpfs', at: '/n', flags: ['noexec'] }],
    nodes: [
      file('/f', content),
      file('/i', INTERPRETER),
      file('/plain', ELF, 0o644),
      file('/n/i', ELF),
      file('/short', { kind: 'bytes', base64: 'f0VMRg==' }),
      file('/text', { kind: 'bytes', base64: `${'YWFh'.repeat(30)}` }),
      ...more,
    ],
    tasks: [plainTask('t1', 7)],
  };
}

const script = (line: string, newline = true): Content => ({ kind: 'script', line, newline });
const hash = (...argv: string[]): string => `ran ${argvHash(43, argv)}`;

const SCRIPTS: readonly (readonly [string, Content, string])[] = [
  ['plain', script('/i'), hash('/i', '/f')],
  ['blanks around the name', script(' \t/i \t'), hash('/i', '/f')],
  ['one argument', script('/i a'), hash('/i', 'a', '/f')],
  ['the rest of the line is one argument', script('/i a b  '), hash('/i', 'a b', '/f')],
  ['a carriage return is part of the name', script('/i\r'), 'ENOENT'],
  ['no newline, terminated by the padding', script('/i', false), hash('/i', '/f')],
  ['only #! and padding: the working directory', script('', false), 'EACCES'],
  ['only #! and a newline', script(''), 'ENOEXEC'],
  ['only blanks', script('   '), 'ENOEXEC'],
  ['a name without an end in 256 bytes', script(`/${'x'.repeat(300)}`, false), 'ENOEXEC'],
  [
    'a name that ends, an argument that does not',
    script(`/i ${'x'.repeat(300)}`),
    hash('/i', 'x'.repeat(250), '/f'),
  ],
  ['missing interpreter', script('/missing'), 'ENOENT'],
  ['interpreter below a file', script('/i/x'), 'ENOTDIR'],
  ['interpreter without x', script('/plain'), 'EACCES'],
  ['interpreter on noexec', script('/n/i'), 'EACCES'],
];

const PROGRAMS: readonly (readonly [string, Content, string])[] = [
  ['program', ELF, 'ran 42'],
  ['empty', { kind: 'empty' }, 'ENOEXEC'],
  ['text', { kind: 'bytes', base64: 'aGVsbG8K' }, 'ENOEXEC'],
  ['interpreter', { ...ELF, interp: '/i' }, hash('x')],
  ['empty interpreter name', { ...ELF, interp: '' }, 'EACCES'],
  ['missing interpreter', { ...ELF, interp: '/missing' }, 'ENOENT'],
  ['interpreter without x', { ...ELF, interp: '/plain' }, 'EACCES'],
  ['interpreter shorter than a header', { ...ELF, interp: '/short' }, 'EIO'],
  ['interpreter is a text', { ...ELF, interp: '/text' }, 'ELIBBAD'],
  ['1170 program headers', { ...ELF, programHeaders: 1170 }, 'ran 42'],
  ['1171 program headers', { ...ELF, programHeaders: 1171 }, 'ENOEXEC'],
];

const VARIATIONS: readonly (readonly [ElfVariation, string])[] = [
  ['badMagic', 'ENOEXEC'],
  ['class32', 'ran'],
  ['bigEndian', 'ran'],
  ['badVersion', 'ran'],
  ['typeExec', 'ran'],
  ['typeRel', 'ENOEXEC'],
  ['otherMachine', 'ENOEXEC'],
  ['phentsize32', 'ENOEXEC'],
  ['noProgramHeaders', 'ENOEXEC'],
  ['phoffBeyondEof', 'ENOEXEC'],
  ['interpWithoutNul', 'ENOEXEC'],
  ['interpOneByte', 'ENOEXEC'],
  ['interpTooLong', 'ENOEXEC'],
  ['interpBeyondEof', 'EIO'],
  ['truncatedHeader', 'ENOEXEC'],
  ['noLoad', 'ran'],
  ['writableLoad', 'ran'],
];

describe('scripts', () => {
  for (const [name, content, expected] of SCRIPTS) {
    test(name, () => {
      expect(word(play(world(content), [exec('/f')]).outcome)).toBe(expected);
      expect(word(play(world(content), [check('/f')]).outcome)).toBe('ok');
    });
  }

  test('five levels pass, the sixth is ELOOP', () => {
    const level = (name: string, next: string): NodeSpec => file(name, script(next));
    const five = [level('/a', '/b'), level('/b', '/c'), level('/c', '/d'), level('/d', '/i')];
    expect(word(play(world(script('/a'), five), [exec('/f')]).outcome)).toMatch(/^ran/);
    const six = [...five.slice(0, 3), level('/d', '/g'), level('/g', '/i')];
    expect(word(play(world(script('/a'), six), [exec('/f')]).outcome)).toBe('ELOOP');
  });

  test('a script by a close-on-exec descriptor is ENOENT, before its interpreter is looked at', () => {
    const setup = world(script('/missing'));
    const open: Operation = {
      op: 'open',
      task: 't1',
      fd: 3,
      path: '/f',
      flags: ['O_PATH', 'O_CLOEXEC'],
    };
    const byFd = exec('', { dirfd: 3, flags: 0x1000 });
    expect(play(setup, [open, byFd]).rule).toBe('exec.path-closes');
  });
});

describe('ELF files', () => {
  for (const [name, content, expected] of PROGRAMS) {
    test(name, () => {
      expect(word(play(world(content), [exec('/f')]).outcome)).toBe(expected);
    });
  }
  for (const [variation, expected] of VARIATIONS) {
    test(variation, () => {
      const content: Content = { ...ELF, interp: '/i', variations: [variation] };
      expect(word(play(world(content), [exec('/f')]).outcome)).toMatch(new RegExp(`^${expected}`));
    });
  }

  test('Linux 6.1 dies of an interpreter with a read-only tail', () => {
    const setup = world({ ...ELF, interp: '/i' });
    expect(word(play(setup, [exec('/f')], 'linux-6.1').outcome)).toBe('signal');
    expect(word(play(setup, [exec('/f')], 'linux-6.12').outcome)).toMatch(/^ran/);
  });

  test('file capabilities outside the bounding set are EPERM, but not on nosuid', () => {
    const fcaps = { permitted: ALL_CAPABILITIES, inheritable: 0n, effective: true };
    const setup: Setup = {
      mounts: [{ kind: 'tmpfs', at: '/e', flags: [] }],
      nodes: [{ kind: 'file', path: '/e/f', mode: 0o755, uid: 0, gid: 0, content: ELF, fcaps }],
      tasks: [
        plainTask('t1', 7, {
          caps: { effective: 0n, permitted: 0n, inheritable: 0n, bounding: 1n, ambient: 0n },
        }),
      ],
    };
    expect(word(play(setup, [exec('/e/f')]).outcome)).toBe('EPERM');
    expect(word(play(setup, [check('/e/f')]).outcome)).toBe('ok');
    const nosuid: Operation = { op: 'remount', task: 'init', path: '/e', flags: ['nosuid'] };
    expect(word(play(setup, [nosuid, exec('/e/f')]).outcome)).toBe('ran 42');
  });
});

describe('room for arguments', () => {
  /** The closed form of the limit, for argv of one string of `size` bytes and no environment. */
  function fits(stack: number, name: string, strings: number, size: number): boolean {
    const limit = Math.max(Math.min(6 << 20, Math.floor(stack / 4)), 131072) - 8 * strings;
    const need = name.length + 1 + strings * (size + 1);
    const mapping = Math.ceil((need + 8) / 4096) * 4096;
    return limit > 0 && need <= limit && (mapping <= 4096 || mapping <= stack);
  }

  for (const stack of [0, 4096, 65536, 131072, 524288, 600000, 8 << 20]) {
    test(`a stack limit of ${stack} bytes`, () => {
      const setup = { ...world(ELF), tasks: [plainTask('t1', 7, { stackLimit: BigInt(stack) })] };
      for (const strings of [1, 2, 100, 5000, 20000]) {
        const edge = Math.floor((Math.max(Math.min(6 << 20, stack / 4), 131072) - 3) / strings) - 9;
        for (const size of [0, 10, 4080, 4084, 4085, edge - 1, edge, edge + 1, edge + 2]) {
          if (size < 0 || size >= 131072) continue;
          const call = check('/f', {
            argv: { kind: 'list', strings: [{ kind: 'fill', size, count: strings }] },
          });
          const expected = fits(stack, '/f', strings, size) ? 'ok' : 'E2BIG';
          expect([strings, size, word(play(setup, [call]).outcome)]).toEqual([
            strings,
            size,
            expected,
          ]);
        }
      }
    });
  }

  test('a string of 131072 bytes with its NUL passes, one more does not', () => {
    const call = (size: number) =>
      check('/f', { argv: { kind: 'list', strings: [{ kind: 'fill', size, count: 1 }] } });
    expect(word(play(world(ELF), [call(131071)]).outcome)).toBe('ok');
    expect(word(play(world(ELF), [call(131072)]).outcome)).toBe('E2BIG');
  });
});
