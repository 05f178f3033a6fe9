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
} from '../capability.ts';
import {
  ELF_VARIATIONS,
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
} from '../setup.ts';
import { normaliseSetup } from '../world.ts';

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
export const NAMES: readonly string[] = ['f', 'g', 'i', 'l', 'x'];
export const TASK_NAMES: readonly string[] = ['t1', 't2', 't3'];

/** One of {@link IDS}. */
export const idArbitrary: fc.Arbitrary<number> = fc.constantFrom(...IDS);

/** A mode: every one of the 4096, with the ordinary ones more often. */
export const modeArbitrary: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0o755, 0o644, 0o700, 0o111, 0o100, 0o010, 0o001, 0o011) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0o7777 }) },
);

export const mountFlags: fc.Arbitrary<readonly MountFlag[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.subarray([...MOUNT_FLAGS]) },
);

export const mount: fc.Arbitrary<MountSpec> = fc.oneof(
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
  users: fc.uniqueArray(fc.record({ uid: idArbitrary, perm }), {
    maxLength: 2,
    selector: ({ uid }) => uid,
  }),
  groups: fc.uniqueArray(fc.record({ gid: idArbitrary, perm }), {
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

export function capabilities(available: CapabilitySet): fc.Arbitrary<CapabilitySet> {
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

export function fileCapabilities(available: CapabilitySet): fc.Arbitrary<FileCapabilities> {
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
  const ownership = { mode: modeArbitrary, uid: idArbitrary, gid: idArbitrary };
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
      uid: idArbitrary,
      euid: idArbitrary,
      gid: idArbitrary,
      fsuid: idArbitrary,
      same: fc.boolean(),
      groups: fc.uniqueArray(idArbitrary, { maxLength: 2 }),
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
      processes: fc.array(fc.record({ uid: idArbitrary, count: fc.integer({ min: 1, max: 3 }) }), {
        maxLength: 1,
      }),
    })
    .map(normaliseSetup);
}
