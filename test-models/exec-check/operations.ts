// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  ANONYMOUS_KINDS,
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CAP_SETPCAP,
  CAP_SETUID,
  INIT,
  NO_CAPABILITIES,
  RLIM_INFINITY,
  type ArgumentString,
  type Content,
  type ExecveatArguments,
  type Features,
  type Operation,
  type PathArgument,
  type StringArray,
} from '@kernel-models/exec-check';
import { IDS, PATHS, TASKS } from './arbitraries.ts';
import { Dice } from './dice.ts';
import type { World } from './reference/world.ts';

/** An operation that is not chosen yet: the state decides what the numbers mean. */
export interface Choice {
  readonly family: number;
  readonly dice: readonly number[];
}

export const choice: fc.Arbitrary<Choice> = fc.record({
  family: fc.nat({ max: 0xffff }),
  dice: fc.array(fc.nat({ max: 0xffff }), { minLength: 7, maxLength: 7 }),
});

/** How likely each family is in one run: about a third of them is left out of it altogether. */
export type Weights = readonly number[];

export const weights: fc.Arbitrary<Weights> = fc.array(fc.constantFrom(0, 1, 1, 3, 0, 2), {
  minLength: 10,
  maxLength: 10,
});

/** Families of operations, each choosing by the state. */
type Family = (dice: Dice, world: World, task: string, features: Features) => Operation;

const FAMILIES: readonly Family[] = [
  check,
  exec,
  access,
  descriptor,
  file,
  attribute,
  credential,
  securebits,
  client,
  worldChange,
];

/** The operation that a choice means in this state. */
export function operationFor(
  { family, dice: numbers }: Choice,
  world: World,
  weight: Weights,
  features: Features,
): Operation {
  const dice = new Dice(numbers);
  const total = weight.reduce((sum, each) => sum + each, 0);
  let left = total === 0 ? 0 : family % total;
  const index = Math.max(
    weight.findIndex((each) => {
      left -= each;
      return left < 0;
    }),
    0,
  );
  const chosen = FAMILIES[index] ?? check;
  return chosen(dice, world, taskFrom(dice, world), features);
}

/** Mostly a task that is there. */
function taskFrom(dice: Dice, world: World): string {
  const alive = TASKS.filter((name) => world.tasks.get(name)?.alive === true);
  return alive.length === 0 || dice.oneIn(30) ? dice.pick([...TASKS, INIT]) : dice.pick(alive);
}

/** Descriptors that the task has, and one that it may not have. */
function fdFrom(dice: Dice, world: World, task: string): number {
  const open = [...(world.tasks.get(task)?.fds.keys() ?? [])];
  return dice.pick([...open, ...open, 9]);
}

const NEW_FDS: readonly number[] = [3, 4, 5];

/** Where every file and directory of the world can be found, one path for each name. */
function existingPaths(world: World, regular: boolean): readonly string[] {
  return world.dentries.flatMap(({ inode }, dentry) => {
    const path = pathOf(world, dentry);
    const found = world.inodes[inode];
    const isProc = world.supers[found?.sb ?? 0]?.fs === 'proc';
    const isWanted = !isProc && (!regular || found?.kind === 'file');
    return path !== undefined && isWanted ? [path] : [];
  });
}

function pathOf(world: World, dentry: number): string | undefined {
  const entry = world.dentries[dentry];
  if (entry === undefined || entry.unlinked) return undefined;
  if (entry.parent !== dentry) {
    const parent = pathOf(world, entry.parent);
    return parent === undefined ? undefined : `${parent === '/' ? '' : parent}/${entry.name}`;
  }
  const mount = world.mounts.findIndex(({ root }) => root === dentry);
  const at = world.mounts[mount]?.at;
  if (at !== undefined) return pathOf(world, at.dentry);
  return mount === 0 ? '/' : undefined;
}

