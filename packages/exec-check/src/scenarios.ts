// SPDX-License-Identifier: MIT
import { explore, type RevisionId } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { AT_FDCWD } from './constants.ts';
import { execCheck } from './model.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { plainTask } from './plain-task.ts';
import type { RuleName } from './rules.ts';
import type { Content, Path, Setup, TaskSpec } from './setup.ts';
import type { State } from './state.ts';
import { initial } from './world.ts';

/*
 * The threat model: the kernel, the files of the system and every ancestor are trusted; the
 * attacker writes files where a user may, and chooses arguments, environment and standard input of
 * trusted programs. Untrusted code runs where a step ends with an attacker's bytes being executed.
 */

/** What defends the system. */
export interface Policy {
  /** EXEC_RESTRICT_FILE (as posted: SHOULD_EXEC_CHECK), locked. */
  readonly restrictFile: boolean;
  /** EXEC_DENY_INTERACTIVE (as posted: SHOULD_EXEC_RESTRICT), locked. */
  readonly denyInteractive: boolean;
  /** Whether the mount that users may write is noexec. */
  readonly noexec: boolean;
}

/** The eight combinations, weakest first. */
export const POLICIES: readonly Policy[] = [false, true].flatMap((noexec) =>
  [false, true].flatMap((denyInteractive) =>
    [false, true].map((restrictFile) => ({ restrictFile, denyInteractive, noexec })),
  ),
);

/** One way to have untrusted code run. */
export interface Chain {
  readonly id: `C${number}${string}`;
  readonly title: string;
  readonly operations: readonly Operation[];
}

const USER = 7;
const ATTACKER = 'attacker';
const HELPER = 'helper';
const EVIL: Content = { kind: 'script', line: '/s/interp evil' };
const PROGRAM: Content = { kind: 'elf', program: 'exit', exitCode: 66 };

function userTask(name: string, securebits: number): TaskSpec {
  return plainTask(name, USER, { securebits, cwd: '/w' });
}

/**
 * The world of a policy: `/s` is the system's, `/w` the user's; only the attacker is restricted.
 */
export function worldOf({ restrictFile, denyInteractive, noexec }: Policy): Setup {
  const owned = { uid: USER, gid: USER };
  return {
    mounts: [
      { kind: 'tmpfs', at: '/s', flags: [] },
      { kind: 'tmpfs', at: '/w', flags: noexec ? ['noexec'] : [] },
      { kind: 'proc', at: '/p', flags: [] },
    ],
    nodes: [
      { kind: 'dir', path: '/w', mode: 0o755, ...owned },
      { kind: 'file', path: '/s/interp', mode: 0o755, uid: 0, gid: 0, content: PROGRAM },
      { kind: 'char', path: '/s/tty', mode: 0o666, uid: 0, gid: 0 },
      { kind: 'file', path: '/s/good', mode: 0o755, uid: 0, gid: 0, content: { kind: 'empty' } },
      { kind: 'dir', path: '/s/mnt', mode: 0o755, uid: 0, gid: 0 },
    ],
    tasks: [
      userTask(ATTACKER, (restrictFile ? 0x300 : 0) | (denyInteractive ? 0xc00 : 0)),
      userTask(HELPER, 0),
    ],
  };
}

const by = { task: ATTACKER } as const;

function create(path: Path, mode: number, content: Content): Operation {
  return { op: 'create', ...by, path, mode, content };
}

function exec(path: Path): Operation {
  return {
    op: 'execveat',
    ...by,
    dirfd: AT_FDCWD,
    path: { kind: 'text', text: path },
    flags: 0,
    argv: { kind: 'list', strings: [{ kind: 'text', text: path }] },
    envp: { kind: 'list', strings: [] },
  };
}

function interpretFile(path: Path, enlightened: boolean): Operation {
  return { op: 'interpret', ...by, enlightened, source: { kind: 'file', path } };
}

function load(path: Path, as: 'program' | 'preload', enlightened: boolean): Operation {
  return { op: 'load', ...by, enlightened, path, as, secure: false };
}

const snippet: Operation = {
  op: 'interpret',
  ...by,
  enlightened: true,
  source: { kind: 'snippet' },
};
const stdin: Operation = {
  op: 'interpret',
  ...by,
  enlightened: true,
  source: { kind: 'stdin', fd: 3 },
};
const script = create('/w/script', 0o644, EVIL);
const program = create('/w/program', 0o644, PROGRAM);
const unshare: Operation = { op: 'unshareUser', ...by, uidMap: [], gidMap: [] };

/**
 * The chains. Each ends with the step that runs untrusted code, if none before it fails. C17 and
 * C21 are not here: native code that makes its own executable memory has won already, and a
 * malicious ancestor that fakes the kernel's answers by a seccomp filter is outside of the trust
 * that everything rests on.
 */
