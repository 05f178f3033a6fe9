// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  ALL_CAPABILITIES,
  capabilitySet,
  MOUNT_FLAGS,
  NO_CAPABILITIES,
  normaliseSetup,
  RLIM_INFINITY,
  ELF_VARIATIONS,
  type Acl,
  type CapabilitySet,
  type Content,
  type Features,
  type FileCapabilities,
  type MountFlag,
  type MountSpec,
  type NodeSpec,
  type Setup,
  type TaskCapabilities,
  type TaskSpec,
} from '@kernel-models/exec-check';

/** Six users, and the same numbers as groups. */
export const IDS: readonly number[] = [0, 7, 8, 1000, 1001, 65534];

const id = fc.constantFrom(...IDS);

/** Tasks beside `init`. */
export const TASKS: readonly string[] = ['t1', 't2'];

/**
 * Every path that a setup uses. `d` and `e` are directories, `k` and `l` symbolic links, `h` hard
 * links; /m, /n, /b, /o and /proc are mount points where something is mounted.
 */
export const PATHS: readonly string[] = [
  '/f',
  '/a',
  '/d/f',
  '/d/a',
  '/d/e/f',
  '/d/e/l',
  '/d/k',
  '/l',
  '/k',
  '/m/f',
  '/m/a',
  '/m/d/f',
  '/m/l',
  '/n/f',
  '/n/k',
  '/h',
  '/d/h',
  '/m/h',
];
const DIRECTORIES: readonly string[] = ['/', '/d', '/d/e', '/m', '/m/d', '/n'];

/** What one file says of another: mostly one of the names that most worlds have. */
const otherFile: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('/f', '/a', '/d/f', '/m/f') },
  { weight: 1, arbitrary: fc.constantFrom(...PATHS) },
);

/** All 4096 modes, the everyday ones more often. */
export const mode: fc.Arbitrary<number> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      0o755,
      0o711,
      0o4755,
      0o555,
      0o777,
      0o111,
      0o644,
      0o700,
      0o070,
      0o007,
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(0o100, 0o010, 0o001, 0, 0o077, 0o707, 0o770, 0o2755) },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 0o7777 }) },
);

const directoryMode: fc.Arbitrary<number> = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(0o755, 0o777, 0o1777) },
  { weight: 2, arbitrary: fc.constantFrom(0o700, 0o711, 0o2775, 0o070, 0o007, 0o3777) },
  { weight: 1, arbitrary: mode },
);

const permission = fc.integer({ min: 0, max: 7 });

const acl: fc.Arbitrary<Acl> = fc.record({
  users: fc.uniqueArray(fc.record({ uid: id, perm: permission }), {
    selector: ({ uid }) => uid,
    maxLength: 2,
  }),
  groups: fc.uniqueArray(fc.record({ gid: id, perm: permission }), {
    selector: ({ gid }) => gid,
    maxLength: 2,
  }),
  groupObj: permission,
  mask: permission,
});

const someCapabilities: fc.Arbitrary<CapabilitySet> = fc
  .subarray([
    'CAP_DAC_OVERRIDE',
    'CAP_DAC_READ_SEARCH',
    'CAP_FOWNER',
    'CAP_FSETID',
    'CAP_SETUID',
    'CAP_SETPCAP',
    'CAP_SYS_ADMIN',
    'CAP_SYS_PTRACE',
    'CAP_SYS_RESOURCE',
  ] as const)
  .map((names) => capabilitySet(names));

export const capabilities: fc.Arbitrary<CapabilitySet> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(NO_CAPABILITIES) },
  { weight: 4, arbitrary: someCapabilities },
  { weight: 1, arbitrary: fc.constant(ALL_CAPABILITIES) },
);

const fileCapabilities: fc.Arbitrary<FileCapabilities> = fc.record({
  permitted: fc.oneof(capabilities, fc.constant(ALL_CAPABILITIES)),
  inheritable: capabilities,
  effective: fc.constantFrom(true, true, false),
});

