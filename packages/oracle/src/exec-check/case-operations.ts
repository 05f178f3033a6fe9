// SPDX-License-Identifier: MIT
import {
  ANONYMOUS_KINDS,
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  FANOTIFY_CLASSES,
  FANOTIFY_MASKS,
  LOAD_KINDS,
  MEMFD_FLAGS,
  type ArgumentString,
  type CodeSource,
  type FanotifyMask,
  type MountFlag,
  type OpenFlag,
  type Operation,
  type PathArgument,
  type Protection,
  type StringArray,
} from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { directory, fd, file, gid, mode, path, pick, task, uid } from './case-names.ts';
import { acl, capabilities, content, fcaps, stackLimit, userns } from './case-setup.ts';

type Op = Arbitrary<Operation>;

const init = fc.constant('init');
const other: Arbitrary<string> = fc.constantFrom('t1', 't1', 't1', 't2', 't3');

const text = (arbitrary: Arbitrary<string>): Arbitrary<PathArgument> =>
  arbitrary.map((value) => ({ kind: 'text', text: value }));

const pathArgument: Arbitrary<PathArgument> = pick<PathArgument>(
  [30, text(path)],
  [1, fc.constantFrom<PathArgument>({ kind: 'null' }, { kind: 'bad' })],
);

/** AT_FDCWD, a descriptor that may be open, or one that cannot be. */
const dirfd: Arbitrary<number> = pick(
  [5, fc.constant(AT_FDCWD)],
  [3, fd],
  [1, fc.constantFrom(-1, -101, 63, 5000, -0x8000_0000)],
);

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

const openFlags: Arbitrary<OpenFlag[]> = pick<OpenFlag[]>(
  [4, fc.constantFrom<OpenFlag[][]>(['O_RDONLY'], ['O_PATH'], ['O_RDONLY', 'O_CLOEXEC'])],
  [3, fc.constantFrom<OpenFlag[][]>(['O_WRONLY'], ['O_RDWR'], ['O_WRONLY', 'O_APPEND'])],
  [
    1,
    fc.constantFrom<OpenFlag[][]>(
      ['O_PATH', 'O_NOFOLLOW'],
      ['O_WRONLY', 'O_TRUNC'],
      ['O_DIRECTORY'],
    ),
  ],
);

export const open: Op = pick(
  [
    6,
    fc.record({
      op: fc.constant('open' as const),
      task,
      fd,
      path: pick([6, file], [1, directory], [1, path]),
      flags: openFlags,
    }),
  ],
  [
    1,
    fc.record({
      op: fc.constant('open' as const),
      task,
      fd,
      path: directory,
      flags: fc.constantFrom<OpenFlag[][]>(
        ['O_TMPFILE', 'O_RDWR'],
        ['O_TMPFILE', 'O_WRONLY'],
        ['O_TMPFILE'],
      ),
      mode,
    }),
  ],
);

export const close: Op = fc.record({ op: fc.constant('close' as const), task, fd });
export const dup: Op = fc.record({
  op: fc.constant('dup' as const),
  task,
  from: fd,
  to: fd,
  cloexec: fc.boolean(),
});
export const fstat: Op = fc.record({ op: fc.constant('fstat' as const), task, fd });
export const fwrite: Op = fc.record({ op: fc.constant('fwrite' as const), task, fd, content });
export const anonymous: Op = fc.record({
  op: fc.constant('anonymous' as const),
  task,
  fd,
  kind: fc.constantFrom(...ANONYMOUS_KINDS),
});
export const memfdCreate: Op = fc.record({
  op: fc.constant('memfdCreate' as const),
  task,
  fd,
  flags: fc.subarray([...MEMFD_FLAGS]),
});

const prot: Arbitrary<Protection[]> = fc.subarray<Protection>([
  'PROT_READ',
  'PROT_WRITE',
  'PROT_EXEC',
]);
const map = fc.integer({ min: 0, max: 2 });
export const mapping: Op = pick<Operation>(
  [
    4,
    fc.record({
      op: fc.constant('mmap' as const),
      task,
      map,
      fd,
      sharing: fc.constantFrom('MAP_SHARED' as const, 'MAP_PRIVATE' as const),
      prot,
    }),
  ],
  [
    1,
    fc.record({
      op: fc.constant('mmap' as const),
      task,
      map,
      sharing: fc.constantFrom('MAP_SHARED' as const, 'MAP_PRIVATE' as const),
      prot,
    }),
  ],
  [3, fc.record({ op: fc.constant('mprotect' as const), task, map, prot })],
  [1, fc.record({ op: fc.constant('munmap' as const), task, map })],
);