export const CHAINS: readonly Chain[] = [
  {
    id: 'C1',
    title: 'a program without the execute bit',
    operations: [program, exec('/w/program')],
  },
  {
    id: 'C2',
    title: 'a program, made executable by its owner',
    operations: [
      program,
      { op: 'chmod', ...by, path: '/w/program', mode: 0o755 },
      exec('/w/program'),
    ],
  },
  {
    id: 'C3',
    title: 'an interpreter and a file',
    operations: [script, interpretFile('/w/script', true)],
  },
  { id: 'C4', title: 'an interpreter and a snippet', operations: [snippet] },
  {
    id: 'C5',
    title: 'a pipe into an interpreter',
    operations: [{ op: 'anonymous', ...by, fd: 3, kind: 'pipe' }, stdin],
  },
  {
    id: 'C6',
    title: 'a file as standard input of an interpreter',
    operations: [
      script,
      { op: 'open', ...by, fd: 3, path: '/w/script', flags: ['O_RDONLY'] },
      stdin,
    ],
  },
  {
    id: 'C7',
    title: 'an interpreter on a terminal',
    operations: [{ op: 'open', ...by, fd: 3, path: '/s/tty', flags: ['O_RDONLY'] }, stdin],
  },
  { id: 'C8a', title: 'an environment variable that holds code', operations: [snippet] },
  {
    id: 'C8b',
    title: 'an environment variable that names a file',
    operations: [script, interpretFile('/w/script', true)],
  },
  {
    id: 'C9',
    title: 'an import that the interpreter does not check',
    operations: [script, interpretFile('/w/script', false)],
  },
  {
    id: 'C10a',
    title: 'ld.so and a program without the execute bit',
    operations: [program, load('/w/program', 'program', false)],
  },
  {
    id: 'C10b',
    title: 'the same with an enlightened ld.so',
    operations: [program, load('/w/program', 'program', true)],
  },
  {
    id: 'C11a',
    title: 'a preloaded library',
    operations: [program, load('/w/program', 'preload', false)],
  },
  {
    id: 'C11b',
    title: 'the same with an enlightened ld.so',
    operations: [program, load('/w/program', 'preload', true)],
  },
  {
    id: 'C12',
    title: 'an ELF interpreter of a program',
    operations: [
      create('/w/loader', 0o755, PROGRAM),
      create('/w/program', 0o755, {
        kind: 'elf',
        program: 'exit',
        exitCode: 66,
        interp: '/w/loader',
      }),
      exec('/w/program'),
    ],
  },
  {
    id: 'C13',
    title: 'another file under the checked path',
    operations: [
      script,
      { op: 'symlink', ...by, path: '/w/link', target: '/s/good' },
      { op: 'interpretBegin', ...by, path: '/w/link', reads: 'path' },
      { op: 'rename', task: HELPER, from: '/w/script', to: '/w/link' },
      { op: 'interpretEnd', ...by },
    ],
  },
  {
    id: 'C14',
    title: 'other content in the checked file',
    operations: [
      create('/w/script', 0o755, { kind: 'empty' }),
      { op: 'interpretBegin', ...by, path: '/w/script', reads: 'descriptor' },
      { op: 'write', task: HELPER, path: '/w/script', content: EVIL },
      { op: 'interpretEnd', ...by },
    ],
  },
  {
    id: 'C15',
    title: 'the execute bit of a file that the user may change',
    operations: [
      script,
      { op: 'chmod', ...by, path: '/w/script', mode: 0o744 },
      interpretFile('/w/script', true),
    ],
  },
  {
    id: 'C16',
    title: 'an executable memfd',
    operations: [
      { op: 'memfdCreate', ...by, fd: 3, flags: [] },
      { op: 'fwrite', ...by, fd: 3, content: EVIL },
      interpretFile('/p/self/fd/3', true),
    ],
  },
  {
    id: 'C18',
    title: 'an interpreter that is not enlightened',
    operations: [script, interpretFile('/w/script', false)],
  },
  {
    id: 'C19',
    title: 'a user namespace, then an interpreter',
    operations: [script, unshare, interpretFile('/w/script', true)],
  },
  {
    id: 'C20',
    title: 'a mount of its own in a user namespace',
    operations: [
      unshare,
      // Its own mount namespace is played by the builder: a new tmpfs that the user owns.
      { op: 'mount', task: 'init', mount: { kind: 'tmpfs', at: '/s/mnt', flags: [] } },
      { op: 'chown', task: 'init', path: '/s/mnt', uid: USER, gid: USER },
      create('/s/mnt/program', 0o755, PROGRAM),
      exec('/s/mnt/program'),
    ],
  },
  {
    id: 'C22',
    title: 'tracing a task that is less restricted',
    operations: [{ op: 'ptraceAttach', ...by, target: HELPER }],
  },
  {
    id: 'C23',
    title: 'a mount that shows noexec content again',
    operations: [
      create('/w/program', 0o755, PROGRAM),
      { op: 'mount', task: 'init', mount: { kind: 'bind', from: '/w', at: '/s/mnt', flags: [] } },
      exec('/s/mnt/program'),
    ],
  },
  {
    id: 'C24',
    title: 'one descriptor checked, another one read',
    operations: [
      script,
      interpretFile('/s/good', true),
      { op: 'open', ...by, fd: 3, path: '/w/script', flags: ['O_RDONLY'] },
      { op: 'interpret', ...by, enlightened: false, source: { kind: 'stdin', fd: 3 } },
    ],
  },
  {
    id: 'C25',
    title: 'restrictions set on a child to break it',
    operations: [{ op: 'setSecurebits', task: HELPER, value: 0xf00n }],
  },
];

