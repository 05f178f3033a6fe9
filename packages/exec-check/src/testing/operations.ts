// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { ALL_CAPABILITIES } from '../capability.ts';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
} from '../constants.ts';
import { at } from '../lists.ts';
import {
  ANONYMOUS_KINDS,
  FANOTIFY_CLASSES,
  FANOTIFY_MASKS,
  LOAD_KINDS,
  MEMFD_FLAGS,
  PROTECTIONS,
  type ArgumentString,
  type ExecveatArguments,
  type OpenFlag,
  type Operation,
  type PathArgument,
  type StringArray,
} from '../operation.ts';
import { INIT, type Path } from '../setup.ts';
import type { DentryId, MountId, State } from '../state.ts';
import {
  aclArbitrary,
  capabilities,
  contentArbitrary,
  fileCapabilities,
  idArbitrary,
  IDS,
  mount,
  mountFlags,
  NAMES,
  TASK_NAMES,
  modeArbitrary,
  type GeneratorOptions,
} from './worlds.ts';

const argument: fc.Arbitrary<ArgumentString> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom({ kind: 'text' as const, text: 'x' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      size: fc.constantFrom(0, 100, 4090, 131070, 131071, 131072),
      count: fc.constantFrom(1, 2, 31, 1000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'bad' as const }) },
);

/** argv or envp: mostly ordinary. */
export const stringArrayArbitrary: fc.Arbitrary<StringArray> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constant({
      kind: 'list' as const,
      strings: [{ kind: 'text' as const, text: 'x' }],
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'null' as const }, { kind: 'bad' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      strings: fc.array(argument, { maxLength: 3 }),
    }),
  },
);

/** Flags of execveat: mostly of the check. */
export const execveatFlagsArbitrary: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(AT_EXECVE_CHECK, AT_EXECVE_CHECK | AT_EMPTY_PATH) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      0,
      AT_EMPTY_PATH,
      AT_SYMLINK_NOFOLLOW,
      AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW,
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 31 }).map((bit) => 2 ** bit) },
);

/** Absolute paths of the files that a world shows, those below mounts by their mount points. */
export function visiblePaths(state: State): readonly Path[] {
  const paths: Path[] = [];
  const visit = (mountId: MountId, dentry: DentryId, prefix: string): void => {
    if (paths.length >= 64) return;
    for (const [name, child] of Object.entries(at(state.dentries, dentry).children)) {
      const covering = at(state.mounts, mountId).children[child];
      paths.push(`${prefix}/${name}`);
      if (covering === undefined) visit(mountId, child, `${prefix}/${name}`);
      else visit(covering, at(state.mounts, covering).root, `${prefix}/${name}`);
    }
  };
  visit(0, at(state.mounts, 0).root, '');
  // What stands below procfs is known by its names alone.
  return paths.filter((known) => !known.includes('/self'));
}

/**
 * An operation worth trying in this state: it names tasks, files and descriptors that are there,
 * and sometimes ones that are not.
 */
