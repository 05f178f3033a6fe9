// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  ALL_CAPABILITIES,
  CAPABILITY_NAMES,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
  type CapabilitySet,
} from './capability.ts';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
} from './constants.ts';
import { at } from './lists.ts';
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
} from './operation.ts';
import {
  ELF_VARIATIONS,
  INIT,
  MOUNT_FLAGS,
  type Acl,
  type Content,
  type FileCapabilities,
  type MountFlag,
  type MountSpec,
  type NodeSpec,
  type Path,
  type Setup,
  type TaskSpec,
} from './setup.ts';
import type { DentryId, MountId, State } from './state.ts';
import { normaliseSetup } from './world.ts';

/* Arbitraries of worlds and operations, for properties and for the oracle. fast-check is a peer. */

/** What generated worlds and operations may hold. */
export interface GeneratorOptions {
  /** Capabilities that tasks may have. Default: all. A target may not have them all to give. */
  readonly capabilities?: CapabilitySet;
  /** Securebits that tasks may begin with, as a mask. Default: 0xfff. */
  readonly securebits?: number;
  /** Whether only operations are wanted that a target can be asked. Default: false. */
  readonly live?: boolean;
}

/** The ids that worlds are made of; none but 0 is likely to be in use on a machine. */
export const IDS: readonly number[] = [0, 7, 8, 4711, 4712, 65534];

const DIRECTORIES: readonly Path[] = ['/e', '/n', '/e/d', '/n/d', '/e/d/s', '/r'];
const NAMES: readonly string[] = ['f', 'g', 'i', 'l', 'x'];
const TASK_NAMES: readonly string[] = ['t1', 't2', 't3'];

const id: fc.Arbitrary<number> = fc.constantFrom(...IDS);

/** A mode: every one of the 4096, with the ordinary ones more often. */
export const modeArbitrary: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0o755, 0o644, 0o700, 0o111, 0o100, 0o010, 0o001, 0o011) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0o7777 }) },
);

const mountFlags: fc.Arbitrary<readonly MountFlag[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.subarray([...MOUNT_FLAGS]) },
);

const mount: fc.Arbitrary<MountSpec> = fc.oneof(
  fc.record({
    kind: fc.constant('tmpfs'),
    at: fc.constantFrom('/e', '/n', '/m', '/e/d'),
    flags: mountFlags,
  }),
  fc.record({
    kind: fc.constant('bind'),
    from: fc.constantFrom('/e', '/n', '/e/d', '/e/f', '/r'),
    at: fc.constantFrom('/b', '/n/b', '/e/b'),
    flags: mountFlags,
  }),
  fc.record({
    kind: fc.constant('overlay'),
    lower: fc.constantFrom('/r', '/r/d'),
    at: fc.constantFrom('/o', '/e/o'),
    flags: mountFlags,
  }),
  fc.record({ kind: fc.constant('proc'), at: fc.constant('/p'), flags: mountFlags }),
);

const perm: fc.Arbitrary<number> = fc.integer({ min: 0, max: 7 });

/** An ACL with up to two named users and groups. */
export const aclArbitrary: fc.Arbitrary<Acl> = fc.record({
  users: fc.uniqueArray(fc.record({ uid: id, perm }), { maxLength: 2, selector: ({ uid }) => uid }),
  groups: fc.uniqueArray(fc.record({ gid: id, perm }), {
    maxLength: 2,
    selector: ({ gid }) => gid,
  }),
  groupObj: perm,
  mask: perm,
});

/** What the interpreters of scripts and programs are called: most exist in a generated world. */
const interpreterPath: fc.Arbitrary<string> = fc.constantFrom(
  '/e/i',
  '/n/i',
  '/r/i',
  '/e/f',
  '/e/missing',
  '/e/d',
  'f',
);

/** File contents: programs, scripts, neither. */
export const contentArbitrary: fc.Arbitrary<Content> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        kind: fc.constant('elf' as const),
        program: fc.constantFrom('exit' as const, 'hash' as const),
        exitCode: fc.integer({ min: 40, max: 60 }),
        interp: interpreterPath,
        variations: fc.subarray([...ELF_VARIATIONS], { maxLength: 1 }),
      },
      { requiredKeys: ['kind', 'program', 'exitCode'] },
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', ' ', '\t'),
        interpreterPath,
        fc.constantFrom('', ' a', ' a b ', '\r', '  ', `${' '.repeat(250)}`),
        fc.boolean(),
      )
      .map(([before, interpreter, after, newline]) => ({
        kind: 'script' as const,
        line: `${before}${interpreter}${after}`,
        ...(newline ? {} : { newline }),
      })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'bytes' as const, base64: 'aGVsbG8K' }) },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'bytes' as const, base64: 'IyE=' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'empty' as const }) },
);

function capabilities(available: CapabilitySet): fc.Arbitrary<CapabilitySet> {
  const known = CAPABILITY_NAMES.length;
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(0n) },
    {
      weight: 3,
      arbitrary: fc
        .subarray([
          CAP_DAC_OVERRIDE,
          CAP_DAC_READ_SEARCH,
          CAP_FOWNER,
          CAP_FSETID,
          CAP_SETPCAP,
          CAP_SETUID,
          CAP_SYS_ADMIN,
          CAP_SYS_PTRACE,
        ])
        .map((sets) => sets.reduce((union, set) => union | set, 0n) & available),
    },
    { weight: 1, arbitrary: fc.constant(ALL_CAPABILITIES & available) },
    {
      weight: 1,
      arbitrary: fc
        .bigInt({ min: 0n, max: (1n << BigInt(known)) - 1n })
        .map((set) => set & available),
    },
  );
}