/** Paths that lead somewhere, in more and less usual spellings. */
export function pathFrom(dice: Dice): string {
  const plain = dice.pick([...PATHS, '/b', '/b/f', '/b/a', '/o/f', '/o/a', '/o/l', '/d', '/m']);
  switch (dice.roll(16)) {
    case 8:
      return plain.slice(1);
    case 9:
      return `${plain}/`;
    case 10:
      return `/d/..${plain}`;
    case 11:
      return dice.pick(['/missing', '/missing/x', '/f/x', '/f/.', '/', '..', '.', '/d/e']);
    case 12:
      return `/proc/self/fd/${dice.pick([3, 4, 5, 9])}`;
    case 13:
      return dice.pick([
        '/proc/self/status',
        '/proc/self/fd',
        '/m/../f',
        '/b/..',
        `/${'x'.repeat(256)}`,
      ]);
    case 14:
      return `.//./${plain}`;
    case 15:
      return `${plain}${'/.'.repeat(dice.roll(2))}/..${plain}`;
    default:
      return plain;
  }
}

/** Mostly a file that is there. */
function filePath(dice: Dice, world: World): string {
  const existing = existingPaths(world, true);
  return existing.length === 0 || dice.oneIn(3) ? pathFrom(dice) : dice.pick(existing);
}

function pathArgument(dice: Dice): PathArgument {
  if (dice.oneIn(40)) return { kind: 'null' };
  if (dice.oneIn(40)) return { kind: 'bad' };
  if (dice.oneIn(40)) return { kind: 'text', text: 'x'.repeat(4095 + dice.roll(2)) };
  return { kind: 'text', text: pathFrom(dice) };
}

function strings(dice: Dice): StringArray {
  switch (dice.roll(12)) {
    case 6:
      return { kind: 'null' };
    case 7:
      return { kind: 'list', strings: [] };
    case 8:
      return dice.oneIn(2) ? { kind: 'bad' } : { kind: 'list', strings: [{ kind: 'bad' }] };
    case 9:
      return { kind: 'list', strings: [large(dice)] };
    case 10:
      return { kind: 'list', strings: [{ kind: 'text', text: 'x' }, large(dice), { kind: 'bad' }] };
    default:
      return { kind: 'list', strings: ['x', 'yy'].map((text) => ({ kind: 'text', text })) };
  }
}

/** Around every limit: one string, the floor, the stack, the page. */
function large(dice: Dice): ArgumentString {
  const near = dice.roll(5) - 2;
  const [size, count] = dice.pick([
    [4000, 1],
    [131072 + near, 1],
    [131072 - 100 + 8 * near, 1],
    [100000, 1 + dice.roll(90)],
    [1, 8000 + dice.roll(60000)],
    [65536 * 2 - 1, 60 + dice.roll(8)],
    [0, 2 ** 31 - 1 + dice.roll(2)],
  ] as const);
  return { kind: 'fill', size: Math.max(size, 0), count };
}

/** What is referred to, and how. */
export function reference(
  dice: Dice,
  world: World,
  task: string,
): Omit<ExecveatArguments, 'argv' | 'envp'> {
  const how = dice.roll(8);
  const open = [...(world.tasks.get(task)?.fds.keys() ?? [])];
  if (how === 5 || (how > 5 && open.length > 0)) {
    const dirfd = open.length > 0 && !dice.oneIn(6) ? dice.pick(open) : 9;
    return { dirfd, path: { kind: 'text', text: '' }, flags: AT_EMPTY_PATH };
  }
  const flags = dice.pick([0, 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 0]);
  if (how === 4) {
    if (dice.oneIn(8)) return { dirfd: AT_FDCWD, path: { kind: 'text', text: '' }, flags };
    return { dirfd: dice.pick([...open, -1, -5]), path: pathArgument(dice), flags };
  }
  if (how === 3) return { dirfd: AT_FDCWD, path: pathArgument(dice), flags };
  const existing = existingPaths(world, how !== 2);
  const text = existing.length === 0 ? '/' : dice.pick(existing);
  return { dirfd: AT_FDCWD, path: { kind: 'text', text }, flags };
}

function call(dice: Dice, world: World, task: string, isCheck: boolean): Operation {
  const wanted = reference(dice, world, task);
  const bad = dice.oneIn(24) ? 2 ** dice.roll(32) : 0;
  const flags = ((wanted.flags | bad | (isCheck ? AT_EXECVE_CHECK : 0)) >>> 0) as number;
  return { op: 'execveat', task, ...wanted, flags, argv: strings(dice), envp: strings(dice) };
}

function check(dice: Dice, world: World, task: string): Operation {
  return call(dice, world, task, true);
}

function exec(dice: Dice, world: World, task: string): Operation {
  return call(dice, world, task, false);
}