export function operationFor(
  state: State,
  options: GeneratorOptions = {},
): fc.Arbitrary<Operation> {
  const tasks = Object.keys(state.tasks);
  const others = tasks.filter((name) => name !== INIT);
  const anyTask = fc.constantFrom(...tasks);
  const task = fc.constantFrom(...(others.length > 0 ? others : [INIT]));
  const known = visiblePaths(state);
  const somePath: fc.Arbitrary<string> = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('/', ...known) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('/', ...known), fc.constantFrom('/', '/.', '/..', '/f', '/missing'))
        .map(([base, rest]) => `${base}${rest}`),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        'f',
        './f',
        '..',
        'missing',
        'a'.repeat(256),
        `/${'a/'.repeat(2047)}a`,
      ),
    },
    { weight: 1, arbitrary: fc.integer({ min: 3, max: 6 }).map((fd) => `/p/self/fd/${fd}`) },
  );
  const newPath = fc
    .tuple(fc.constantFrom('/e', '/n', '/r', '/e/d'), fc.constantFrom(...NAMES, 'new'))
    .map(([directory, name]) => `${directory}/${name}`);
  const fd = fc.integer({ min: 3, max: 6 });
  const pathArgument: fc.Arbitrary<PathArgument> = fc.oneof(
    { weight: 8, arbitrary: somePath.map((text) => ({ kind: 'text' as const, text })) },
    { weight: 3, arbitrary: fc.constant({ kind: 'text' as const, text: '' }) },
    { weight: 1, arbitrary: fc.constantFrom({ kind: 'null' as const }, { kind: 'bad' as const }) },
  );
  const execveat: fc.Arbitrary<ExecveatArguments> = fc.record({
    dirfd: fc.oneof(fc.constant(AT_FDCWD), fd, fc.constantFrom(-1, -5, 60)),
    path: pathArgument,
    flags: execveatFlagsArbitrary,
    argv: stringArrayArbitrary,
    envp: stringArrayArbitrary,
  });
  const by = { task };
  const families: fc.WeightedArbitrary<Operation>[] = [
    {
      weight: 8,
      arbitrary: fc
        .tuple(anyTask, execveat)
        .map(([name, args]) => ({ op: 'execveat' as const, task: name, ...args })),
    },
    { weight: 6, arbitrary: descriptorOperation(by, fd, somePath) },
    { weight: 4, arbitrary: fileOperation({ task: anyTask }, somePath, newPath, fd) },
    { weight: 3, arbitrary: worldOperation(somePath, newPath, options) },
    { weight: 4, arbitrary: credentialOperation(by, somePath, others, options) },
    { weight: 2, arbitrary: clientOperation({ task: anyTask }, somePath, fd) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant('faccessat' as const),
        task: anyTask,
        dirfd: fc.oneof(fc.constant(AT_FDCWD), fd),
        path: pathArgument,
        access: fc.integer({ min: 0, max: 7 }),
        flags: fc.constantFrom(0, AT_EACCESS, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, 0x400),
      }),
    },
  ];
  if (options.live !== true)
    families.push({ weight: 2, arbitrary: microOperation(by, execveat, somePath, fd) });
  return fc.oneof(...families);
}

interface By {
  readonly task: fc.Arbitrary<string>;
}

function op<const Name extends string>(name: Name): fc.Arbitrary<Name> {
  return fc.constant(name);
}

function fileOperation(
  by: By,
  path: fc.Arbitrary<string>,
  newPath: fc.Arbitrary<string>,
  fd: fc.Arbitrary<number>,
): fc.Arbitrary<Operation> {
  return fc.oneof(
    fc.record({ op: op('mkdir'), ...by, path: newPath, mode: modeArbitrary }),
    fc.record({
      op: op('create'),
      ...by,
      path: newPath,
      mode: modeArbitrary,
      content: contentArbitrary,
    }),
    fc.record({
      op: op('symlink'),
      ...by,
      path: newPath,
      target: fc.constantFrom('f', '/e/f', '/n'),
    }),
    fc.record({ op: op('unlink'), ...by, path }),
    fc.record({ op: op('rename'), ...by, from: path, to: newPath }),
    fc.record({ op: op('chmod'), ...by, path, mode: modeArbitrary }),
    fc.record({ op: op('fchmod'), ...by, fd, mode: modeArbitrary }),
    fc.record({ op: op('write'), ...by, path, content: contentArbitrary }),
    fc.record({ op: op('truncate'), ...by, path, size: fc.constantFrom(0, 1, 100, 300) }),
  );
}