function fileCapabilities(available: CapabilitySet): fc.Arbitrary<FileCapabilities> {
  return fc.record({
    permitted: capabilities(available),
    inheritable: capabilities(available),
    effective: fc.boolean(),
  });
}

const path: fc.Arbitrary<Path> = fc
  .tuple(fc.constantFrom(...DIRECTORIES), fc.constantFrom(...NAMES))
  .map(([directory, name]) => `${directory}/${name}`);

function node(available: CapabilitySet): fc.Arbitrary<NodeSpec> {
  const ownership = { mode: modeArbitrary, uid: id, gid: id };
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record(
        {
          kind: fc.constant('file' as const),
          path,
          content: contentArbitrary,
          ...ownership,
          acl: aclArbitrary,
          fcaps: fileCapabilities(available),
        },
        { requiredKeys: ['kind', 'path', 'content', 'mode', 'uid', 'gid'] },
      ),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('dir' as const),
        path: fc.constantFrom(...DIRECTORIES),
        ...ownership,
        // A directory that nobody can search hides the rest of the world too often.
        mode: fc.constantFrom(0o755, 0o755, 0o711, 0o700, 0o644, 0o2775, 0o1777),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('symlink' as const),
        path,
        target: fc.constantFrom('f', '/e/f', '/n/f', '../f', 'l', 'd/', '/e/d', 'missing', '/n/l/'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'fifo' as const,
          'socket' as const,
          'char' as const,
          'block' as const,
        ),
        path,
        ...ownership,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('link' as const), path, target: path }) },
  );
}

function task(name: string, options: GeneratorOptions): fc.Arbitrary<TaskSpec> {
  const available = options.capabilities ?? ALL_CAPABILITIES;
  const set = capabilities(available);
  return fc
    .record({
      uid: id,
      euid: id,
      gid: id,
      fsuid: id,
      same: fc.boolean(),
      groups: fc.uniqueArray(id, { maxLength: 2 }),
      caps: fc.record({
        effective: set,
        permitted: set,
        inheritable: set,
        ambient: set,
        bounding: fc.oneof(fc.constant(available), set),
      }),
      securebits: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xfff }) },
      ),
      noNewPrivs: fc.boolean(),
      cwd: fc.constantFrom('/', '/e', '/n', '/e/d'),
      landlock: fc.oneof(
        { weight: 5, arbitrary: fc.constant(undefined) },
        {
          weight: 1,
          arbitrary: fc.array(fc.subarray(['/e', '/n', '/r', '/e/f', '/']), {
            minLength: 1,
            maxLength: 2,
          }),
        },
      ),
      stackLimit: fc.oneof(
        { weight: 6, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(0n, 4096n, 65536n, 600000n, 1n << 20n) },
      ),
      nprocLimit: fc.oneof(
        { weight: 6, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(0n, 1n, 2n, 3n) },
      ),
    })
    .map(({ uid, euid, gid, fsuid, same, landlock, stackLimit, nprocLimit, ...rest }) => ({
      name,
      ruid: uid,
      euid: same ? uid : euid,
      suid: uid,
      fsuid: same ? uid : fsuid,
      rgid: gid,
      egid: gid,
      sgid: gid,
      fsgid: gid,
      ...rest,
      caps: { ...rest.caps, effective: rest.caps.effective & rest.caps.permitted },
      securebits: rest.securebits & (options.securebits ?? 0xfff),
      ...(landlock === undefined ? {} : { landlock }),
      ...(stackLimit === undefined ? {} : { stackLimit }),
      ...(nprocLimit === undefined ? {} : { nprocLimit }),
    }));
}

/** A small world: up to 3 mounts, up to 12 files, 1 to 3 tasks, normalised. */
export function setupArbitrary(options: GeneratorOptions = {}): fc.Arbitrary<Setup> {
  const available = options.capabilities ?? ALL_CAPABILITIES;
  return fc
    .record({
      mounts: fc.array(mount, { maxLength: 3 }),
      nodes: fc.array(node(available), { minLength: 1, maxLength: 12 }),
      tasks: fc
        .integer({ min: 1, max: 3 })
        .chain((count) =>
          fc.tuple(...TASK_NAMES.slice(0, count).map((name) => task(name, options))),
        ),
      processes: fc.array(fc.record({ uid: id, count: fc.integer({ min: 1, max: 3 }) }), {
        maxLength: 1,
      }),
    })
    .map(normaliseSetup);
}

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
    fc.record({ op: op('chown'), task, path, uid: id, gid: id }),
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
    fc.record({ op: op('setfsuid'), ...by, fsuid: id }),
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

/** A task of this uid and gid, without capabilities. */
export function plainTask(name: string, uid: number, changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name,
    ruid: uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    rgid: uid,
    egid: uid,
    sgid: uid,
    fsgid: uid,
    groups: [],
    caps: {
      effective: 0n,
      permitted: 0n,
      inheritable: 0n,
      bounding: ALL_CAPABILITIES,
      ambient: 0n,
    },
    securebits: 0,
    noNewPrivs: false,
    cwd: '/',
    ...changes,
  };
}

/**
 * The small world of the documentation: `/e` allows execution, `/n` does not; `/e/i` is a program,
 * `/e/s` a script of uid 7 without execute bits; `t1` and `t2` are uid 7 without capabilities.
 */
export const SMALL_WORLD: Setup = {
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
      content: { kind: 'elf', program: 'hash', exitCode: 43 },
    },
    {
      kind: 'file',
      path: '/e/s',
      mode: 0o644,
      uid: 7,
      gid: 7,
      content: { kind: 'script', line: '/e/i' },
    },
  ],
  tasks: [plainTask('t1', 7), plainTask('t2', 7)],
};
