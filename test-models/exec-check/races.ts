// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { RevisionId } from '@kernel-models/model-core';
import {
  AT_EXECVE_CHECK,
  AT_FDCWD,
  plainTask,
  type Content,
  type NodeSpec,
  type Operation,
  type Outcome,
  type Setup,
  type State,
} from '@kernel-models/exec-check';
import { defineProperty, type ExecModel, type Property } from './property.ts';
import { referenceInitial, referenceStep } from './reference/reference.ts';
import { show, Violation } from './violation.ts';

/*
 * Interleavings. Every actor has a program of atomic steps; a generated schedule says whose step is
 * next. C13 to C15 of check against write, chmod and rename, and check against clone(CLONE_FS).
 */

const USER = 1000;
export const FILE = '/e/f';
export const OTHER = '/e/g';

/** Content that is written only once in an interleaving, see `distinct`. */
function version(text: string): Content {
  return { kind: 'script', line: text };
}

/** Numbers what is written, so that content tells where it comes from. */
function distinct(operations: readonly Operation[]): readonly Operation[] {
  return operations.map((operation, index) =>
    operation.op === 'write' || operation.op === 'fwrite'
      ? { ...operation, content: version(`w${index}`) }
      : operation,
  );
}

function fileNode(path: string, content: Content, mode = 0o755): NodeSpec {
  return { kind: 'file', path, mode, uid: USER, gid: USER, content };
}

/** Two scripts of one user, and three tasks of that user. */
export const TWO_SCRIPTS: Setup = {
  mounts: [],
  nodes: [
    { kind: 'dir', path: '/e', mode: 0o777, uid: 0, gid: 0 },
    fileNode(FILE, version('f0')),
    fileNode(OTHER, version('g0')),
  ],
  tasks: ['t1', 't2', 't3'].map((name) => plainTask(name, USER, { securebits: 0x300 })),
};

/** The world in which a check is made and does not decide, or as posted, where it has to decide. */
function worldFor(base: RevisionId): Setup {
  const securebits = base === 'posted-v19' ? 0x500 : 0;
  return { ...TWO_SCRIPTS, tasks: TWO_SCRIPTS.tasks.map((task) => ({ ...task, securebits })) };
}

const begin = { dirfd: AT_FDCWD, argv: { kind: 'null' }, envp: { kind: 'null' } } as const;

/** A check in two steps: until the file is held, and the rest. */
export function checkOf(task: string, path: string): readonly Operation[] {
  const text = { kind: 'text', text: path } as const;
  return [
    { op: 'checkBegin', task, ...begin, path: text, flags: AT_EXECVE_CHECK },
    { op: 'checkEnd', task },
  ];
}

function execOf(task: string, path: string): readonly Operation[] {
  const text = { kind: 'text', text: path } as const;
  return [
    { op: 'execBegin', task, ...begin, path: text, flags: 0 },
    { op: 'execEnd', task },
  ];
}

function interpretOf(task: string, reads: 'descriptor' | 'path'): readonly Operation[] {
  return [
    { op: 'interpretBegin', task, path: FILE, reads },
    { op: 'interpretEnd', task },
  ];
}

const path = fc.constantFrom(FILE, OTHER);

/** What somebody does to the files meanwhile. */
const attack: fc.Arbitrary<readonly Operation[]> = fc.oneof(
  path.map((each): Operation[] => [
    { op: 'open', task: 't2', fd: 3, path: each, flags: ['O_WRONLY'] },
    { op: 'fwrite', task: 't2', fd: 3, content: version('new') },
    { op: 'close', task: 't2', fd: 3 },
  ]),
  path.map((each): Operation[] => [
    { op: 'write', task: 't2', path: each, content: version('new') },
  ]),
  path.map((each): Operation[] => [
    { op: 'chmod', task: 't2', path: each, mode: 0o644 },
    { op: 'chmod', task: 't2', path: each, mode: 0o755 },
  ]),
  fc.constant<Operation[]>([{ op: 'rename', task: 't2', from: OTHER, to: FILE }]),
  fc.constant<Operation[]>([
    { op: 'unlink', task: 't2', path: FILE },
    { op: 'symlink', task: 't2', path: FILE, target: OTHER },
  ]),
  fc.constant<Operation[]>([{ op: 'truncate', task: 't2', path: FILE, size: 0 }]),
);

/** Programs that share one processor. */
export interface Race {
  readonly programs: readonly (readonly Operation[])[];
  readonly schedule: readonly number[];
}

const schedule = fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 14, size: 'max' });

function races(programs: fc.Arbitrary<readonly (readonly Operation[])[]>): fc.Arbitrary<Race> {
  return fc.record({ programs, schedule });
}

/** The order in which the steps of a race are taken; what the schedule leaves over comes last. */
export function interleave({ programs, schedule: turns }: Race): readonly Operation[] {
  const left = programs.map((program) => [...program]);
  const order: Operation[] = [];
  for (const turn of turns) {
    const waiting = left.filter((program) => program.length > 0);
    const next = waiting[turn % Math.max(waiting.length, 1)]?.shift();
    if (next !== undefined) order.push(next);
  }
  return [...order, ...left.flat()];
}

