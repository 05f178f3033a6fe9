// SPDX-License-Identifier: MIT
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  plainTask,
  type Operation,
  type PathArgument,
  type SecurebitsOperation,
  type SecurebitsSetup,
  type SecurebitsState,
  type Setup,
  type State,
  type StringArray,
} from '@kernel-models/exec-check';
import type { Exploration } from '../subsystem.ts';

const NULL_ARRAY: StringArray = { kind: 'null' };
const BAD_ARRAY: StringArray = { kind: 'bad' };

/** Uid 7: nobody's on an ordinary machine. */
const USER = 7;

/** An executable mount and one that is not; an interpreter; a script of the user's own. */
const TWO_MOUNTS: Setup = {
  mounts: [
    { kind: 'tmpfs', at: '/e', flags: [] },
    { kind: 'tmpfs', at: '/n', flags: ['noexec'] },
  ],
  nodes: [
    {
      kind: 'file',
      path: '/e/i',
      mode: 0o755,
      uid: 0,
      gid: 0,
      content: { kind: 'elf', program: 'exit', exitCode: 42 },
    },
    {
      kind: 'file',
      path: '/e/s',
      mode: 0o644,
      uid: USER,
      gid: USER,
      content: { kind: 'script', line: '/e/i' },
    },
    {
      kind: 'file',
      path: '/n/s',
      mode: 0o755,
      uid: USER,
      gid: USER,
      content: { kind: 'script', line: '/e/i' },
    },
  ],
  tasks: [plainTask('t1', USER)],
};

function check(path: string, dirfd: number = AT_FDCWD, argv: StringArray = NULL_ARRAY): Operation {
  const flags = path === '' ? AT_EXECVE_CHECK | AT_EMPTY_PATH : AT_EXECVE_CHECK;
  return execveat(flags, { kind: 'text', text: path }, dirfd, argv);
}

function execveat(
  flags: number,
  path: PathArgument,
  dirfd: number = AT_FDCWD,
  argv: StringArray = NULL_ARRAY,
): Operation {
  return { op: 'execveat', task: 't1', dirfd, path, flags, argv, envp: NULL_ARRAY };
}

function text(path: string): PathArgument {
  return { kind: 'text', text: path };
}

function securebits(value: bigint): Operation {
  return { op: 'setSecurebits', task: 't1', value };
}

const STDIN_FD = 3;

/** What a user does with files and what an interpreter says to it. */
const FILE_OPERATIONS: readonly Operation[] = [
  check('/e/s'),
  check('/n/s'),
  check('', STDIN_FD),
  { op: 'chmod', task: 't1', path: '/e/s', mode: 0o744 },
  { op: 'chmod', task: 't1', path: '/e/s', mode: 0o644 },
  { op: 'open', task: 't1', fd: STDIN_FD, path: '/e/s', flags: ['O_RDONLY'] },
  { op: 'open', task: 't1', fd: STDIN_FD, path: '/n/s', flags: ['O_RDONLY'] },
  { op: 'open', task: 't1', fd: 4, path: '/e/s', flags: ['O_WRONLY'] },
  { op: 'close', task: 't1', fd: 4 },
  { op: 'rename', task: 't1', from: '/e/s', to: '/e/t' },
  securebits(0x100n),
  securebits(0x300n),
  securebits(0xf00n),
  { op: 'interpret', task: 't1', enlightened: true, source: { kind: 'file', path: '/e/s' } },
  { op: 'interpret', task: 't1', enlightened: true, source: { kind: 'stdin', fd: STDIN_FD } },
  { op: 'interpret', task: 't1', enlightened: true, source: { kind: 'snippet' } },
  { op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] },
];

/** One call for each place at which kernels are known to differ. */
const KERNEL_OPERATIONS: readonly Operation[] = [
  check('/e/i'),
  check('/e/missing'),
  check('/e/missing', AT_FDCWD, BAD_ARRAY),
  execveat(0, text('/e/missing'), AT_FDCWD, BAD_ARRAY),
  execveat(0x400, text('/e/i'), AT_FDCWD, BAD_ARRAY),
  execveat(AT_EMPTY_PATH, text(''), 5),
  execveat(0, text('/e/i')),
  { op: 'anonymous', task: 't1', fd: 5, kind: 'eventfd' },
  { op: 'anonymous', task: 't1', fd: 5, kind: 'pidfd' },
  { op: 'fchmod', task: 't1', fd: 5, mode: 0o755 },
  { op: 'fstat', task: 't1', fd: 5 },
  { op: 'memfdCreate', task: 't1', fd: 6, flags: ['MFD_EXEC'] },
  securebits(0x100n),
  securebits(0n),
  { op: 'getSecurebits', task: 't1' },
  { op: 'open', task: 'init', fd: 7, path: '/e/i', flags: ['O_WRONLY'] },
  {
    op: 'fanotifyInit',
    task: 'init',
    group: 0,
    class: 'FAN_CLASS_PRE_CONTENT',
    answer: 'FAN_ALLOW',
  },
  {
    op: 'fanotifyMark',
    task: 'init',
    group: 0,
    scope: 'inode',
    mask: ['FAN_ACCESS_PERM'],
    path: '/e/i',
  },
  { op: 'fanotifyMark', task: 'init', group: 0, scope: 'inode', mask: ['FAN_OPEN'], path: '/e/s' },
  { op: 'watch', task: 'init', watch: 0, path: '/e/i' },
  { op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] },
  { op: 'interpret', task: 't1', enlightened: true, source: { kind: 'file', path: '/e/s' } },
];

