// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bpfCfi, executed, type Operation, type Setup } from '@kernel-models/bpf-cfi';
import { canonicalJson, type RevisionId } from '@kernel-models/model-core';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';

const model = covered(bpfCfi);

/** Debian's Linux 6.12.117 as it boots under qemu. */
const SETUP: Setup = {
  ...{ cfi: false, padding: false, ibt: true, retpoline: false, autoDefault: false },
  ...{
    fineibt: false,
    bhi: false,
    alignment: 16,
    permissive: false,
    returnThunk: false,
    sls: false,
  },
  cpu: { ibt: false, fred: false },
};

function load(program: string, kind: 'constant' | 'calls' | 'tailCall', value: number): Operation {
  return { op: 'load', program, kind: 'main', body: { kind, value } };
}

function tailSet(program: string, target: string | null): Operation {
  return { op: 'tailSet', program, target };
}

function outcomesOf(revision: RevisionId, list: readonly Operation[]): readonly string[] {
  let { state } = model.apply(model.initial(SETUP), { op: 'boot', seed: 0 }, revision);
  return list.map((operation) => {
    const { outcome, rule, state: after } = model.apply(state, operation, revision);
    state = after;
    return outcome.kind === 'image' ? outcome.bytes : `${rule} ${canonicalJson(outcome)}`;
  });
}

describe('a program that makes a tail call', () => {
  const shown = (revision: RevisionId): readonly string[] =>
    outcomesOf(revision, [
      load('t', 'tailCall', 9),
      load('c', 'constant', 2),
      { op: 'image', program: 't' },
      tailSet('t', 'c'),
      { op: 'image', program: 't' },
    ]);
  // PUSH RBP; MOV RBP, RSP; ENDBR64.
  const frame = '554889e5f30f1efa';
  const operands = '48be????????????????31d2';

  test('counts where a pointer leads, since Linux 6.12', () => {
    const [, , empty, , full] = shown('linux-6.12');
    const head = `f30f1efa0f1f4400004831c0${frame}4883f8217706504889e0eb015050${operands}`;
    const compare = '488b85f0ffffff488338217310';
    expect(empty).toBe(`${head}${compare}e90b0000004883000158580f1f440000b809000000c9c3`);
    expect(full).toBe(`${head}${compare}0f1f440000488300015858e9????????b809000000c9c3`);
  });

  test('counts in EAX before', () => {
    const [, , empty, , full] = shown('linux-6.10');
    const head = `f30f1efa0f1f44000031c0${frame}50${operands}`;
    const compare = '8b85fcffffff83f821731483c0018985fcffffff';
    expect(empty).toBe(`${head}${compare}e906000000580f1f440000b809000000c9c3`);
    expect(full).toBe(`${head}${compare}0f1f44000058e9????????b809000000c9c3`);
  });

  test('jumps 33 times at most', () => {
    const run: Operation = { op: 'dispatch', program: 'a' };
    const list = [load('a', 'tailCall', 1), load('b', 'tailCall', 2), tailSet('a', 'b')];
    const [, , , , there] = outcomesOf('linux-6.12', [...list, tailSet('b', 'a'), run]);
    // An odd number of jumps ends in the other one.
    expect(there).toContain('"value":"0x2"');
    const [, , , self] = outcomesOf('linux-6.12', [...list.slice(0, 2), tailSet('a', 'a'), run]);
    expect(self).toContain('"value":"0x1"');
  });

  test('jumps into its own kind alone, and holds what it jumps into', () => {
    const list: readonly Operation[] = [
      load('t', 'tailCall', 1),
      tailSet('t', null),
      {
        ...{ op: 'load', program: 's', kind: 'struct_ops', struct: 'bpf_dummy_ops' },
        ...{ member: 'test_1', body: { kind: 'constant', value: 1 } },
      },
      tailSet('t', 's'),
      load('c', 'constant', 5),
      tailSet('t', 'c'),
      { op: 'unload', program: 'c' },
      { op: 'dispatch', program: 't' },
      tailSet('t', null),
      { op: 'dispatch', program: 't' },
    ];
    expect(outcomesOf('linux-6.12', list).map((word) => word.split(' ')[0])).toEqual([
      ...['load.done', 'tail.empty', 'load.done', 'tail.incompatible', 'load.done', 'tail.set'],
      ...['unload.kept', 'call.unchecked', 'tail.cleared', 'call.unchecked'],
    ]);
  });
});