/** One step of an interleaving, as a model answered it. */
interface Seen {
  readonly operation: Operation;
  readonly outcome: Outcome;
}

function run(
  model: ExecModel,
  revision: RevisionId,
  setup: Setup,
  operations: readonly Operation[],
  each?: (seen: Seen, violated: (sentence: string) => never) => void,
): State {
  let state = model.initial(setup);
  operations.forEach((operation, index) => {
    const step = model.apply(state, operation, revision);
    state = step.state;
    each?.({ operation, outcome: step.outcome }, (sentence) => {
      const before = operations.slice(0, index + 1);
      throw new Violation(sentence, { revision, setup, operations: before, rule: step.rule });
    });
  });
  return state;
}

const succeeded = ({ outcome }: Seen): boolean => outcome.kind === 'value';

const contest = races(
  fc
    .tuple(
      fc.oneof(
        fc.constantFrom(FILE, OTHER).map((each) => checkOf('t1', each)),
        fc.constantFrom(FILE, OTHER).map((each) => execOf('t1', each)),
        fc
          .constantFrom('descriptor' as const, 'path' as const)
          .map((reads) => interpretOf('t1', reads)),
      ),
      fc.constantFrom(FILE, OTHER).map((each) => checkOf('t3', each)),
      fc.array(attack, { minLength: 1, maxLength: 2 }),
    )
    .map(([one, other, attacks]) => [one, other, ...attacks]),
);

const asReference = defineProperty({
  id: 'race.reference',
  sentence:
    'every interleaving of check, exec and interpreter with changes answers as the reference',
  runs: 400,
  of: (model, revision, base) =>
    fc.property(contest, (race) => {
      const setup = worldFor(base);
      let world = referenceInitial(setup);
      run(model, revision, setup, interleave(race), ({ operation, outcome }, violated) => {
        const step = referenceStep(world, operation, base);
        world = step.world;
        if (model.matches?.(step.outcome, outcome) !== true) {
          violated(`the model answers ${show(outcome)}, the reference ${show(step.outcome)}`);
        }
      });
    }),
});

/** Files by what happened to them: who writes which, who keeps writers out of which. */
const exclusion = defineProperty({
  id: 'race.writers-and-deniers',
  sentence: 'no file is open for writing while it runs or is checked',
  runs: 400,
  coverage: { held: 5, written: 10 },
  of: (model, revision, base, labels) =>
    fc.property(path, schedule, fc.boolean(), (file, turns, runs) => {
      const caller = runs ? execOf('t1', file) : checkOf('t1', file);
      const writer: Operation[] = [
        { op: 'open', task: 't2', fd: 3, path: file, flags: ['O_RDWR'] },
        { op: 'close', task: 't2', fd: 3 },
      ];
      const setup = setupFor(base, runs ? program(file) : TWO_SCRIPTS);
      const order = interleave({ programs: [caller, writer, writer], schedule: turns });
      let [isWritten, isHeld] = [false, false];
      run(model, revision, setup, order, (seen, violated) => {
        const { op } = seen.operation;
        if (op === 'open' && succeeded(seen)) isWritten = true;
        if (op === 'close' && succeeded(seen)) isWritten = false;
        if ((op === 'checkBegin' || op === 'execBegin') && succeeded(seen)) isHeld = true;
        if (op === 'checkEnd' || op === 'execEnd') isHeld = false;
        labels.count([isHeld ? 'held' : isWritten ? 'written' : 'free']);
        if (isWritten && isHeld) violated('a writer and a denier at once');
      });
    }),
});

function program(file: string): Setup {
  const elf: Content = { kind: 'elf', program: 'exit', exitCode: 0 };
  return { ...TWO_SCRIPTS, nodes: [...TWO_SCRIPTS.nodes.slice(0, 1), fileNode(file, elf)] };
}

function setupFor(base: RevisionId, setup: Setup): Setup {
  return base === 'linux-6.1' || base === 'linux-6.12'
    ? { ...setup, tasks: setup.tasks.map((task) => ({ ...task, securebits: 0 })) }
    : setup;
}