const program: fc.Arbitrary<Content> = fc.record({
  kind: fc.constant('elf'),
  program: fc.constantFrom('exit', 'hash'),
  exitCode: fc.integer({ min: 0, max: 255 }),
});

const strangeProgram: fc.Arbitrary<Content> = fc.record(
  {
    kind: fc.constant('elf' as const),
    program: fc.constantFrom('exit' as const, 'hash' as const),
    exitCode: fc.integer({ min: 0, max: 255 }),
    interp: fc.oneof(
      { weight: 4, arbitrary: otherFile },
      { weight: 1, arbitrary: fc.constantFrom('', 'f', '/missing') },
    ),
    programHeaders: fc.constantFrom(1, 2, 3, 73, 74, 1170, 1171),
    variations: fc.subarray([...ELF_VARIATIONS], { maxLength: 2 }),
  },
  { requiredKeys: ['kind', 'program', 'exitCode'] },
);

const scriptLine: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: otherFile },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(' ', '\t', '  '),
        fc.constantFrom(...PATHS),
        fc.constantFrom(' ', '\t '),
      )
      .chain(([lead, path, gap]) =>
        fc.constantFrom(`${lead}${path}${gap}`, `${path}${gap}x y`, `${path}${gap}x${gap}`),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' \t',
      'f',
      '/d/f\r',
      '/missing',
      '/d',
      '/f/',
      '/f\0/a',
      '/f x\0y',
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 246, max: 256 })
      .chain((length) =>
        fc.constantFrom(
          '/f'.padEnd(length, 'x'),
          '/f '.padEnd(length, 'x'),
          '/f'.padEnd(length, ' '),
          ''.padEnd(length, ' '),
          `${''.padEnd(length - 2, ' ')}/f`,
        ),
      ),
  },
);

const script: fc.Arbitrary<Content> = fc.record(
  { kind: fc.constant('script' as const), line: scriptLine, newline: fc.boolean() },
  { requiredKeys: ['kind', 'line'] },
);

export const content: fc.Arbitrary<Content> = fc.oneof(
  { weight: 4, arbitrary: program },
  { weight: 3, arbitrary: script },
  { weight: 3, arbitrary: strangeProgram },
  { weight: 1, arbitrary: fc.constant<Content>({ kind: 'empty' }) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 80 })
      .map<Content>((bytes) => ({ kind: 'bytes', base64: Buffer.from(bytes).toString('base64') })),
  },
);

const owner = fc.record({ mode, uid: id, gid: id });

const LINK_TARGETS: readonly string[] = [
  ...PATHS,
  ...DIRECTORIES,
  'f',
  '../f',
  'd/f',
  'd/',
  'f/',
  '.',
  '..',
  'missing',
  '/n/f',
  '/b/f',
  '/o/f',
  '/proc/self/fd/3',
  '/proc/self/fd/3/f',
];

/** A node of the kind that its path's last letter stands for. */
function nodeAt(path: string): fc.Arbitrary<NodeSpec> {
  if (/[kl]$/.test(path)) {
    return fc.constantFrom(...LINK_TARGETS).map((target) => ({ kind: 'symlink', path, target }));
  }
  const file = fc
    .record(
      { own: owner, content, acl, fcaps: fileCapabilities },
      { requiredKeys: ['own', 'content'] },
    )
    .map<NodeSpec>(({ own, ...rest }) => ({ kind: 'file', path, ...own, ...rest }));
  const plainFile = fc
    .record({ own: owner, content })
    .map<NodeSpec>(({ own, content: bytes }) => ({ kind: 'file', path, ...own, content: bytes }));
  if (path.endsWith('h')) {
    return fc.oneof(
      plainFile,
      fc
        .constantFrom('/f', '/d/f', '/m/f')
        .map<NodeSpec>((target) => ({ kind: 'link', path, target })),
    );
  }
  const special = fc
    .tuple(
      fc.constantFrom('fifo' as const, 'socket' as const, 'char' as const, 'block' as const),
      owner,
    )
    .map<NodeSpec>(([kind, own]) => ({ kind, path, ...own }));
  return fc.oneof(
    { weight: 6, arbitrary: plainFile },
    { weight: 4, arbitrary: file },
    { weight: 1, arbitrary: special },
  );
}