/** The halves of calls, so that others act in between. */
const RACE_OPERATIONS: readonly Operation[] = [
  {
    op: 'checkBegin',
    task: 't1',
    dirfd: AT_FDCWD,
    path: text('/e/s'),
    flags: AT_EXECVE_CHECK,
    argv: NULL_ARRAY,
    envp: NULL_ARRAY,
  },
  { op: 'checkEnd', task: 't1' },
  { op: 'interpretBegin', task: 't1', path: '/e/s', reads: 'descriptor' },
  { op: 'interpretBegin', task: 't1', path: '/e/s', reads: 'path' },
  { op: 'interpretEnd', task: 't1' },
  { op: 'chmod', task: 't2', path: '/e/s', mode: 0o744 },
  { op: 'chmod', task: 't2', path: '/e/s', mode: 0o644 },
  { op: 'write', task: 't2', path: '/e/s', content: { kind: 'bytes', base64: 'ZXZpbA==' } },
  { op: 'rename', task: 't2', from: '/e/other', to: '/e/s' },
  { op: 'open', task: 't2', fd: 3, path: '/e/s', flags: ['O_WRONLY'] },
  { op: 'close', task: 't2', fd: 3 },
  { op: 'cloneFs', task: 't1', child: 't3' },
];

/** The small worlds of exec-check. */
export const EXEC_CHECK_WORLDS: readonly Exploration<State, Operation, Setup>[] = [
  {
    name: 'files',
    sentence: 'a user, a script, two mounts, an enlightened interpreter and its securebits',
    setups: [TWO_MOUNTS],
    operations: () => FILE_OPERATIONS,
    defaultDepth: 4,
    sometimes: {
      'a locked restriction': ({ tasks }) => (bitsOf(tasks) & 0x200) !== 0,
      'a restriction lost to a user namespace': ({ tasks, userNamespaces }) =>
        userNamespaces.length > 1 && bitsOf(tasks) === 0,
      'a script that may be executed': ({ inodes }) =>
        inodes.some(({ kind, uid, mode }) => kind === 'file' && uid === USER && mode === 0o744),
      'a writer': ({ inodes }) => inodes.some(({ writeCount }) => writeCount > 0),
    },
  },
  {
    name: 'kernels',
    sentence: 'one call for each place at which kernels are known to differ',
    setups: [TWO_MOUNTS],
    operations: () => KERNEL_OPERATIONS,
    defaultDepth: 3,
  },
  {
    name: 'races',
    sentence: 'an interpreter checks and reads a script while somebody changes it',
    setups: [
      {
        ...TWO_MOUNTS,
        nodes: [
          ...TWO_MOUNTS.nodes,
          {
            kind: 'file',
            path: '/e/other',
            mode: 0o744,
            uid: USER,
            gid: USER,
            content: { kind: 'bytes', base64: 'b3RoZXI=' },
          },
        ],
        tasks: [plainTask('t1', USER, { securebits: 0xf00 }), plainTask('t2', USER)],
      },
    ],
    operations: () => RACE_OPERATIONS,
    defaultDepth: 4,
  },
];

function bitsOf(tasks: State['tasks']): number {
  return tasks['t1']?.credentials.securebits ?? 0;
}

/** Every request for a word, and the other transitions of a thread. */
const SECUREBITS_OPERATIONS: readonly SecurebitsOperation[] = [
  ...Array.from({ length: 0x1000 }, (_, value): SecurebitsOperation => ({ op: 'set', value })),
  { op: 'get' },
  { op: 'fork' },
  { op: 'exec' },
  { op: 'unshareUser' },
  { op: 'dropSetpcap' },
];

const EXEC_BITS_OPERATIONS: readonly SecurebitsOperation[] = SECUREBITS_OPERATIONS.filter(
  (operation) => operation.op !== 'set' || (operation.value & ~0xf00) === 0,
);

/** The worlds of the securebits model. */
export const SECUREBITS_WORLDS: readonly Exploration<
  SecurebitsState,
  SecurebitsOperation,
  SecurebitsSetup
>[] = [
  {
    name: 'exec-bits',
    sentence: 'the four exec bits and every request for them, with and without CAP_SETPCAP',
    setups: [
      { securebits: 0, setpcap: false },
      { securebits: 0, setpcap: true },
    ],
    operations: () => EXEC_BITS_OPERATIONS,
    defaultDepth: 4,
    sometimes: { 'everything locked': ({ securebits: bits }) => bits === 0xf00 },
  },
  {
    name: 'all-bits',
    sentence: 'every word and every request: 8,192 states, 33 million transitions',
    setups: [
      { securebits: 0, setpcap: false },
      { securebits: 0, setpcap: true },
    ],
    operations: () => SECUREBITS_OPERATIONS,
    defaultDepth: 2,
  },
];