/** Two tasks that share an fs_struct, one that does not. */
const inExec = defineProperty({
  id: 'race.clone-fs',
  sentence: 'clone(CLONE_FS) is refused exactly while a sibling checks or executes (B5)',
  runs: 400,
  coverage: { EAGAIN: 2, made: 20 },
  of: (model, revision, base, labels) =>
    fc.property(schedule, (turns) => {
      const shared: Operation = { op: 'cloneFs', task: 't1', child: 's1' };
      const clones = ['c1', 'c2', 'c3', 'c4'].map((child): Operation => ({
        op: 'cloneFs',
        task: 's2',
        child,
      }));
      const programs = [
        [...checkOf('t1', FILE), ...checkOf('t1', OTHER)],
        [...checkOf('s1', FILE), ...checkOf('s1', FILE)],
        checkOf('t2', FILE),
        clones,
      ];
      const second: Operation = { op: 'cloneFs', task: 't1', child: 's2' };
      const order = [shared, second, ...interleave({ programs, schedule: turns })];
      const inCall = new Set<string>();
      run(model, revision, setupFor(base, TWO_SCRIPTS), order, (seen, violated) => {
        const { op, task } = seen.operation;
        if (op === 'checkBegin' && succeeded(seen)) inCall.add(task);
        if (op === 'checkEnd') inCall.delete(task);
        if (op !== 'cloneFs' || order.indexOf(seen.operation) < 2) return;
        const busy = inCall.has('t1') || inCall.has('s1');
        labels.count([busy ? 'EAGAIN' : 'made']);
        if (succeeded(seen) === busy) violated(`clone(CLONE_FS) with${busy ? '' : 'out'} an exec`);
      });
    }),
});

/** How far apart the file that was checked and the bytes that run may be. */
type Identity = 'file' | 'version';

/** The bytes that run are those of the checked file, or of its checked version. */
function runsWhatWasChecked(
  id: string,
  sentence: string,
  reads: 'descriptor' | 'path',
  identity: Identity,
): Property {
  return defineProperty({
    id,
    sentence,
    runs: 400,
    coverage: { ran: 50 },
    of: (model, revision, base, labels) =>
      fc.property(fc.array(attack, { minLength: 1, maxLength: 2 }), schedule, (attacks, turns) => {
        const race = { programs: [interpretOf('t1', reads), ...attacks], schedule: turns };
        const files = new Tracker();
        let [file, content] = ['', ''];
        const order = distinct(interleave(race));
        run(model, revision, setupFor(base, TWO_SCRIPTS), order, (seen, violated) => {
          files.saw(seen);
          if (seen.operation.op === 'interpretBegin') [file, content] = files.behind(FILE);
          if (seen.operation.op !== 'interpretEnd') return;
          const { outcome } = seen;
          const isRun = outcome.kind === 'decided' && outcome.allowed;
          labels.count([isRun ? 'ran' : outcome.kind]);
          if (!isRun || outcome.content === undefined) return;
          const ran = Buffer.from(outcome.content, 'base64').toString().slice(2).trim();
          // An emptied file tells no more what it was.
          const isSame =
            identity === 'version' ? ran === content : ran === '' || files.home(ran) === file;
          if (!isSame) violated(`checked ${content} in ${file}, ran ${ran}`);
        });
      }),
  });
}

/** Which file and which content stand behind a name, told from successful operations alone. */
class Tracker {
  readonly #names = new Map([
    [FILE, 'f'],
    [OTHER, 'g'],
  ]);
  readonly #content = new Map([
    ['f', 'f0'],
    ['g', 'g0'],
  ]);
  readonly #homes = new Map([
    ['f0', 'f'],
    ['g0', 'g'],
  ]);
  #open: string | undefined;

  saw(seen: Seen): void {
    if (!succeeded(seen)) return;
    const { operation } = seen;
    const other = this.#names.get(OTHER) ?? '';
    switch (operation.op) {
      case 'open':
        this.#open = this.#names.get(operation.path);
        break;
      case 'fwrite':
        this.#write(this.#open, operation.content);
        break;
      case 'write':
        this.#write(this.#names.get(operation.path), operation.content);
        break;
      case 'truncate':
        this.#content.set(this.#names.get(operation.path) ?? '', '');
        break;
      case 'symlink':
        this.#names.set(FILE, other);
        break;
      case 'rename':
        this.#names.set(FILE, other);
        this.#names.delete(OTHER);
        break;
      default:
    }
  }

  /** The file behind a name, and its content. */
  behind(name: string): [string, string] {
    const file = this.#names.get(name) ?? '';
    return [file, this.#content.get(file) ?? ''];
  }

  /** The file that this content was written to. */
  home(content: string): string | undefined {
    return this.#homes.get(content);
  }

  #write(file: string | undefined, content: Content): void {
    if (file === undefined || content.kind !== 'script') return;
    this.#content.set(file, content.line);
    this.#homes.set(content.line, file);
  }
}

export const sameFile: Property = runsWhatWasChecked(
  'race.same-file',
  'a descriptor that was checked and read never runs the content of another file (I12)',
  'descriptor',
  'file',
);

/** Holds for nothing: write denial ends with the check (C14). */
export const sameVersion: Property = runsWhatWasChecked(
  'race.same-version',
  'a descriptor that was checked and read runs the version that was checked (I12, false)',
  'descriptor',
  'version',
);

/** Holds for nothing: the name may have come to mean another file (C13). */
export const sameFileByPath: Property = runsWhatWasChecked(
  'race.same-file-by-path',
  'a path that was checked and opened anew runs the file that was checked (false)',
  'path',
  'file',
);

export const RACES: readonly Property[] = [asReference, exclusion, inExec, sameFile];