function worldOperation(
  path: fc.Arbitrary<string>,
  newPath: fc.Arbitrary<string>,
  options: GeneratorOptions,
): fc.Arbitrary<Operation> {
  const task = fc.constant(INIT);
  const available = options.capabilities ?? ALL_CAPABILITIES;
  return fc.oneof(
    fc.record({ op: op('mkfifo'), task, path: newPath, mode: modeArbitrary }),
    fc.record({
      op: op('mknod'),
      task,
      path: newPath,
      kind: fc.constantFrom('socket' as const, 'char' as const, 'block' as const),
      mode: modeArbitrary,
    }),
    fc.record({ op: op('link'), task, from: path, to: newPath }),
    fc.record({ op: op('chown'), task, path, uid: idArbitrary, gid: idArbitrary }),
    fc.record({ op: op('setacl'), task, path, acl: aclArbitrary }),
    fc.record({ op: op('setfcaps'), task, path, fcaps: fileCapabilities(available) }),
    fc.record({ op: op('mount'), task, mount }),
    fc.record({ op: op('remount'), task, path, flags: mountFlags }),
    fc.record({ op: op('umount'), task, path }),
    fc.record({ op: op('watch'), task, watch: fc.integer({ min: 0, max: 1 }), path }),
    fc.record({
      op: op('fanotifyInit'),
      task,
      group: fc.integer({ min: 0, max: 1 }),
      class: fc.constantFrom(...FANOTIFY_CLASSES),
      answer: fc.constantFrom('FAN_ALLOW' as const, 'FAN_DENY' as const),
    }),
    fc.record({
      op: op('fanotifyMark'),
      task,
      group: fc.integer({ min: 0, max: 1 }),
      scope: fc.constantFrom('inode' as const, 'mount' as const, 'filesystem' as const),
      mask: fc.subarray([...FANOTIFY_MASKS], { minLength: 1, maxLength: 2 }),
      path,
    }),
    fc.record({ op: op('fanotifyClose'), task, group: fc.integer({ min: 0, max: 1 }) }),
    fc.record({
      op: op('sysctlMemfdNoexec'),
      task,
      value: fc.constantFrom(0 as const, 1 as const, 2 as const),
    }),
  );
}

const openFlags: fc.Arbitrary<readonly OpenFlag[]> = fc
  .tuple(
    fc.constantFrom<OpenFlag[]>([], ['O_WRONLY'], ['O_RDWR'], ['O_PATH'], ['O_RDWR', 'O_TMPFILE']),
    fc.subarray<OpenFlag>(['O_NOFOLLOW', 'O_CLOEXEC'], { maxLength: 1 }),
  )
  .map(([access, more]) => [...access, ...more]);

function descriptorOperation(
  by: By,
  fd: fc.Arbitrary<number>,
  path: fc.Arbitrary<string>,
): fc.Arbitrary<Operation> {
  const map = fc.integer({ min: 0, max: 1 });
  const prot = fc.subarray([...PROTECTIONS]);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        op: op('open'),
        ...by,
        fd,
        path,
        flags: openFlags,
        mode: modeArbitrary,
      }),
    },
    { weight: 2, arbitrary: fc.record({ op: op('close'), ...by, fd }) },
    {
      weight: 1,
      arbitrary: fc.record({ op: op('dup'), ...by, from: fd, to: fd, cloexec: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        op: op('memfdCreate'),
        ...by,
        fd,
        flags: fc.subarray([...MEMFD_FLAGS]),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: op('fwrite'), ...by, fd, content: contentArbitrary }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: op('anonymous'),
        ...by,
        fd,
        kind: fc.constantFrom(...ANONYMOUS_KINDS),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        op: op('mmap'),
        ...by,
        map,
        fd,
        sharing: fc.constantFrom('MAP_SHARED' as const, 'MAP_PRIVATE' as const),
        prot,
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: op('mprotect'), ...by, map, prot }) },
    { weight: 1, arbitrary: fc.record({ op: op('munmap'), ...by, map }) },
    { weight: 1, arbitrary: fc.record({ op: op('fstat'), ...by, fd }) },
  );
}