function directoryAt(path: string): fc.Arbitrary<NodeSpec> {
  return fc
    .record(
      { mode: directoryMode, uid: id, gid: id, acl },
      { requiredKeys: ['mode', 'uid', 'gid'] },
    )
    .map((rest) => ({ kind: 'dir', path, ...rest }));
}

const flags: fc.Arbitrary<MountFlag[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<MountFlag[]>([]) },
  { weight: 2, arbitrary: fc.constant<MountFlag[]>(['noexec']) },
  { weight: 1, arbitrary: fc.constant<MountFlag[]>(['nosymfollow']) },
  { weight: 1, arbitrary: fc.subarray([...MOUNT_FLAGS]) },
);

const mounts: fc.Arbitrary<MountSpec[]> = fc
  .record({
    own: flags,
    shared: flags,
    kinds: fc.subarray(['m', 'n', 'b', 'o', 'proc'] as const, { maxLength: 3 }),
    from: fc.constantFrom('/d', '/m', '/f', '/d/e'),
    lower: fc.constantFrom('/d', '/m'),
  })
  .map(({ own, shared, kinds, from, lower }) =>
    kinds.map((kind): MountSpec => {
      if (kind === 'b') return { kind: 'bind', from, at: '/b', flags: shared };
      if (kind === 'o') return { kind: 'overlay', lower, at: '/o', flags: shared };
      if (kind === 'proc') return { kind: 'proc', at: '/proc', flags: [] };
      return { kind: 'tmpfs', at: `/${kind}`, flags: own };
    }),
  );

/** Up to twelve nodes, directories before what is in them. */
const nodes: fc.Arbitrary<NodeSpec[]> = fc
  .tuple(
    fc.subarray([...DIRECTORIES], { maxLength: 3 }),
    fc.subarray([...PATHS], { minLength: 1, maxLength: 9 }),
  )
  .chain(([directories, files]) =>
    fc.tuple(...directories.map(directoryAt), ...files.map(nodeAt)).map((all) => [...all]),
  );

/**
 * Leaves out what the rest of the setup does not hold up, so that no element is dropped on reading.
 */
function consistent(setup: Setup): Setup {
  const kept: NodeSpec[] = [];
  const mounted = setup.mounts.filter(({ kind }) => kind === 'tmpfs').map(({ at }) => at);
  const homeOf = (path: string): string => mounted.find((at) => path.startsWith(`${at}/`)) ?? '/';
  for (const node of setup.nodes) {
    if (node.kind === 'link') {
      const target = kept.find(({ path }) => path === node.target);
      if (target === undefined || homeOf(target.path) !== homeOf(node.path)) continue;
    }
    kept.push(node);
  }
  const exists = (path: string): boolean =>
    kept.some((node) => node.path === path || node.path.startsWith(`${path}/`)) ||
    mounted.includes(path);
  const kept2 = setup.mounts.filter(
    (mount) =>
      (mount.kind !== 'bind' || exists(mount.from)) &&
      (mount.kind !== 'overlay' || exists(mount.lower)),
  );
  return { ...setup, mounts: kept2, nodes: kept };
}

function taskCapabilities(set: {
  readonly permitted: CapabilitySet;
  readonly effective: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly dropped: CapabilitySet;
  readonly ambient: CapabilitySet;
}): TaskCapabilities {
  const bounding = ALL_CAPABILITIES & ~set.dropped;
  const { permitted } = set;
  const inheritable = set.inheritable & bounding;
  return {
    permitted,
    bounding,
    inheritable,
    effective: set.effective & permitted,
    ambient: set.ambient & permitted & inheritable,
  };
}