function access(dice: Dice, world: World, task: string): Operation {
  if (dice.oneIn(16)) return { op: 'uselib', task, path: pathArgument(dice) };
  const wanted = reference(dice, world, task);
  const extra = dice.pick([0, AT_EACCESS, 0, AT_EACCESS, 0x400]);
  return {
    op: 'faccessat',
    task,
    dirfd: wanted.dirfd,
    path: wanted.path,
    access: dice.pick([1, 1, 1, 4, 2, 5, 0, 7]),
    flags: wanted.flags | extra,
  };
}

function descriptor(dice: Dice, world: World, task: string): Operation {
  const fd = dice.pick(NEW_FDS);
  switch (dice.roll(16)) {
    case 7:
      return { op: 'close', task, fd: fdFrom(dice, world, task) };
    case 8:
      return { op: 'dup', task, from: fdFrom(dice, world, task), to: fd, cloexec: dice.oneIn(2) };
    case 9:
      return {
        op: 'memfdCreate',
        task,
        fd,
        flags: dice.pick([
          [],
          [],
          ['MFD_EXEC'],
          ['MFD_NOEXEC_SEAL'],
          ['MFD_EXEC', 'MFD_NOEXEC_SEAL'],
          ['MFD_CLOEXEC'],
          ['MFD_ALLOW_SEALING'],
        ] as const),
      };
    case 10:
      return { op: 'fwrite', task, fd: fdFrom(dice, world, task), content: someContent(dice) };
    case 11:
      return { op: 'anonymous', task, fd, kind: dice.pick(ANONYMOUS_KINDS) };
    case 12:
      return {
        op: 'mmap',
        task,
        map: dice.roll(2),
        ...(!dice.oneIn(8) && { fd: fdFrom(dice, world, task) }),
        sharing: dice.pick(['MAP_SHARED', 'MAP_PRIVATE'] as const),
        prot: dice.pick([
          ['PROT_READ'],
          ['PROT_READ', 'PROT_WRITE'],
          ['PROT_READ', 'PROT_EXEC'],
          ['PROT_WRITE'],
        ] as const),
      };
    case 13:
      return dice.oneIn(2)
        ? { op: 'munmap', task, map: dice.roll(2) }
        : {
            op: 'mprotect',
            task,
            map: dice.roll(2),
            prot: dice.pick([['PROT_EXEC'], ['PROT_WRITE'], ['PROT_READ']] as const),
          };
    case 14:
      return { op: 'fstat', task, fd: fdFrom(dice, world, task) };
    default:
      return {
        op: 'open',
        task,
        fd,
        path: filePath(dice, world),
        flags: dice.pick([
          ['O_RDONLY'],
          ['O_PATH'],
          ['O_RDWR'],
          ['O_WRONLY'],
          ['O_PATH', 'O_NOFOLLOW'],
          ['O_RDONLY', 'O_CLOEXEC'],
          ['O_PATH', 'O_CLOEXEC'],
          ['O_RDONLY', 'O_DIRECTORY'],
          ['O_RDWR', 'O_APPEND'],
          ['O_RDONLY', 'O_TRUNC'],
          ['O_RDWR', 'O_TRUNC', 'O_CLOEXEC'],
          ['O_RDWR', 'O_TMPFILE'],
          ['O_RDONLY', 'O_TMPFILE'],
          ['O_RDONLY', 'O_NOFOLLOW'],
        ] as const),
        mode: dice.pick([0o755, 0o700, 0o2777, 0]),
      };
  }
}

export function someContent(dice: Dice): Content {
  return dice.pick<Content>([
    { kind: 'elf', program: 'exit', exitCode: 42 },
    { kind: 'elf', program: 'hash', exitCode: 1 },
    { kind: 'script', line: dice.pick(PATHS) },
    { kind: 'empty' },
    { kind: 'bytes', base64: 'aGVsbG8=' },
  ]);
}

/** Paths that are made: never below the overlay's own lower directory. */
function newPath(dice: Dice): string {
  return dice.pick(['/f', '/a', '/x', '/m/f', '/m/x', '/n/f', '/n/x', '/d/e/x', '/k', '/h']);
}