test('a subprogram has an image of its own, with the hash of a callback', () => {
  const setup: Setup = { ...SETUP, cfi: true, padding: true, fineibt: true };
  let state = model.initial(setup);
  const shown = (part?: 'subprogram'): string => {
    const step = model.apply(state, { op: 'text', program: 'c', part }, 'linux-6.12');
    return step.outcome.kind === 'image' ? step.outcome.bytes : step.outcome.kind;
  };
  for (const operation of [
    { op: 'boot', cfi: 'norand', seed: 0 } as const,
    load('c', 'calls', 7),
  ]) {
    ({ state } = model.apply(state, operation, 'linux-6.12'));
  }
  const rest = 'f30f1efa0f1f4400000f1f00554889e5f30f1efa';
  expect(shown()).toBe(`b8811842d9${'90'.repeat(11)}${rest}e8????????c9c3`);
  expect(shown('subprogram')).toBe(`b8a909479e${'90'.repeat(11)}${rest}b807000000c9c3`);
});

const names = fc.constantFrom('a', 'b', 'c', 'd');
const PRELUDE: readonly Operation[] = [
  load('a', 'tailCall', 1),
  load('b', 'tailCall', 2),
  load('c', 'calls', 3),
];

const steps: fc.Arbitrary<Operation> = fc.oneof(
  fc
    .tuple(names, fc.constantFrom('constant', 'calls', 'tailCall', 'tailCall'), fc.nat({ max: 3 }))
    .map(([program, kind, value]) => load(program, kind, value)),
  {
    weight: 2,
    arbitrary: fc
      .tuple(names, fc.oneof({ weight: 6, arbitrary: names }, fc.constant(null)))
      .map(([program, target]) => tailSet(program, target)),
  },
  names.map((program): Operation => ({ op: 'unload', program })),
  { weight: 3, arbitrary: names.map((program): Operation => ({ op: 'dispatch', program })) },
);

/** Programs and slots, told again: who is in whose slot, and what would come back. */
class ReferenceTails {
  readonly #values = new Map<string, number>();
  readonly #slots = new Map<string, string | null>();
  readonly #open = new Set<string>();

  /** A word for what an operation comes to; undefined for what is told elsewhere. */
  answer(operation: Operation): string | undefined {
    switch (operation.op) {
      case 'load':
        if (this.#open.has(operation.program) || this.#isHeld(operation.program)) return 'no';
        if (!('value' in operation.body)) return undefined;
        this.#open.add(operation.program);
        this.#values.set(operation.program, operation.body.value);
        this.#slots.delete(operation.program);
        if (operation.body.kind === 'tailCall') this.#slots.set(operation.program, null);
        return 'done';
      case 'unload':
        if (!this.#open.delete(operation.program)) return 'no';
        if (this.#slots.has(operation.program)) this.#slots.set(operation.program, null);
        return 'done';
      case 'tailSet':
        return this.#set(operation.program, operation.target);
      case 'dispatch':
        return this.#open.has(operation.program) ? this.#run(operation.program) : undefined;
      default:
        return undefined;
    }
  }

  #isHeld(program: string): boolean {
    return [...this.#slots.values()].includes(program);
  }

  #set(program: string, target: string | null): string {
    if (!this.#open.has(program) || !this.#slots.has(program)) return 'no';
    if (target === null && this.#slots.get(program) === null) return 'ENOENT';
    if (target !== null && !this.#open.has(target)) return 'no';
    this.#slots.set(program, target);
    return 'done';
  }

  #run(program: string): string {
    let at = program;
    for (let jumps = 33; jumps > 0; jumps -= 1) at = this.#slots.get(at) ?? at;
    // Who jumps into itself stays where it is, however often.
    return String(this.#values.get(at));
  }
}

test('programs jump where an array of slots says, decided and executed', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'bpf-cfi: tail calls',
    fc.property(
      fc.array(steps, { minLength: 6, maxLength: 24, size: 'max' }),
      fc.constantFrom('linux-6.7', 'linux-6.10', 'linux-6.12', 'linux-6.18'),
      (list, revision) => {
        const reference = new ReferenceTails();
        let { state } = model.apply(model.initial(SETUP), { op: 'boot', seed: 0 }, revision);
        for (const operation of [...PRELUDE, ...list]) {
          const expected = reference.answer(operation);
          const { outcome, state: after } = model.apply(state, operation, revision);
          const run = executed(state, operation, revision) ?? outcome;
          for (const one of [outcome, run]) {
            const found =
              one.kind === 'returned'
                ? String(one.value)
                : one.kind === 'errno'
                  ? one.errno
                  : one.kind === 'value'
                    ? 'done'
                    : 'no';
            labels.count([`${operation.op} ${found}`]);
            if (expected !== undefined && found !== expected) {
              throw new Error(`${canonicalJson(operation)}: ${found}, expected ${expected}`);
            }
          }
          state = after;
        }
      },
    ),
    { runs: 300 },
  );
  labels.require({ 'tailSet done': 2, 'dispatch 1': 1, 'dispatch 3': 1, 'tailSet ENOENT': 0.02 });
});
