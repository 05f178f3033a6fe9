// SPDX-License-Identifier: MIT
import {
  CAPABILITY_NAMES,
  capabilitySet,
  ELF_VARIATIONS,
  type Acl,
  type Capability,
  type CapabilitySet,
  type Content,
  type ElfVariation,
  type FileCapabilities,
  type MountFlag,
  type MountSpec,
  type NodeSpec,
  type Path,
  type ProcessSpec,
  type Setup,
  type TaskSpec,
  type UsernsSpec,
} from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { directory, file, GIDS, gid, mode, pick, TASKS, uid, UIDS } from './case-names.ts';

/** What a kind of case wants of its world; the rest stays plain. */
export interface SetupWishes {
  readonly limits?: boolean;
  readonly processes?: boolean;
  readonly landlock?: boolean;
  readonly userns?: boolean;
  readonly acls?: boolean;
  readonly securebits?: boolean;
  readonly links?: boolean;
  readonly contents?: boolean;
  /** The file that most operations name has capabilities, which may lie outside a task's bounds. */
  readonly fcaps?: boolean;
}

/* CAP_SYS_RESOURCE is left out: virtual machines and containers often do not have it. */
const OWNED = CAPABILITY_NAMES.filter((name) => name !== 'CAP_SYS_RESOURCE');
const ALL_OWNED: CapabilitySet = capabilitySet(OWNED);

/** The capabilities that decide something here. */
const DECISIVE: readonly Capability[] = [
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_SYS_ADMIN',
  'CAP_SYS_PTRACE',
];

/** A set of capabilities. */
export const capabilities: Arbitrary<CapabilitySet> = pick<CapabilitySet>(
  [3, fc.constant(0n)],
  [1, fc.constant(ALL_OWNED)],
  [2, fc.subarray([...DECISIVE]).map(capabilitySet)],
);

const mountFlags: Arbitrary<MountFlag[]> = pick<MountFlag[]>(
  [3, fc.constant([])],
  [2, fc.constant(['noexec'])],
  [2, fc.subarray<MountFlag>(['noexec', 'nosuid', 'nodev', 'nosymfollow'])],
);

/** An access control list of a file. */
export const acl: Arbitrary<Acl> = fc.record({
  users: fc
    .uniqueArray(uid, { maxLength: 2 })
    .chain((uids) =>
      fc.tuple(
        ...uids.map((id) => fc.integer({ min: 0, max: 7 }).map((perm) => ({ uid: id, perm }))),
      ),
    ),
  groups: fc
    .uniqueArray(gid, { maxLength: 2 })
    .chain((gids) =>
      fc.tuple(
        ...gids.map((id) => fc.integer({ min: 0, max: 7 }).map((perm) => ({ gid: id, perm }))),
      ),
    ),
  groupObj: fc.integer({ min: 0, max: 7 }),
  mask: fc.integer({ min: 0, max: 7 }),
});

/** Capabilities of a file. */
export const fcaps: Arbitrary<FileCapabilities> = fc.record({
  permitted: capabilities,
  inheritable: capabilities,
  effective: fc.boolean(),
});

/** What a shebang line may say. */
const scriptLine: Arbitrary<string> = pick(
  [6, file],
  [2, fc.tuple(file, fc.constantFrom(' -x', '\t-a b ', '  ', '\r')).map((parts) => parts.join(''))],
  [1, fc.tuple(fc.constantFrom(' ', '\t '), file).map((parts) => parts.join(''))],
  [1, fc.constantFrom('', ' ', '\t', '/missing', '/e', 'i', '/null', '/p/self/status')],
  [1, fc.constantFrom(200, 252, 253, 254, 255, 300).map((length) => `/e/i ${'x'.repeat(length)}`)],
  [1, fc.constantFrom(252, 253, 254, 255, 300).map((length) => `/${'y'.repeat(length)}`)],
);

/** What is in a file. */
export const content: Arbitrary<Content> = pick<Content>(
  [4, elf(fc.constant(undefined))],
  [
    3,
    elf(
      pick<string | undefined>(
        [6, file],
        [1, fc.constantFrom('', '/missing', 'i', '/e'.repeat(60))],
      ),
    ),
  ],
  [5, fc.record({ kind: fc.constant('script' as const), line: scriptLine })],
  [
    1,
    fc.record({
      kind: fc.constant('script' as const),
      line: scriptLine,
      newline: fc.constant(false),
    }),
  ],
  [1, fc.constantFrom<Content>({ kind: 'empty' }, { kind: 'bytes', base64: 'I2ggaGVsbG8K' })],
  [
    1,
    fc.constantFrom<Content>(
      { kind: 'bytes', base64: 'IyE=' },
      { kind: 'bytes', base64: 'f0VMRg==' },
    ),
  ],
);

