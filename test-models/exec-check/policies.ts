// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { RevisionId } from '@kernel-models/model-core';
import {
  AT_EXECVE_CHECK,
  AT_FDCWD,
  featuresOf,
  INIT,
  SECURE_EXEC_BITS_AND_LOCKS,
  type CodeSource,
  type NodeSpec,
  type Operation,
  type Outcome,
  type Setup,
  type TaskSpec,
} from '@kernel-models/exec-check';
import { mode, PATHS, securebitsWord, setups } from './arbitraries.ts';
import { defineProperty, type ExecModel, type Property } from './property.ts';
import { securebitsGrants } from './reference/securebits.ts';
import { resultOf, Scene, situations } from './situation.ts';
import { Violation } from './violation.ts';

/*
 * Policy that user space or a module decides by: securebits (I6, I7), the interpreters' table
 * (I10, I11), the integrity subsystem's records.
 */

const source: fc.Arbitrary<CodeSource> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(...PATHS).map((path) => ({ kind: 'file', path }) as const),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'snippet' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'snippetAndFile', path: '/f' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'stdin', fd: 3 } as const) },
);

/** The same setup with other exec bits in every task. */
function withBits(setup: Setup, bits: number): Setup {
  const change = (task: TaskSpec): TaskSpec => ({
    ...task,
    securebits: (task.securebits & ~SECURE_EXEC_BITS_AND_LOCKS) | bits,
  });
  return { ...setup, tasks: setup.tasks.map(change) };
}

/** What an enlightened interpreter decides on a source, in a world with these bits. */
function decide(
  model: ExecModel,
  revision: RevisionId,
  setup: Setup,
  bits: number,
  code: CodeSource,
): Outcome {
  const opens: Operation = { op: 'open', task: 't1', fd: 3, path: '/f', flags: ['O_RDONLY'] };
  const opened = model.apply(model.initial(withBits(setup, bits)), opens, revision);
  const operation: Operation = { op: 'interpret', task: 't1', enlightened: true, source: code };
  return model.apply(opened.state, operation, revision).outcome;
}

const allows = (outcome: Outcome): boolean => outcome.kind === 'decided' && outcome.allowed;

const EXEC_BITS = [0, 0x100, 0x400, 0x500, 0x300, 0xc00, 0xf00] as const;

const moreBitsAllowLess = defineProperty({
  id: 'interpreter.monotone',
  sentence: 'more securebits never allow more (I10)',
  coverage: { 'true false': 2, 'true true': 4 },
  of: (model, revision, base, labels) =>
    fc.property(
      setups(featuresOf(base)),
      source,
      fc.constantFrom(...EXEC_BITS),
      fc.constantFrom(...EXEC_BITS),
      (setup, code, few, more) => {
        // As posted, RESTRICT without CHECK approves nothing: CHECK there gives, and is left as it
        // is.
        const added = featuresOf(base).execSecurebits === 'posted' ? more & ~0x300 : more;
        const before = decide(model, revision, setup, few, code);
        const after = decide(model, revision, setup, few | added, code);
        labels.count([`${allows(before)} ${allows(after)}`]);
        if (allows(after) && !allows(before)) {
          throw new Violation(`allowed with 0x${(few | added).toString(16)}, not with fewer`, {
            revision,
            setup: withBits(setup, few | added),
            operations: [{ op: 'interpret', task: 't1', enlightened: true, source: code }],
          });
        }
      },
    ),
});

const postedIsStricter = defineProperty({
  id: 'interpreter.posted-within-merged',
  sentence:
    'for files the posting with both bits allows nothing that the merged rules refuse (I11)',
  coverage: { 'true true': 2 },
  of: (model, _revision, _base, labels) =>
    fc.property(setups(featuresOf('linux-6.14')), fc.constantFrom(...PATHS), (setup, path) => {
      const code = { kind: 'file', path } as const;
      const posted = decide(model, 'posted-v19', setup, 0x500, code);
      const merged = decide(model, 'linux-6.14', setup, 0x500, code);
      labels.count([`${allows(posted)} ${allows(merged)}`]);
      if (allows(posted) && !allows(merged)) {
        throw new Violation('the posting allows what the merged rules refuse', {
          revision: 'posted-v19',
          setup: withBits(setup, 0x500),
          operations: [{ op: 'interpret', task: 't1', enlightened: true, source: code }],
        });
      }
    }),
});

/** What happens to one securebits word. */
type WordChange =
  | { readonly kind: 'set'; readonly value: bigint }
  | { readonly kind: 'keepcaps'; readonly value: bigint }
  | { readonly kind: 'flip'; readonly bits: number }
  | { readonly kind: 'unshare' };