/** How a chain ended under a policy. */
export interface ChainResult {
  readonly chain: Chain['id'];
  readonly policy: Policy;
  readonly blocked: boolean;
  /** The rule that stopped it, or let its last step pass. */
  readonly rule: string;
  /** Index of the operation that ended it. */
  readonly step: number;
}

/** Whether a step of an attacker did what it was for. */
function passed(outcome: Outcome): boolean {
  return (
    outcome.kind === 'value' ||
    outcome.kind === 'ran' ||
    (outcome.kind === 'decided' && outcome.allowed)
  );
}

/** Plays one chain in the world of a policy. */
export function playChain(chain: Chain, policy: Policy, revision: RevisionId): ChainResult {
  let state: State = initial(worldOf(policy));
  let rule: string = 'task.gone' satisfies RuleName;
  for (const [index, operation] of chain.operations.entries()) {
    const step = apply(state, operation, revision);
    ({ state, rule } = step);
    if (!passed(step.outcome)) {
      return { chain: chain.id, policy, blocked: true, rule, step: index };
    }
  }
  const step = chain.operations.length - 1;
  return { chain: chain.id, policy, blocked: false, rule, step };
}

/** Every chain under every policy. */
export function chainMatrix(revision: RevisionId): readonly ChainResult[] {
  return CHAINS.flatMap((chain) => POLICIES.map((policy) => playChain(chain, policy, revision)));
}

/** What an attacker can do at any time: the steps of the chains that take nobody else's help. */
export const PRIMITIVES: readonly Operation[] = [
  program,
  script,
  { op: 'chmod', ...by, path: '/w/program', mode: 0o755 },
  { op: 'chmod', ...by, path: '/w/script', mode: 0o744 },
  exec('/w/program'),
  interpretFile('/w/script', true),
  snippet,
  { op: 'anonymous', ...by, fd: 3, kind: 'pipe' },
  { op: 'open', ...by, fd: 3, path: '/w/script', flags: ['O_RDONLY'] },
  stdin,
  load('/w/program', 'program', true),
  load('/w/program', 'program', false),
  unshare,
];

/** Whether this step ran what an attacker wrote. */
function runsUntrusted(operation: Operation, outcome: Outcome): boolean {
  const isSink = ['execveat', 'interpret', 'load'].includes(operation.op);
  return isSink && passed(outcome);
}

/**
 * A shortest way to have untrusted code run, found by exploring every sequence of primitives.
 *
 * @param depth longest sequence
 * @param without primitives that the attacker is denied
 * @returns undefined where there is none of that length
 */
export function shortestChain(
  policy: Policy,
  revision: RevisionId,
  depth: number,
  without: readonly Operation[] = [],
): readonly Operation[] | undefined {
  const primitives = PRIMITIVES.filter((operation) => !without.includes(operation));
  const { counterexample } = explore(execCheck, {
    revision,
    setups: [worldOf(policy)],
    operations: () => primitives,
    depth,
    invariants: [
      {
        id: 'scenario.no-untrusted-code',
        sentence: 'Nothing that the attacker wrote runs.',
        holds: ({ operation, step }) => !runsUntrusted(operation, step.outcome),
      },
    ],
  });
  return counterexample?.operations;
}

/**
 * Every last step by which untrusted code can be made to run, each with a shortest way to it: what
 * is found is taken from the attacker, and the search begins anew.
 */
export function enumerateChains(
  policy: Policy,
  revision: RevisionId,
  depth: number,
): readonly (readonly Operation[])[] {
  const found: (readonly Operation[])[] = [];
  const taken: Operation[] = [];
  for (;;) {
    const chain = shortestChain(policy, revision, depth, taken);
    const last = chain?.at(-1);
    if (chain === undefined || last === undefined) return found;
    found.push(chain);
    taken.push(last);
  }
}