export const chmod: Op = fc.record({ op: fc.constant('chmod' as const), task, path: file, mode });
export const fchmod: Op = fc.record({ op: fc.constant('fchmod' as const), task, fd, mode });
export const write: Op = fc.record({
  op: fc.constant('write' as const),
  task,
  path: file,
  content,
});
export const files: Op = pick<Operation>(
  [2, fc.record({ op: fc.constant('mkdir' as const), task, path, mode })],
  [3, fc.record({ op: fc.constant('create' as const), task, path, mode, content })],
  [1, fc.record({ op: fc.constant('symlink' as const), task, path, target: file })],
  [3, fc.record({ op: fc.constant('unlink' as const), task, path })],
  [3, fc.record({ op: fc.constant('rename' as const), task, from: path, to: path })],
  [
    2,
    fc.record({
      op: fc.constant('truncate' as const),
      task,
      path: file,
      size: fc.constantFrom(0, 10),
    }),
  ],
  [2, chmod],
  [2, write],
);

const mountFlags = fc.subarray<MountFlag>(['noexec', 'nosuid', 'nodev', 'nosymfollow']);
export const world: Op = pick<Operation>(
  [1, fc.record({ op: fc.constant('mkfifo' as const), task: init, path, mode })],
  [
    1,
    fc.record({
      op: fc.constant('mknod' as const),
      task: init,
      path,
      kind: fc.constantFrom('socket' as const, 'char' as const, 'block' as const),
      mode,
    }),
  ],
  [1, fc.record({ op: fc.constant('link' as const), task: init, from: path, to: path })],
  [2, fc.record({ op: fc.constant('chown' as const), task: init, path: file, uid, gid })],
  [2, fc.record({ op: fc.constant('setacl' as const), task: init, path: file, acl })],
  [1, fc.record({ op: fc.constant('setfcaps' as const), task: init, path: file, fcaps })],
  [
    2,
    fc.record({
      op: fc.constant('remount' as const),
      task: init,
      path: directory,
      flags: mountFlags,
    }),
  ],
  [1, fc.record({ op: fc.constant('umount' as const), task: init, path: directory })],
  [
    1,
    fc.record({
      op: fc.constant('mount' as const),
      task: init,
      mount: fc.record({
        kind: fc.constant('bind' as const),
        from: pick<string>([1, directory], [1, file]),
        at: pick<string>([1, directory], [1, file]),
        flags: mountFlags,
      }),
    }),
  ],
  [
    1,
    fc.record({
      op: fc.constant('mount' as const),
      task: init,
      mount: fc.record({ kind: fc.constant('tmpfs' as const), at: directory, flags: mountFlags }),
    }),
  ],
);

export const watch: Op = fc.record({
  op: fc.constant('watch' as const),
  task: init,
  watch: fc.integer({ min: 0, max: 2 }),
  path: pick<string>([6, file], [1, directory]),
});

const group = fc.integer({ min: 0, max: 1 });
export const fanotify: Op = pick<Operation>(
  [
    2,
    fc.record({
      op: fc.constant('fanotifyInit' as const),
      task: init,
      group,
      class: fc.constantFrom(...FANOTIFY_CLASSES),
      answer: fc.constantFrom('FAN_ALLOW' as const, 'FAN_ALLOW' as const, 'FAN_DENY' as const),
    }),
  ],
  [
    4,
    fc.record({
      op: fc.constant('fanotifyMark' as const),
      task: init,
      group,
      scope: fc.constantFrom('inode' as const, 'mount' as const, 'filesystem' as const),
      mask: fc.subarray<FanotifyMask>([...FANOTIFY_MASKS], { minLength: 1, maxLength: 2 }),
      path: pick<string>([4, file], [1, directory]),
    }),
  ],
  [1, fc.record({ op: fc.constant('fanotifyClose' as const), task: init, group })],
);

export const sysctl: Op = fc.record({
  op: fc.constant('sysctlMemfdNoexec' as const),
  task: init,
  value: fc.constantFrom(0 as const, 1 as const, 2 as const),
});

export const faccessat: Op = fc.record({
  op: fc.constant('faccessat' as const),
  task,
  dirfd,
  path: pathArgument,
  access: pick([3, fc.constant(1)], [1, fc.integer({ min: 0, max: 7 })]),
  flags: pick([4, fc.constant(0)], [1, fc.constantFrom(0x100, 0x200, 0x1000, 0x1200, 0x10000)]),
});
export const uselib: Op = fc.record({
  op: fc.constant('uselib' as const),
  task,
  path: pathArgument,
});

const changed: Arbitrary<number> = pick([2, fc.constant(-1)], [3, uid], [1, fc.constant(107)]);
export const setresuid: Op = fc.record({
  op: fc.constant('setresuid' as const),
  task: other,
  ruid: changed,
  euid: changed,
  suid: changed,
});

const securebitsValue: Arbitrary<bigint> = pick<bigint>(
  [4, fc.integer({ min: 0, max: 15 }).map((bits) => BigInt(bits) << 8n)],
  [2, fc.integer({ min: 0, max: 0xfff }).map(BigInt)],
  [1, fc.integer({ min: 0, max: 0xff }).map(BigInt)],
  [1, fc.constantFrom(0x1000n, 1n << 32n, (1n << 32n) | 0x100n, (1n << 64n) - 1n)],
);

