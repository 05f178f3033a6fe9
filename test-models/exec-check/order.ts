// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { Errno } from '@kernel-models/model-core';
import {
  AT_EXECVE_CHECK,
  AT_FDCWD,
  featuresOf,
  INIT,
  plainTask,
  type ExecveatArguments,
  type Features,
  type NodeSpec,
  type Operation,
  type Setup,
  type TaskSpec,
} from '@kernel-models/exec-check';
import { defineProperty, type Property } from './property.ts';
import { show, Violation } from './violation.ts';

/*
 * I8: the first failing step gives the errno. Every pair of steps is made to fail at once, and the
 * earlier one must decide, whatever the later one is.
 */

/** Everything that one call needs, and what faults do to it. */
export interface Plan {
  setup: Setup;
  before: Operation[];
  call: ExecveatArguments;
}

export interface Fault {
  readonly step: Step;
  readonly name: string;
  readonly errno: Errno;
  inject(plan: Plan): Plan;
}

export type Step =
  'path' | 'processes' | 'flags' | 'walk' | 'file' | 'security' | 'busy' | 'arguments' | 'hook';

/** The steps in the order of the revision. */
function stepsOf(features: Features): readonly Step[] {
  const file: Step[] = ['flags', 'walk', 'file', 'security', 'busy'];
  return features.argvBeforeFile
    ? ['path', 'processes', 'arguments', ...file, 'hook']
    : ['path', 'processes', ...file, 'arguments', 'hook'];
}

const USER = 1000;
const TARGET = '/e/f';

/** A program of root's that a user can run. */
export function plain(): Plan {
  const file: NodeSpec = {
    kind: 'file',
    path: TARGET,
    mode: 0o755,
    uid: 0,
    gid: 0,
    content: { kind: 'elf', program: 'exit', exitCode: 42 },
  };
  const task = plainTask('t1', USER, { noNewPrivs: true });
  return {
    setup: { mounts: [{ kind: 'tmpfs', at: '/e', flags: [] }], nodes: [file], tasks: [task] },
    before: [],
    call: {
      dirfd: AT_FDCWD,
      path: { kind: 'text', text: TARGET },
      flags: 0,
      argv: { kind: 'list', strings: [{ kind: 'text', text: 'f' }] },
      envp: { kind: 'null' },
    },
  };
}

function withCall(plan: Plan, change: Partial<ExecveatArguments>): Plan {
  return { ...plan, call: { ...plan.call, ...change } };
}

function withTask(plan: Plan, change: (task: TaskSpec) => TaskSpec): Plan {
  return { ...plan, setup: { ...plan.setup, tasks: plan.setup.tasks.map(change) } };
}

function withOperations(plan: Plan, ...operations: readonly Operation[]): Plan {
  return { ...plan, before: [...plan.before, ...operations] };
}

function fault(step: Step, name: string, errno: Errno, inject: Fault['inject']): Fault {
  return { step, name, errno, inject };
}

const chmodTarget = (plan: Plan, mode: number): Plan =>
  withOperations(plan, { op: 'chmod', task: INIT, path: TARGET, mode });