const wordChange: fc.Arbitrary<WordChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .nat({ max: 0xfff })
      .map((value) => ({ kind: 'set', value: BigInt(value) }) as const),
  },
  {
    weight: 4,
    arbitrary: fc
      .nat({ max: 0xfff })
      .map((bits) => ({ kind: 'flip', bits: bits & (bits >> 3) }) as const),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat({ max: 0xfff }), fc.integer({ min: 12, max: 63 }))
      .map(
        ([value, bit]) => ({ kind: 'set', value: BigInt(value) | (1n << BigInt(bit)) }) as const,
      ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0n, 1n, 2n).map((value) => ({ kind: 'keepcaps', value }) as const),
  },
);

const unsharing: fc.Arbitrary<WordChange> = fc.constant({ kind: 'unshare' });

/** Follows one word through changes; `each` sees the word before and after. */
function follow(
  model: ExecModel,
  revision: RevisionId,
  setup: Setup,
  changes: readonly WordChange[],
  each: (old: bigint, next: bigint, operation: Operation, succeeded: boolean) => string | undefined,
): void {
  let state = model.initial(setup);
  const operations: Operation[] = [];
  const read = (): bigint => {
    const { outcome } = model.apply(state, { op: 'getSecurebits', task: 't1' }, revision);
    return outcome.kind === 'value' ? outcome.value : -1n;
  };
  for (const change of changes) {
    const old = read();
    const operation = wordOperation(change, old);
    operations.push(operation);
    const step = model.apply(state, operation, revision);
    state = step.state;
    const sentence = each(old, read(), operation, step.outcome.kind === 'value');
    if (sentence !== undefined) {
      throw new Violation(sentence, { revision, setup, operations, rule: step.rule });
    }
  }
}

function wordOperation(change: WordChange, old: bigint): Operation {
  switch (change.kind) {
    case 'set':
      return { op: 'setSecurebits', task: 't1', value: change.value };
    case 'flip':
      return { op: 'setSecurebits', task: 't1', value: old ^ BigInt(change.bits) };
    case 'keepcaps':
      return { op: 'setKeepcaps', task: 't1', value: change.value };
    case 'unshare':
      return { op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] };
  }
}

function keepsLocks(old: bigint, next: bigint): boolean {
  const locks = old & 0xaaan;
  const locked = locks | (locks >> 1n);
  return (old & locked & ~locks) === (next & locked & ~locks) && (next & locks) === locks;
}

function wordProperty(
  id: string,
  sentence: string,
  change: fc.Arbitrary<WordChange>,
  holds: (old: bigint, next: bigint) => boolean,
): Property {
  return defineProperty({
    id,
    sentence,
    coverage: { changed: 5, kept: 20 },
    of: (model, revision, base, labels) =>
      fc.property(
        setups(featuresOf(base)),
        fc.array(change, { minLength: 1, maxLength: 8, size: 'max' }),
        (setup, changes) => {
          follow(model, revision, setup, changes, (old, next) => {
            labels.count([old === next ? 'kept' : 'changed']);
            if (holds(old, next)) return undefined;
            return `0x${old.toString(16)} became 0x${next.toString(16)}`;
          });
        },
      ),
  });
}

const locksHold = wordProperty(
  'securebits.locks-hold',
  'inside one user namespace a locked bit and its lock never change (I6)',
  wordChange,
  keepsLocks,
);

const knownBits = wordProperty(
  'securebits.known-bits',
  'no word has a bit outside of 0xfff (I7)',
  fc.oneof({ weight: 8, arbitrary: wordChange }, { weight: 1, arbitrary: unsharing }),
  (_old, next) => (next & ~0xfffn) === 0n,
);

/** Holds for linux-6.18-fixed alone: elsewhere a new user namespace resets the word. */
export const locksSurvive: Property = wordProperty(
  'securebits.locks-survive-userns',
  'a locked bit and its lock never change, by a new user namespace neither (I6, false)',
  fc.oneof({ weight: 3, arbitrary: wordChange }, { weight: 1, arbitrary: unsharing }),
  keepsLocks,
);