function credentialOperation(
  by: By,
  path: fc.Arbitrary<string>,
  others: readonly string[],
  options: GeneratorOptions,
): fc.Arbitrary<Operation> {
  const set = capabilities(options.capabilities ?? ALL_CAPABILITIES);
  const changed = fc.constantFrom(-1, ...IDS.slice(0, 5));
  const word = fc.oneof(
    fc.bigInt({ min: 0n, max: 0xfffn }),
    fc.constantFrom(0n, 0x300n, 0xc00n, 0xf00n, 0x1000n, 1n << 32n, 1n << 63n),
  );
  return fc.oneof(
    fc.record({ op: op('setresuid'), ...by, ruid: changed, euid: changed, suid: changed }),
    fc.record({ op: op('setfsuid'), ...by, fsuid: idArbitrary }),
    fc.record({ op: op('capset'), ...by, effective: set, permitted: set, inheritable: set }),
    fc.record({ op: op('setSecurebits'), ...by, value: word }),
    fc.record({ op: fc.constantFrom('getSecurebits' as const, 'getKeepcaps' as const), ...by }),
    fc.record({ op: op('setKeepcaps'), ...by, value: fc.constantFrom(0n, 1n, 2n, 1n << 32n) }),
    fc.record({ op: fc.constantFrom('setNoNewPrivs' as const, 'getNoNewPrivs' as const), ...by }),
    fc.record({
      op: op('unshareUser'),
      ...by,
      uidMap: fc.constantFrom([], [{ inside: 0, outside: 7, count: 2 }]),
      gidMap: fc.constantFrom([], [{ inside: 0, outside: 7, count: 2 }]),
    }),
    fc.record({
      op: op('setrlimit'),
      ...by,
      resource: fc.constantFrom('stack' as const, 'nproc' as const),
      soft: fc.constantFrom(0n, 1n, 2n, 4096n, 65536n, 600000n, 8n << 20n),
    }),
    fc.record({ op: op('landlockRestrict'), ...by, allow: fc.array(path, { maxLength: 2 }) }),
    fc.record({ op: op('ptraceAttach'), ...by, target: fc.constantFrom(INIT, 't1', ...others) }),
    fc.record({ op: op('fork'), ...by, child: fc.constantFrom(...TASK_NAMES, 't4') }),
    fc.record({ op: op('exit'), ...by }),
  );
}

function clientOperation(
  by: By,
  path: fc.Arbitrary<string>,
  fd: fc.Arbitrary<number>,
): fc.Arbitrary<Operation> {
  const enlightened = fc.boolean();
  return fc.oneof(
    fc.record({
      op: op('interpret'),
      ...by,
      enlightened,
      source: fc.oneof(
        fc.record({ kind: op('file'), path }),
        fc.record({ kind: op('stdin'), fd }),
        fc.record({ kind: op('snippet') }),
        fc.record({ kind: op('snippetAndFile'), path }),
      ),
    }),
    fc.record({
      op: op('load'),
      ...by,
      enlightened,
      path,
      as: fc.constantFrom(...LOAD_KINDS),
      secure: fc.boolean(),
    }),
  );
}

function microOperation(
  by: By,
  execveat: fc.Arbitrary<ExecveatArguments>,
  path: fc.Arbitrary<string>,
  fd: fc.Arbitrary<number>,
): fc.Arbitrary<Operation> {
  const begin = fc.constantFrom('checkBegin' as const, 'execBegin' as const);
  const end = fc.constantFrom('checkEnd' as const, 'execEnd' as const, 'interpretEnd' as const);
  return fc.oneof(
    fc.tuple(begin, by.task, execveat).map(([name, task, args]) => ({ op: name, task, ...args })),
    fc.record({ op: end, ...by }),
    fc.record({ op: op('cloneFs'), ...by, child: fc.constantFrom(...TASK_NAMES, 't4') }),
    fc.record({
      op: op('interpretBegin'),
      ...by,
      path,
      reads: fc.constantFrom('descriptor' as const, 'path' as const),
    }),
    fc.record({
      op: op('lease'),
      ...by,
      fd,
      type: fc.constantFrom('F_RDLCK' as const, 'F_WRLCK' as const, 'F_UNLCK' as const),
    }),
  );
}