function elf(interp: Arbitrary<string | undefined>): Arbitrary<Content> {
  return fc
    .record({
      program: fc.constantFrom('exit', 'hash'),
      exitCode: fc.integer({ min: 1, max: 120 }),
      interp,
      programHeaders: pick<number | undefined>(
        [30, fc.constant(undefined)],
        [2, fc.constantFrom(3, 73)],
        [1, fc.constantFrom(1170, 1171)],
      ),
      variations: pick<ElfVariation[]>(
        [4, fc.constant<ElfVariation[]>([])],
        [1, fc.subarray([...ELF_VARIATIONS], { minLength: 1, maxLength: 1 })],
      ),
    })
    .map(({ program, exitCode, interp: name, programHeaders, variations }) => ({
      kind: 'elf',
      program: program === 'exit' ? 'exit' : 'hash',
      exitCode,
      ...(name !== undefined && { interp: name }),
      ...(programHeaders !== undefined && { programHeaders }),
      ...(variations.length > 0 && { variations }),
    }));
}

const plainProgram: Arbitrary<Content> = fc
  .tuple(fc.constantFrom<('exit' | 'hash')[]>('exit', 'hash'), fc.integer({ min: 1, max: 120 }))
  .map(([program, exitCode]) => ({ kind: 'elf', program, exitCode }));

function nodes(wishes: SetupWishes): Arbitrary<readonly NodeSpec[]> {
  const ownership = { mode, uid, gid };
  const files = fc.array(
    fc.record(
      {
        kind: fc.constant('file' as const),
        path: file,
        content: wishes.contents === true ? content : pick([3, plainProgram], [1, content]),
        ...ownership,
        ...(wishes.acls === true ? { acl, fcaps } : {}),
      },
      { requiredKeys: ['kind', 'path', 'content', 'mode', 'uid', 'gid'] },
    ),
    { minLength: 2, maxLength: 5 },
  );
  // The file that most operations name is mostly there and mostly runs.
  const main = fc.record(
    {
      kind: fc.constant('file' as const),
      path: fc.constantFrom('/e/f', '/e/f', '/e/f', '/n/f', '/u/f'),
      content: wishes.contents === true ? content : plainProgram,
      ...ownership,
      ...(wishes.fcaps === true ? { fcaps } : {}),
    },
    { requiredKeys: ['kind', 'path', 'content', 'mode', 'uid', 'gid'] },
  );
  const interpreter = fc.record({
    kind: fc.constant('file' as const),
    path: fc.constant('/e/i'),
    content: wishes.contents === true ? pick([2, plainProgram], [1, content]) : plainProgram,
    mode: pick([5, fc.constant(0o755)], [1, mode]),
    uid,
    gid,
  });
  const directories = fc.array(
    fc.record({
      kind: fc.constant('dir' as const),
      path: directory,
      mode: pick([3, fc.constantFrom(0o777, 0o755, 0o1777)], [1, mode]),
      uid,
      gid,
    }),
    { maxLength: 3 },
  );
  const others = wishes.links === true ? linkNodes() : fc.constant<readonly NodeSpec[]>([]);
  return fc
    .tuple(main, interpreter, files, directories, others)
    .map(([first, second, more, dirs, links]) => [first, second, ...more, ...dirs, ...links]);
}