const closedForm = defineProperty({
  id: 'securebits.closed-form',
  sentence: 'PR_SET_SECUREBITS succeeds exactly where the closed form grants',
  coverage: { granted: 5, refused: 20 },
  of: (model, revision, base, labels) =>
    fc.property(
      setups(featuresOf(base)),
      fc.boolean(),
      securebitsWord(featuresOf(base)),
      fc.array(wordChange, { minLength: 1, maxLength: 6, size: 'max' }),
      (plain, privileged, word, changes) => {
        const setpcap = 1n << 8n;
        const change = (task: TaskSpec): TaskSpec => {
          const set = privileged ? setpcap : 0n;
          const caps = { ...task.caps, effective: set, permitted: set, ambient: 0n };
          return { ...task, securebits: word, caps };
        };
        const setup = { ...plain, tasks: plain.tasks.map(change) };
        follow(model, revision, setup, changes, (old, next, operation, succeeded) => {
          if (operation.op !== 'setSecurebits') return undefined;
          const request = { old: Number(old), asked: operation.value, privileged };
          const granted = securebitsGrants(request, featuresOf(base).execSecurebits);
          labels.count([granted ? 'granted' : 'refused']);
          if (granted !== succeeded) return `${granted ? '' : 'not '}to be granted`;
          return next === (granted ? operation.value : old) ? undefined : 'another word is there';
        });
      },
    ),
});

/** A file without a valid signature under an appraisal policy that writes records. */
const auditType = defineProperty({
  id: 'ima.audit-type',
  sentence: "a failed appraisal is recorded as user space's exactly where a check caused it (B1)",
  coverage: { recorded: 5 },
  of: (model, revision, base, labels) =>
    fc.property(
      situations(base),
      fc.boolean(),
      fc.boolean(),
      mode,
      (situation, isCheck, enforce, bits) => {
        const file: NodeSpec = {
          kind: 'file',
          path: '/unsigned',
          mode: bits | 0o111,
          uid: 0,
          gid: 0,
          content: { kind: 'elf', program: 'exit', exitCode: 1 },
        };
        const setup: Setup = {
          ...situation.setup,
          nodes: [...situation.setup.nodes, file],
          audit: true,
          ima: {
            mode: enforce ? 'enforce' : 'log',
            functions: ['BPRM_CHECK'],
            unsigned: ['/unsigned'],
          },
        };
        const scene = Scene.arrive(model, revision, base, { ...situation, setup }, 'nothing');
        const call = {
          ...scene.call,
          dirfd: AT_FDCWD,
          path: { kind: 'text', text: '/unsigned' },
          flags: 0,
        } as const;
        if (scene.task === INIT) return;
        const flags = isCheck ? AT_EXECVE_CHECK : 0;
        const answer = scene.perform({ op: 'execveat', task: scene.task, ...call, flags });
        const { outcome } = answer;
        const records = 'audit' in outcome ? (outcome.audit ?? []) : [];
        const types = records
          .map(({ type }) => type)
          .filter((type) => type.startsWith('INTEGRITY'));
        labels.count([types.length > 0 ? 'recorded' : resultOf(answer)]);
        const wrong = isCheck ? 'INTEGRITY_DATA' : 'INTEGRITY_USERSPACE';
        if (types.includes(wrong)) scene.violated(`recorded as ${wrong}`, answer);
      },
    ),
});

/** eventfd and its kin: nobody makes them executable, and nobody changes them for others. */
const anonymousInode = defineProperty({
  id: 'exec.anonymous-inode',
  sentence: 'no anonymous inode is ever executable, whatever somebody does to its mode (B4)',
  coverage: { 'EACCES EOPNOTSUPP': 30 },
  of: (model, revision, base, labels) =>
    fc.property(
      situations(base),
      fc.constantFrom('eventfd', 'timerfd', 'signalfd', 'epoll', 'inotify', 'pidfd' as const),
      mode,
      (situation, kind, bits) => {
        const scene = Scene.arrive(model, revision, base, situation, 'nothing');
        const made = scene.perform({ op: 'anonymous', task: INIT, fd: 3, kind });
        const chmod = scene.perform({ op: 'fchmod', task: INIT, fd: 3, mode: bits }, made.state);
        const own = scene.perform(
          { op: 'anonymous', task: scene.task, fd: 4, kind: 'eventfd' },
          chmod.state,
        );
        const empty = { kind: 'text', text: '' } as const;
        const check = scene.check(own.state, {
          ...scene.call,
          dirfd: 4,
          path: empty,
          flags: 0x1000,
        });
        const result = resultOf(check);
        labels.count([`${result} ${resultOf(chmod)}`]);
        if (result !== 'EACCES' && result !== 'EAGAIN') {
          scene.violated(`an eventfd answers ${result}`, made, chmod, own, check);
        }
      },
    ),
});

export const POLICIES: readonly Property[] = [
  moreBitsAllowLess,
  postedIsStricter,
  locksHold,
  knownBits,
  closedForm,
  auditType,
];

/** Promised since Linux 6.16 only. */
export const ANONYMOUS: readonly Property[] = [anonymousInode];