export const credentials: Op = pick<Operation>(
  [2, setresuid],
  [2, fc.record({ op: fc.constant('setfsuid' as const), task: other, fsuid: uid })],
  [
    2,
    fc.record({
      op: fc.constant('capset' as const),
      task: other,
      effective: capabilities,
      permitted: capabilities,
      inheritable: capabilities,
    }),
  ],
  [1, fc.record({ op: fc.constant('setNoNewPrivs' as const), task: other })],
  [1, fc.record({ op: fc.constant('getNoNewPrivs' as const), task })],
  [1, fc.record({ op: fc.constant('ptraceAttach' as const), task, target: task })],
);

export const securebits: Op = pick<Operation>(
  [
    6,
    fc.record({ op: fc.constant('setSecurebits' as const), task: other, value: securebitsValue }),
  ],
  [2, fc.record({ op: fc.constant('getSecurebits' as const), task })],
  [
    1,
    fc.record({
      op: fc.constant('setKeepcaps' as const),
      task: other,
      value: fc.constantFrom(0n, 1n, 2n, 1n << 32n),
    }),
  ],
  [1, fc.record({ op: fc.constant('getKeepcaps' as const), task })],
);

export const unshareUser: Op = fc
  .tuple(other, userns)
  .map(([name, maps]) => ({ op: 'unshareUser', task: name, ...maps }));

export const fork: Op = fc.record({
  op: fc.constant('fork' as const),
  task,
  child: fc.constantFrom('t3', 't4', 't2'),
});
export const exit: Op = fc.record({ op: fc.constant('exit' as const), task: other });

export const stack: Op = fc.record({
  op: fc.constant('setrlimit' as const),
  task: other,
  resource: fc.constant('stack' as const),
  soft: stackLimit,
});
export const nproc: Op = fc.record({
  op: fc.constant('setrlimit' as const),
  task: other,
  resource: fc.constant('nproc' as const),
  soft: fc.bigInt({ min: 0n, max: 6n }),
});

export const landlock: Op = fc.record({
  op: fc.constant('landlockRestrict' as const),
  task: other,
  allow: fc.array(pick<string>([3, directory], [3, file], [1, path]), { maxLength: 3 }),
});

const source: Arbitrary<CodeSource> = pick<CodeSource>(
  [4, fc.record({ kind: fc.constant('file' as const), path })],
  [3, fc.record({ kind: fc.constant('stdin' as const), fd })],
  [1, fc.constant({ kind: 'snippet' })],
  [1, fc.record({ kind: fc.constant('snippetAndFile' as const), path: file })],
);
export const clients: Op = pick<Operation>(
  [
    3,
    fc.record({
      op: fc.constant('interpret' as const),
      task,
      enlightened: pick([3, fc.constant(true)], [1, fc.constant(false)]),
      source,
    }),
  ],
  [
    2,
    fc.record({
      op: fc.constant('load' as const),
      task,
      enlightened: fc.boolean(),
      path,
      as: fc.constantFrom(...LOAD_KINDS),
      secure: fc.boolean(),
    }),
  ],
);

/* What a theme begins with: the file that most operations name, in the state that the theme is about. */

const main = fc.constantFrom('/e/f', '/e/f', '/e/f', '/n/f', '/e/i');

export const openMain: Op = fc.record({
  op: fc.constant('open' as const),
  task: fc.constantFrom('t1', 't2', 'init'),
  fd: fc.constantFrom(3, 4),
  path: main,
  flags: fc.constantFrom<OpenFlag[][]>(['O_RDWR'], ['O_WRONLY'], ['O_RDONLY'], ['O_PATH']),
});

export const becomeUser: Op = fc.constantFrom(7, 8).chain((id) =>
  fc.record({
    op: fc.constant('setresuid' as const),
    task: fc.constantFrom('t1', 't2'),
    ruid: fc.constant(id),
    euid: fc.constant(id),
    suid: fc.constant(id),
  }),
);

export const watchMain: Op = fc.record({
  op: fc.constant('watch' as const),
  task: init,
  watch: fc.integer({ min: 0, max: 2 }),
  path: main,
});

export const listen: Op = fc.record({
  op: fc.constant('fanotifyInit' as const),
  task: init,
  group: fc.constant(0),
  class: fc.constantFrom('FAN_CLASS_CONTENT' as const, 'FAN_CLASS_PRE_CONTENT' as const),
  answer: fc.constantFrom('FAN_ALLOW' as const, 'FAN_DENY' as const),
});

export const markMain: Op = fc.record({
  op: fc.constant('fanotifyMark' as const),
  task: init,
  group: fc.constant(0),
  scope: fc.constantFrom(
    'inode' as const,
    'inode' as const,
    'mount' as const,
    'filesystem' as const,
  ),
  mask: fc.subarray<FanotifyMask>(
    ['FAN_OPEN', 'FAN_OPEN_PERM', 'FAN_OPEN_EXEC_PERM', 'FAN_ACCESS_PERM'],
    { minLength: 1, maxLength: 2 },
  ),
  path: main,
});

/** The exec securebits, which any task may set since Linux 6.14. */
export const restrict: Op = fc.record({
  op: fc.constant('setSecurebits' as const),
  task: other,
  value: fc.constantFrom(0x100n, 0x400n, 0x500n, 0xf00n, 0x300n),
});