function linkNodes(): Arbitrary<readonly NodeSpec[]> {
  const target = pick(
    [4, file],
    [1, file.map((path) => `${path}/`)],
    [1, fc.constantFrom('f', '../e/f', 'd', '/p/self/fd/3', '/missing', '.', 'k', '/e')],
  );
  const named = fc.tuple(directory, fc.constantFrom('k', 'm')).map((parts) => parts.join('/'));
  const symlinks = fc.array(
    fc.record({ kind: fc.constant('symlink' as const), path: named, target }),
    { minLength: 1, maxLength: 3 },
  );
  const fixed: readonly NodeSpec[] = [
    { kind: 'symlink', path: '/self', target: '/e/f' },
    { kind: 'symlink', path: '/loop', target: '/loop' },
    { kind: 'symlink', path: '/dangling', target: '/nowhere' },
    { kind: 'symlink', path: '/way', target: '/e/' },
  ];
  const special = fc.tuple(mode, uid, gid).map(([bits, owner, group]): readonly NodeSpec[] => [
    { kind: 'char', path: '/null', mode: bits, uid: owner, gid: group },
    { kind: 'block', path: '/disk', mode: bits, uid: owner, gid: group },
    { kind: 'fifo', path: '/pipe', mode: bits, uid: owner, gid: group },
    { kind: 'socket', path: '/sock', mode: bits, uid: owner, gid: group },
  ]);
  const hard = fc.constantFrom<readonly NodeSpec[]>(
    [],
    [{ kind: 'link', path: '/e/h', target: '/e/f' }],
  );
  return fc
    .tuple(symlinks, special, hard, chain())
    .map(([links, devices, hardLinks, chained]) => [
      ...links,
      ...hardLinks,
      ...fixed,
      ...devices,
      ...chained,
    ]);
}

/** Links one behind the other: 40 may be followed, the 41st may not. */
function chain(): Arbitrary<readonly NodeSpec[]> {
  return pick<number>([8, fc.constant(0)], [1, fc.constantFrom(39, 40, 41)]).map((length) =>
    Array.from({ length }, (_, index) => ({
      kind: 'symlink' as const,
      path: `/chain${index}`,
      target: index === length - 1 ? '/e/f' : `/chain${index + 1}`,
    })),
  );
}

const mounts: Arbitrary<readonly MountSpec[]> = fc
  .tuple(
    fc.boolean(),
    mountFlags,
    mountFlags,
    fc.constantFrom('/e', '/n', '/e/d', '/e/f', '/l'),
    mountFlags,
    // Few: distributions build overlayfs as a module, which a bare kernel image does not have.
    pick([14, fc.constant(false)], [1, fc.constant(true)]),
    fc.boolean(),
  )
  .map(([own, flags, bindFlags, from, overlayFlags, overlay, proc]) => [
    ...(own ? [{ kind: 'tmpfs', at: '/e', flags } as const] : []),
    { kind: 'tmpfs', at: '/n', flags: ['noexec'] },
    { kind: 'tmpfs', at: '/l', flags: ['nosymfollow'] },
    { kind: 'tmpfs', at: '/u', flags: ['nosuid'] },
    ...(proc ? [{ kind: 'proc', at: '/p', flags: [] } as const] : []),
    { kind: 'bind', from, at: '/b', flags: bindFlags },
    ...(overlay ? [{ kind: 'overlay', lower: '/e', at: '/o', flags: overlayFlags } as const] : []),
  ]);

/**
 * Stack limits at which something changes: the floor of 128 KiB, the cap of 6 MiB, single pages.
 */
export const stackLimit: Arbitrary<bigint> = pick<bigint>(
  [2, fc.constantFrom(0n, 4096n, 8192n, 65536n, 131072n, 524288n, 1n << 20n, 8n << 20n)],
  [1, fc.constantFrom(24n << 20n, (1n << 64n) - 1n)],
  [1, fc.bigInt({ min: 0n, max: 64n }).map((pages) => pages << 12n)],
);

/** Maps of a user namespace: some ids of the pool, at the same or other numbers. */
export const userns: Arbitrary<UsernsSpec> = fc.constantFrom<UsernsSpec>(
  { uidMap: idMap(UIDS, 0), gidMap: idMap(GIDS, 0) },
  { uidMap: idMap(UIDS, 100), gidMap: idMap(GIDS, 100) },
  { uidMap: idMap([7], 0), gidMap: idMap(GIDS, 0) },
  { uidMap: [{ inside: 0, outside: 7, count: 1 }], gidMap: [{ inside: 0, outside: 7, count: 1 }] },
  { uidMap: [], gidMap: [] },
);

function idMap(ids: readonly number[], shift: number): UsernsSpec['uidMap'] {
  return ids.map((id) => ({ inside: id + shift, outside: id, count: 1 }));
}

/** Old kernels do not have bits 8 to 11, so few tasks begin with them. */
const securebits: Arbitrary<number> = pick(
  [8, fc.constant(0)],
  [2, fc.integer({ min: 0, max: 0xff })],
  [1, fc.integer({ min: 0, max: 0xfff })],
);