const caps: fc.Arbitrary<TaskCapabilities> = fc.oneof(
  {
    weight: 3,
    arbitrary: capabilities.map((set) =>
      taskCapabilities({
        permitted: set,
        effective: set,
        inheritable: 0n,
        dropped: 0n,
        ambient: 0n,
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        permitted: capabilities,
        effective: capabilities,
        inheritable: capabilities,
        dropped: capabilities,
        ambient: capabilities,
      })
      .map(taskCapabilities),
  },
);

/** The words that a kernel of these features knows. */
export function securebitsWord(features: Features): fc.Arbitrary<number> {
  const most = features.execSecurebits === 'none' ? 0xff : 0xfff;
  return fc.oneof(
    {
      weight: 2,
      arbitrary: fc.constantFrom(0, 0x100 & most, 0x300 & most, 0xf00 & most, 0x500 & most),
    },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: most }) },
  );
}

const userns = fc.constantFrom(
  { uidMap: [{ inside: 0, outside: 7, count: 2 }], gidMap: [{ inside: 0, outside: 7, count: 2 }] },
  {
    uidMap: [{ inside: 0, outside: 1000, count: 1 }],
    gidMap: [{ inside: 0, outside: 1000, count: 1 }],
  },
  {
    uidMap: [{ inside: 1000, outside: 0, count: 9 }],
    gidMap: [{ inside: 0, outside: 0, count: 2000 }],
  },
);

/** One in four tasks has ids that differ from each other. */
const ids = fc
  .tuple(fc.array(id, { minLength: 8, maxLength: 8 }), fc.nat({ max: 3 }))
  .map(([all, differ]) => {
    const at = (index: number): number => all[differ === 3 ? index : index < 4 ? 0 : 4] ?? 0;
    return {
      ...{ ruid: at(0), euid: at(1), suid: at(2), fsuid: at(3) },
      ...{ rgid: at(4), egid: at(5), sgid: at(6), fsgid: at(7) },
    };
  });

function task(name: string, features: Features): fc.Arbitrary<TaskSpec> {
  return fc
    .record(
      {
        ids,
        groups: fc.uniqueArray(id, { maxLength: 2 }),
        caps,
        securebits: securebitsWord(features),
        noNewPrivs: fc.boolean(),
        cwd: fc.constantFrom('/', '/d', '/m', '/missing'),
        stackLimit: fc.constantFrom(8n << 20n, RLIM_INFINITY, 1n << 20n, 64n << 10n),
        nprocLimit: fc.constantFrom(0n, 1n, 2n),
        userns,
        landlock: fc.array(fc.subarray(['/', '/d', '/f', '/m', '/b'], { maxLength: 2 }), {
          minLength: 1,
          maxLength: 2,
        }),
      },
      { requiredKeys: ['ids', 'groups', 'caps', 'securebits', 'noNewPrivs', 'cwd'] },
    )
    .chain((full) =>
      fc.nat({ max: 15 }).map((kept): TaskSpec => {
        const { ids: own, landlock, userns: space, ...rest } = full;
        return {
          name,
          ...own,
          ...rest,
          // Both change so much that most tasks should have neither.
          ...(kept % 4 === 1 && landlock !== undefined && { landlock }),
          ...(kept % 4 === 2 && space !== undefined && { userns: space }),
        };
      }),
    );
}

/** A small world: at most 3 mounts, 12 nodes, 2 tasks. */
export function setups(features: Features): fc.Arbitrary<Setup> {
  return fc
    .record(
      {
        mounts,
        nodes,
        tasks: fc.tuple(task('t1', features), task('t2', features)).map((all): TaskSpec[] => all),
        processes: fc.array(fc.record({ uid: id, count: fc.integer({ min: 1, max: 2 }) }), {
          maxLength: 2,
        }),
        sysctls: fc.record({
          memfdNoexec: fc.constantFrom(0, 1, 2),
          protectedSymlinks: fc.boolean(),
        }),
      },
      { requiredKeys: ['mounts', 'nodes', 'tasks'] },
    )
    .map(({ sysctls, ...rest }) => {
      const known = features.memfdNoexec
        ? sysctls
        : sysctls && { protectedSymlinks: sysctls.protectedSymlinks };
      return normaliseSetup(
        consistent({ ...rest, ...(known !== undefined && { sysctls: known }) }),
      );
    });
}