/** Every way to fail, at every step. */
export const FAULTS: readonly Fault[] = [
  fault('path', 'null', 'EFAULT', (plan) => withCall(plan, { path: { kind: 'null' } })),
  fault('path', 'bad pointer', 'EFAULT', (plan) => withCall(plan, { path: { kind: 'bad' } })),
  fault('path', 'empty', 'ENOENT', (plan) =>
    withCall(plan, { path: { kind: 'text', text: '' }, flags: plan.call.flags & ~0x1000 }),
  ),
  fault('path', 'too long', 'ENAMETOOLONG', (plan) =>
    withCall(plan, { path: { kind: 'text', text: 'x'.repeat(4096) } }),
  ),
  fault('processes', 'one too many', 'EAGAIN', (plan) => {
    const sleeping = { ...plan.setup, processes: [{ uid: USER, count: 2 }] };
    const asRoot = withTask({ ...plan, setup: sleeping }, (task) => ({
      ...task,
      ...{ ruid: 0, euid: 0, suid: 0, fsuid: 0 },
      nprocLimit: 1n,
    }));
    const ids = { ruid: USER, euid: USER, suid: USER } as const;
    return {
      ...asRoot,
      setup: {
        ...asRoot.setup,
        tasks: asRoot.setup.tasks.map((task) => ({
          ...task,
          caps: { ...task.caps, effective: 1n << 7n, permitted: 1n << 7n },
        })),
      },
      before: [{ op: 'setresuid', task: 't1', ...ids }, ...asRoot.before],
    };
  }),
  fault('flags', 'unknown bit', 'EINVAL', (plan) =>
    withCall(plan, { flags: plan.call.flags | 0x400 }),
  ),
  fault('flags', 'bit 31', 'EINVAL', (plan) =>
    withCall(plan, { flags: (plan.call.flags | 0x8000_0000) >>> 0 }),
  ),
  fault('walk', 'missing', 'ENOENT', (plan) =>
    withCall(plan, { path: { kind: 'text', text: '/e/missing' } }),
  ),
  fault('walk', 'bad descriptor', 'EBADF', (plan) =>
    withCall(plan, { dirfd: -5, path: { kind: 'text', text: 'f' } }),
  ),
  fault('walk', 'not a directory', 'ENOTDIR', (plan) =>
    withCall(plan, { path: { kind: 'text', text: `${TARGET}/x` } }),
  ),
  fault('file', 'a directory', 'EACCES', (plan) =>
    withCall(plan, { path: { kind: 'text', text: '/e' } }),
  ),
  fault('file', 'no permission', 'EACCES', (plan) => chmodTarget(plan, 0o644)),
  fault('file', 'noexec', 'EACCES', (plan) =>
    withOperations(plan, { op: 'remount', task: INIT, path: '/e', flags: ['noexec'] }),
  ),
  fault('security', 'a module', 'EKEYREJECTED', (plan) => ({
    ...plan,
    setup: {
      ...plan.setup,
      lsm: [
        ...(plan.setup.lsm ?? []),
        { hook: 'fileOpen', path: TARGET, task: 't1', errno: 'EKEYREJECTED' },
      ],
    },
  })),
  fault('security', 'a listener', 'EPERM', (plan) =>
    withOperations(
      plan,
      { op: 'fanotifyInit', task: INIT, group: 1, class: 'FAN_CLASS_CONTENT', answer: 'FAN_DENY' },
      {
        op: 'fanotifyMark',
        task: INIT,
        group: 1,
        scope: 'inode',
        mask: ['FAN_OPEN_EXEC_PERM'],
        path: TARGET,
      },
    ),
  ),
  fault('busy', 'a writer', 'ETXTBSY', (plan) =>
    withOperations(plan, { op: 'open', task: INIT, fd: 3, path: TARGET, flags: ['O_WRONLY'] }),
  ),
  fault('arguments', 'argv pointer', 'EFAULT', (plan) => withCall(plan, { argv: { kind: 'bad' } })),
  fault('arguments', 'too large', 'E2BIG', (plan) =>
    withCall(plan, {
      envp: { kind: 'list', strings: [{ kind: 'fill', size: 131_072, count: 1 }] },
    }),
  ),
  fault('hook', 'a module', 'EDQUOT', (plan) => ({
    ...plan,
    setup: {
      ...plan.setup,
      lsm: [...(plan.setup.lsm ?? []), { hook: 'bprmCredsForExec', task: 't1', errno: 'EDQUOT' }],
    },
  })),
];

/** Two faults that cannot be had at once: both need the path. */
function exclude(one: Fault, other: Fault): boolean {
  const usesPath = (each: Fault): boolean =>
    each.step === 'path' || each.step === 'walk' || each.name === 'a directory';
  return usesPath(one) && usesPath(other);
}

/** Every ordered pair of faults at different steps that can be had at once. */
export function faultPairs(features: Features): readonly (readonly [Fault, Fault])[] {
  const steps = stepsOf(features);
  return FAULTS.flatMap((one) =>
    FAULTS.filter(
      (other) => steps.indexOf(one.step) < steps.indexOf(other.step) && !exclude(one, other),
    ).map((other) => [one, other] as const),
  );
}

const earlierWins = defineProperty({
  id: 'check.first-failing-step',
  sentence: 'of two faults the one of the earlier step gives the errno (I8)',
  runs: 1000,
  coverage: { path: 5, processes: 5, flags: 5, walk: 3, file: 3, security: 1, busy: 0.2 },
  of: (model, revision, base, labels) =>
    fc.property(
      fc.constantFrom(...faultPairs(featuresOf(base))),
      fc.boolean(),
      fc.boolean(),
      ([early, late], isCheck, swapped) => {
        const wanted = isCheck && featuresOf(base).checkFlag ? AT_EXECVE_CHECK : 0;
        const order = swapped ? [late, early] : [early, late];
        let plan = withCall(plain(), { flags: wanted });
        for (const each of order) plan = each.inject(plan);
        labels.count([early.step]);
        let state = model.initial(plan.setup);
        const operation: Operation = { op: 'execveat', task: 't1', ...plan.call };
        for (const each of plan.before) state = model.apply(state, each, revision).state;
        const { outcome, rule } = model.apply(state, operation, revision);
        if (outcome.kind !== 'errno' || outcome.errno !== early.errno) {
          throw new Violation(
            `${early.step} (${early.name}) and ${late.step} (${late.name}) fail: ${show(outcome)}`,
            { revision, setup: plan.setup, operations: [...plan.before, operation], rule },
          );
        }
      },
    ),
});

export const ORDER: readonly Property[] = [earlierWins];