/** Mostly enough to become another user. */
const privileges: Arbitrary<CapabilitySet> = pick<CapabilitySet>(
  [3, fc.constant(capabilitySet(['CAP_SETUID']))],
  [1, capabilities],
);

function taskSpec(name: string, wishes: SetupWishes): Arbitrary<TaskSpec> {
  const same = (id: Arbitrary<number>): Arbitrary<readonly [number, number, number, number]> =>
    pick(
      [3, id.map((value) => [value, value, value, value] as const)],
      [1, fc.tuple(id, id, id, id)],
    );
  const paths: Arbitrary<Path[]> = fc.array(
    pick<string>([2, directory], [2, file], [1, fc.constant('/')]),
    {
      maxLength: 3,
    },
  );
  return fc
    .record(
      {
        uids: same(pick([3, fc.constant(wishes.processes === true ? 0 : 7)], [2, uid])),
        gids: same(gid),
        groups: fc.uniqueArray(gid, { maxLength: 2 }),
        effective: wishes.processes === true ? privileges : capabilities,
        permitted: capabilities,
        inheritable: capabilities,
        bounding: pick([3, fc.constant(ALL_OWNED)], [1, capabilities]),
        ambient: capabilities,
        securebits: wishes.securebits === true ? securebits : fc.constant(0),
        noNewPrivs: pick([3, fc.constant(false)], [1, fc.constant(true)]),
        cwd: pick<string>([3, fc.constant('/')], [1, directory]),
        stackLimit: wishes.limits === true ? stackLimit : fc.constant(8n << 20n),
        nprocLimit: fc.bigInt({ min: 0n, max: 4n }),
        userns,
        landlock: fc.array(paths, { minLength: 1, maxLength: 2 }),
      },
      {
        requiredKeys: [
          'uids',
          'gids',
          'groups',
          'effective',
          'permitted',
          'inheritable',
          'bounding',
          'ambient',
          'securebits',
          'noNewPrivs',
          'cwd',
          ...(wishes.limits === true ? (['stackLimit'] as const) : []),
        ],
      },
    )
    .map((drawn) => ({
      name,
      ruid: drawn.uids[0],
      euid: drawn.uids[1],
      suid: drawn.uids[2],
      fsuid: drawn.uids[3],
      rgid: drawn.gids[0],
      egid: drawn.gids[1],
      sgid: drawn.gids[2],
      fsgid: drawn.gids[3],
      groups: drawn.groups,
      caps: {
        effective: drawn.effective,
        permitted: drawn.permitted | drawn.effective,
        inheritable: drawn.inheritable & drawn.bounding,
        bounding: drawn.bounding,
        ambient: drawn.ambient,
      },
      securebits: drawn.securebits,
      noNewPrivs: drawn.noNewPrivs,
      cwd: drawn.cwd,
      ...(wishes.limits === true && { stackLimit: drawn.stackLimit ?? 0n }),
      ...(wishes.processes === true &&
        drawn.nprocLimit !== undefined && { nprocLimit: drawn.nprocLimit }),
      ...(wishes.userns === true && drawn.userns !== undefined && { userns: drawn.userns }),
      ...(wishes.landlock === true && drawn.landlock !== undefined && { landlock: drawn.landlock }),
    }));
}

const processes: Arbitrary<readonly ProcessSpec[]> = fc.array(
  fc.record({ uid: fc.constantFrom(7, 7, 8), count: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 2 },
);

/** A world with what is wished for, and a little of everything else. */
export function setupArbitrary(wishes: SetupWishes): Arbitrary<Setup> {
  return fc
    .tuple(
      mounts,
      nodes(wishes),
      fc.tuple(...TASKS.map((name) => taskSpec(name, wishes))),
      wishes.processes === true ? processes : fc.constant(undefined),
    )
    .map(([mountSpecs, nodeSpecs, tasks, sleepers]) => ({
      mounts: mountSpecs,
      nodes: nodeSpecs.filter(isFirstOfItsPath),
      tasks,
      ...(sleepers !== undefined && { processes: sleepers }),
    }));
}

function isFirstOfItsPath(node: NodeSpec, index: number, all: readonly NodeSpec[]): boolean {
  return node.kind === 'dir' || all.findIndex(({ path }) => path === node.path) === index;
}
