// SPDX-License-Identifier: MIT
import {
  CAP_SETPCAP,
  securebitsModel,
  plainTask,
  type Operation,
  type Outcome,
  type SecurebitsOperation,
  type SecurebitsOutcome,
  type SecurebitsSetup,
  type SecurebitsState,
  type Setup,
} from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import type { Subsystem } from '../subsystem.ts';
import { runCases, TargetError, type Answer, type Case, type Target } from '../target.ts';
import { execCheckTargets } from './targets.ts';
import { SECUREBITS_WORLDS } from './worlds.ts';

type SecurebitsCase = Case<SecurebitsSetup, SecurebitsOperation>;

/**
 * The securebits of one thread, as the oracle holds them against kernels: with exec-check's probe.
 */
export const securebitsSubsystem: Subsystem<
  SecurebitsState,
  SecurebitsOperation,
  SecurebitsOutcome,
  SecurebitsSetup
> = {
  model: securebitsModel,
  title: 'the securebits word of one thread: prctl(2), fork, user namespaces',
  defaultRevision: 'linux-6.18',
  cases: securebitsCases,
  isExecutable,
  targets: (options) => execCheckTargets(options).map(securebitsTarget),
  explorations: SECUREBITS_WORLDS,
};

/** User namespaces that a thread can make one in another: nobody writes the maps of the second. */
const MOST_NAMESPACES = 2;

/** A real exec ends the task: what the word is after it, nobody could be asked. */
function isExecutable({ operations }: SecurebitsCase): boolean {
  const namespaces = operations.filter(({ op }) => op === 'unshareUser').length;
  return namespaces <= MOST_NAMESPACES && operations.every(({ op }) => op !== 'exec');
}

/** Words that every kernel knows, so that the same cases can be put to all of them. */
const initialWord: Arbitrary<number> = fc.integer({ min: 0, max: 0xff });

function securebitsCases(): Arbitrary<SecurebitsCase> {
  const operation = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constant('set' as const),
        value: fc.oneof(
          fc.integer({ min: 0, max: 0xf }).map((bits) => bits << 8),
          fc.integer({ min: 0, max: 0xfff }),
          fc.integer({ min: 0, max: 31 }).map((bit) => 2 ** bit),
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom<SecurebitsOperation>(
        { op: 'get' },
        { op: 'fork' },
        { op: 'unshareUser' },
        { op: 'dropSetpcap' },
      ),
    },
  );
  return fc
    .record({
      setup: fc.record({ securebits: initialWord, setpcap: fc.boolean() }),
      operations: fc.array(operation, { minLength: 1, maxLength: 12, size: 'max' }),
    })
    .filter(isExecutable);
}

/** Puts securebits cases to a target of exec-check: a thread is a task, its child the next one. */
export function securebitsTarget(
  target: Target<Setup, Operation, Outcome>,
): Target<SecurebitsSetup, SecurebitsOperation, SecurebitsOutcome> {
  const runBatch = async function* (
    cases: Iterable<SecurebitsCase>,
  ): AsyncGenerator<Answer<SecurebitsOutcome>> {
    for await (const { outcomes, ...rest } of runCases(target, [...cases].map(toExecCheck))) {
      yield { ...rest, outcomes: outcomes.map(toSecurebitsOutcome) };
    }
  };
  return {
    name: target.name,
    models: [securebitsModel.name],
    touches: target.touches,
    // Its worlds, where it had some, would be exec-check's.
    available: async () => {
      const availability = await target.available();
      if (!availability.ok) return availability;
      const { source, revision } = availability;
      return { ok: true, source, revision };
    },
    runBatch,
    run: async function* (setup, operations) {
      for await (const { outcomes, failure } of runBatch([{ setup, operations }])) {
        yield* outcomes;
        if (failure !== undefined) throw new TargetError(failure);
      }
    },
    close: () => target.close(),
  };
}

/** Root is root inside too: who is nobody there cannot make a further namespace. */
const ROOT_MAP = [{ inside: 0, outside: 0, count: 1 }];

function toExecCheck({ setup, operations }: SecurebitsCase): Case<Setup, Operation> {
  const held = setup.setpcap ? CAP_SETPCAP : 0n;
  const caps = { effective: held, permitted: held, inheritable: 0n, bounding: held, ambient: 0n };
  let task = 't0';
  const translated: Operation[] = [];
  for (const [index, operation] of operations.entries()) {
    const child = `t${index + 1}`;
    translated.push(translate(operation, task, child));
    if (operation.op === 'fork') task = child;
  }
  return {
    setup: {
      mounts: [],
      nodes: [],
      tasks: [plainTask('t0', 0, { caps, securebits: setup.securebits })],
    },
    operations: translated,
  };
}

function translate(operation: SecurebitsOperation, task: string, child: string): Operation {
  switch (operation.op) {
    case 'set':
      return { op: 'setSecurebits', task, value: BigInt(operation.value) };
    case 'get':
      return { op: 'getSecurebits', task };
    case 'fork':
      return { op: 'fork', task, child };
    case 'unshareUser':
      return { op: 'unshareUser', task, uidMap: ROOT_MAP, gidMap: ROOT_MAP };
    case 'dropSetpcap':
      return { op: 'capset', task, effective: 0n, permitted: 0n, inheritable: 0n };
    case 'exec':
      throw new TargetError('exec: a task that was asked to execute cannot be asked again');
  }
}

function toSecurebitsOutcome(outcome: Outcome): SecurebitsOutcome {
  if (outcome.kind === 'value') return { kind: 'value', value: Number(outcome.value) };
  if (outcome.kind === 'errno' && outcome.errno === 'EPERM')
    return { kind: 'errno', errno: 'EPERM' };
  throw new TargetError(
    `securebits: expected a value or EPERM, got ${JSON.stringify(outcome.kind)}`,
  );
}
