// SPDX-License-Identifier: MIT
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  type ArgumentString,
  type StringArray,
} from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { fd, file, pick, task } from '../case-names.ts';
import { dirfd, other, pathArgument, type Op } from './operands.ts';

const noStrings: StringArray = { kind: 'list', strings: [] };

const plainArguments: Arbitrary<StringArray> = pick<StringArray>(
  [4, fc.constant({ kind: 'list', strings: [{ kind: 'text', text: 'a' }] })],
  [2, fc.constant(noStrings)],
  [1, fc.constantFrom<StringArray>({ kind: 'null' }, { kind: 'bad' })],
  [
    1,
    fc.constantFrom<StringArray>(
      { kind: 'list', strings: [{ kind: 'bad' }] },
      {
        kind: 'list',
        strings: [
          { kind: 'text', text: 'p' },
          { kind: 'text', text: 'q r' },
        ],
      },
    ),
  ],
);

/** Arguments around the limits: single strings of 128 KiB, the floor and the cap of the total. */
const largeArguments: Arbitrary<StringArray> = fc
  .array(
    pick<ArgumentString>(
      [2, fill(fc.constantFrom(131070, 131071, 131072), fc.constant(1))],
      [
        2,
        fill(fc.integer({ min: 0, max: 16 }), fc.constantFrom(1, 100, 5000, 14560, 14570, 16000)),
      ],
      [2, fill(fc.integer({ min: 100000, max: 131071 }), fc.integer({ min: 1, max: 48 }))],
      [1, fc.constant({ kind: 'text', text: 'x' })],
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((strings) => ({ kind: 'list', strings }));

function fill(size: Arbitrary<number>, count: Arbitrary<number>): Arbitrary<ArgumentString> {
  return fc.record({ kind: fc.constant('fill' as const), size, count });
}

const checkFlags: Arbitrary<number> = pick(
  [6, fc.constant(AT_EXECVE_CHECK)],
  [2, fc.constantFrom(AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW).map((flag) => flag | AT_EXECVE_CHECK)],
  [1, fc.integer({ min: 0, max: 31 }).map((bit) => ((1 << bit) | AT_EXECVE_CHECK) >>> 0)],
);
const execFlags: Arbitrary<number> = pick(
  [6, fc.constant(0)],
  [2, fc.constantFrom(AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW)],
  // Bit 16 is the check itself.
  [1, fc.integer({ min: 0, max: 31 }).map((bit) => (bit === 16 ? 0 : (1 << bit) >>> 0))],
);

/** An exec or check of anything by any reference. */
function execveat(
  flags: Arbitrary<number>,
  by: Arbitrary<string> = task,
  argv: Arbitrary<StringArray> = plainArguments,
): Op {
  const byPath = fc.record({ dirfd, path: pathArgument, flags });
  const byFd = fc.tuple(fd, flags).map(([number, bits]) => ({
    dirfd: number,
    path: { kind: 'text', text: '' } as const,
    flags: (bits | AT_EMPTY_PATH) >>> 0,
  }));
  const plain = fc.tuple(file, flags).map(([name, bits]) => ({
    dirfd: AT_FDCWD,
    path: { kind: 'text', text: name } as const,
    flags: bits,
  }));
  return fc
    .tuple(
      by,
      pick([4, plain], [4, byPath], [3, byFd]),
      argv,
      pick([3, fc.constant(noStrings)], [1, argv]),
    )
    .map(([name, reference, strings, envp]) => ({
      op: 'execveat',
      task: name,
      ...reference,
      argv: strings,
      envp,
    }));
}

/** Checks that any kernel answers, and the same question to a kernel without the check. */
export const check: Op = execveat(checkFlags);
export const exec: Op = execveat(execFlags, other);
export const checkLarge: Op = execveat(fc.constant(AT_EXECVE_CHECK), task, largeArguments);
export const execLarge: Op = execveat(fc.constantFrom(0, AT_EMPTY_PATH), other, largeArguments);