function file(dice: Dice, world: World, task: string): Operation {
  const who = dice.oneIn(2) ? INIT : task;
  switch (dice.roll(9)) {
    case 4:
      return { op: 'symlink', task: who, path: newPath(dice), target: pathFrom(dice) };
    case 5:
      return {
        op: 'unlink',
        task: who,
        path: changeable(filePath(dice, world)),
      };
    case 6:
      return {
        op: 'rename',
        task: who,
        from: changeable(filePath(dice, world)),
        to: newPath(dice),
      };
    case 7:
      return {
        op: 'mkdir',
        task: who,
        path: newPath(dice),
        mode: dice.pick([0o755, 0o1777, 0o2777]),
      };
    case 8:
      return worldNode(dice, dice.oneIn(8) ? task : INIT);
    case 3:
      return { op: 'truncate', task: who, path: pathFrom(dice), size: dice.pick([0, 1, 300]) };
    case 2:
      return {
        op: 'create',
        task: who,
        path: newPath(dice),
        mode: someMode(dice),
        content: someContent(dice),
      };
    default:
      return { op: 'write', task: who, path: filePath(dice, world), content: someContent(dice) };
  }
}

function worldNode(dice: Dice, task: string): Operation {
  switch (dice.roll(3)) {
    case 1:
      return { op: 'mkfifo', task, path: newPath(dice), mode: someMode(dice) };
    case 2:
      return {
        op: 'mknod',
        task,
        path: newPath(dice),
        kind: dice.pick(['socket', 'char', 'block'] as const),
        mode: someMode(dice),
      };
    default:
      return { op: 'link', task, from: dice.pick(PATHS), to: newPath(dice) };
  }
}

/** procfs takes no attributes and no new names. */
function changeable(path: string): string {
  return path.startsWith('/proc') ? '/f' : path;
}

function someMode(dice: Dice): number {
  return dice.oneIn(2) ? dice.roll(4096) : dice.pick([0o755, 0o644, 0o111, 0o4755, 0o2711, 0o700]);
}

function attribute(dice: Dice, world: World, task: string): Operation {
  const path = changeable(filePath(dice, world));
  switch (dice.roll(7)) {
    case 2:
      return { op: 'fchmod', task, fd: fdFrom(dice, world, task), mode: someMode(dice) };
    case 3:
      return { op: 'chown', task: INIT, path, uid: dice.pick(IDS), gid: dice.pick(IDS) };
    case 4: {
      const perm = (): number => dice.roll(8);
      const acl = {
        users: [{ uid: dice.pick(IDS), perm: perm() }],
        groups: [{ gid: dice.pick(IDS), perm: perm() }],
        groupObj: perm(),
        mask: perm(),
      };
      return { op: 'setacl', task: INIT, path, ...(!dice.oneIn(4) && { acl }) };
    }
    case 5: {
      const fcaps = {
        permitted: dice.pick([CAP_SETUID, CAP_SETUID | CAP_SETPCAP]),
        inheritable: NO_CAPABILITIES,
        effective: !dice.oneIn(3),
      };
      return { op: 'setfcaps', task: INIT, path, ...(!dice.oneIn(4) && { fcaps }) };
    }
    default:
      return { op: 'chmod', task: dice.oneIn(3) ? INIT : task, path, mode: someMode(dice) };
  }
}

function idOrKeep(dice: Dice): number {
  return dice.pick([-1, ...IDS, 1]);
}

function credential(dice: Dice, world: World, task: string): Operation {
  const set = (): bigint =>
    dice.pick([0n, CAP_SETUID, CAP_SETPCAP, world.tasks.get(task)?.permitted ?? 0n]);
  switch (dice.roll(14)) {
    case 3:
      return { op: 'setfsuid', task, fsuid: dice.pick([...IDS, 1]) };
    case 4:
      return { op: 'capset', task, effective: set(), permitted: set(), inheritable: set() };
    case 5:
      return { op: 'setNoNewPrivs', task };
    case 6:
      return { op: 'getNoNewPrivs', task };
    case 7:
      return {
        op: 'unshareUser',
        task,
        uidMap: [{ inside: 0, outside: dice.pick([7, 1000]), count: 2 }],
        gidMap: [{ inside: 0, outside: 7, count: 1 }],
      };
    case 8:
      return {
        op: 'setrlimit',
        task,
        resource: 'nproc',
        soft: dice.pick([0n, 1n, 2n, 3n, RLIM_INFINITY]),
      };
    case 9:
      return {
        op: 'setrlimit',
        task,
        resource: 'stack',
        soft: dice.pick([RLIM_INFINITY, 8n << 20n, 1n << 20n]),
      };
    case 10:
      return {
        op: 'landlockRestrict',
        task,
        allow: [dice.pick([...PATHS, '/', '/d', '/m', '/b'])],
      };
    case 11:
      return { op: 'ptraceAttach', task, target: dice.pick(TASKS) };
    case 12:
      return { op: 'fork', task, child: dice.pick(TASKS) };
    case 13:
      return { op: 'exit', task };
    default:
      return {
        op: 'setresuid',
        task,
        ruid: idOrKeep(dice),
        euid: idOrKeep(dice),
        suid: idOrKeep(dice),
      };
  }
}

function securebits(dice: Dice, world: World, task: string): Operation {
  const old = BigInt(world.tasks.get(task)?.securebits ?? 0);
  switch (dice.roll(8)) {
    case 5:
      return { op: 'getSecurebits', task };
    case 6:
      return { op: 'setKeepcaps', task, value: dice.pick([0n, 1n, 2n, 1n << 32n]) };
    case 7:
      return { op: 'getKeepcaps', task };
    default: {
      const flipped = old ^ (1n << BigInt(dice.roll(12)));
      const value = dice.pick([
        flipped,
        flipped ^ (3n << BigInt(2 * dice.roll(6))),
        old,
        old | (1n << BigInt(dice.roll(64))),
        BigInt(dice.roll(4096)),
      ]);
      return { op: 'setSecurebits', task, value };
    }
  }
}

function client(dice: Dice, world: World, task: string): Operation {
  const enlightened = !dice.oneIn(4);
  const path = filePath(dice, world);
  switch (dice.roll(6)) {
    case 2:
      return {
        op: 'interpret',
        task,
        enlightened,
        source: { kind: 'stdin', fd: fdFrom(dice, world, task) },
      };
    case 3:
      return {
        op: 'interpret',
        task,
        enlightened,
        source: dice.oneIn(2) ? { kind: 'snippet' } : { kind: 'snippetAndFile', path },
      };
    case 4:
    case 5:
      return {
        op: 'load',
        task,
        enlightened,
        path,
        as: dice.pick(['program', 'needed', 'preload', 'dlopen'] as const),
        secure: dice.oneIn(3),
      };
    default:
      return { op: 'interpret', task, enlightened, source: { kind: 'file', path } };
  }
}

function worldChange(dice: Dice, world: World, task: string, features: Features): Operation {
  const who = dice.oneIn(12) ? task : INIT;
  switch (dice.roll(8)) {
    case 3:
      return {
        op: 'fanotifyInit',
        task: who,
        group: dice.roll(2),
        class: dice.pick([
          'FAN_CLASS_CONTENT',
          'FAN_CLASS_PRE_CONTENT',
          'FAN_CLASS_NOTIF',
        ] as const),
        answer: dice.pick(['FAN_ALLOW', 'FAN_DENY'] as const),
      };
    case 4:
      return {
        op: 'fanotifyMark',
        task: who,
        group: dice.pick([...world.groups.keys(), 0]),
        scope: dice.pick(['inode', 'inode', 'mount', 'filesystem'] as const),
        mask: dice.pick([
          ['FAN_ACCESS_PERM'],
          ['FAN_OPEN_EXEC_PERM'],
          ['FAN_OPEN_PERM'],
          ['FAN_OPEN'],
        ] as const),
        path: filePath(dice, world),
      };
    case 5:
      return { op: 'fanotifyClose', task: who, group: dice.roll(2) };
    case 6:
      return features.memfdNoexec
        ? { op: 'sysctlMemfdNoexec', task: who, value: dice.pick([0, 1, 2] as const) }
        : { op: 'watch', task: who, watch: 0, path: dice.pick(PATHS) };
    case 7:
      return {
        op: 'remount',
        task: who,
        path: dice.pick(['/m', '/n', '/b', '/o', '/f']),
        flags: dice.pick([[], ['noexec'], ['nosuid'], ['nosymfollow']] as const),
      };
    default:
      return { op: 'watch', task: who, watch: dice.roll(3), path: filePath(dice, world) };
  }
}
