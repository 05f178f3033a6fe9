// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bpfCfi,
  execute,
  executed,
  REVISIONS,
  scenario,
  TRACING_KINDS,
  type Operation,
  type Outcome,
  type Setup,
  type Sight,
} from '@kernel-models/bpf-cfi';
import { canonicalJson } from '@kernel-models/model-core';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { boots, setups } from './arbitraries.ts';
import { ReferenceTracing, type TracedFunction } from './reference-tracing.ts';

const model = covered(bpfCfi);
const real = REVISIONS.filter(({ id }) => !id.startsWith('bug:')).map(({ id }) => id);

const PAIR = 'struct pair { long a, b; };';

/** Functions whose arguments lie everywhere that arguments can lie. */
const FUNCTIONS: readonly TracedFunction[] = [
  {
    source: 'int bpf_fentry_test1(int a)',
    ...{ slots: 1, returns: true, modifiable: true, sleepable: true },
  },
  { source: 'void nothing(void)', slots: 0, returns: false },
  {
    source: 'u64 bpf_fentry_test5(u64 a, void *b, short c, int d, u64 e)',
    slots: 5,
    returns: true,
  },
  {
    source: 'int bpf_modify_return_test2(int a, int *b, short c, int d, void *e, char f, int g)',
    ...{ slots: 7, short: 6, returns: true, modifiable: true },
  },
  {
    source: 'int security_seven(long, long, long, long, long, long, long)',
    ...{ slots: 7, returns: true, modifiable: true },
  },
  {
    source: `${PAIR} int security_pairs(long, long, long, long, long, struct pair, long, u8)`,
    ...{ slots: 9, returns: true, modifiable: true },
  },
  {
    source: `${PAIR} long security_short(struct pair, struct pair, struct pair, enum kind)`,
    ...{ slots: 7, short: 6, returns: true, modifiable: true },
  },
  {
    source: `void security_twelve(${Array.from({ length: 12 }, () => 'long').join()})`,
    ...{ slots: 12, returns: false, modifiable: true },
  },
  {
    source: `${PAIR} int security_seven_pairs(${Array.from({ length: 7 }, () => 'struct pair').join()})`,
    ...{ slots: 14, returns: true, modifiable: true },
  },
  { source: 'int _printk(const char *, ...)', slots: 1, returns: true, opaque: true },
];

const programs = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const functions = fc.constantFrom(...FUNCTIONS);
const words = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, (1n << 64n) - 1n),
);
const sights: fc.Arbitrary<Sight> = fc.oneof(
  fc.constantFrom<Sight>({ kind: 'count' }, { kind: 'address' }, { kind: 'cookie' }),
  { weight: 3, arbitrary: fc.nat({ max: 8 }).map((index): Sight => ({ kind: 'argument', index })) },
  fc.constantFrom(11, 12).map((index): Sight => ({ kind: 'argument', index })),
);

interface Step {
  readonly operation: Operation;
  readonly target: TracedFunction;
}

const attachments: fc.Arbitrary<Step> = fc
  .record({
    target: functions,
    program: programs,
    kind: fc.constantFrom(...TRACING_KINDS),
    sees: sights,
    returns: fc.constantFrom(0, 0, 0, 0, 1, 0xffff_ffff),
    sleepable: fc.constantFrom(false, false, true),
    cookie: words,
  })
  .map(({ target, ...fields }) => ({
    target,
    operation: { op: 'attach', function: target.source, ...fields },
  }));

/** Where programs pile up on one function, which is called now and then. */
function histories(target: TracedFunction): fc.Arbitrary<readonly Step[]> {
  const own = attachments.map((step): Step => ({
    target,
    operation: { ...step.operation, function: target.source } as Operation,
  }));
  const calls = fc
    .tuple(
      fc.array(words, { minLength: target.slots, maxLength: target.slots }),
      fc.constantFrom(target.source, target.source, target.source, 'void other(int *)'),
    )
    .map(([args, site]): Step => ({
      target,
      operation: { op: 'callTraced', site, function: target.source, arguments: args },
    }));
  const others = fc.oneof(
    programs.map((program): Step => ({ target, operation: { op: 'detach', program } })),
    programs.map((program): Step => ({ target, operation: { op: 'testRunTracing', program } })),
    fc.constant<Step>({ target, operation: { op: 'tracer', function: target.source } }),
    fc.constant<Step>({
      target,
      operation: {
        op: 'callTraced',
        site: 'int f(void)',
        function: target.source,
        arguments: [1n],
      },
    }),
  );
  const steps = fc.oneof(
    { weight: 6, arbitrary: own },
    attachments,
    { weight: 4, arbitrary: calls },
    others,
  );
  return fc.array(steps, { minLength: 3, maxLength: 14, size: 'max' });
}

const tracedLives = fc
  .record({ setup: setups, boot: boots, target: functions })
  .chain(({ setup, boot, target }) => histories(target).map((steps) => ({ setup, boot, steps })));

function wordOf(outcome: Outcome): string {
  if (outcome.kind === 'errno') return outcome.errno;
  return outcome.kind === 'value' ? 'ok' : outcome.kind;
}

/** What the reference says of an operation; undefined where it says nothing. */
function expectedOf(
  reference: ReferenceTracing,
  { operation, target }: Step,
  outcome: Outcome,
): readonly [expected: string, found: string] | undefined {
  switch (operation.op) {
    case 'attach':
      return [reference.attach(operation, target), wordOf(outcome)];
    case 'detach':
      return [reference.detach(operation.program), wordOf(outcome)];
    case 'callTraced': {
      // A call that CFI stops, or whose arguments are not the function's, reaches nobody.
      if (outcome.kind !== 'traced') return undefined;
      const { value, seen } = reference.call(target, operation.arguments);
      const shown = target.returns ? `0x${value.toString(16)}` : null;
      const list = seen.map((one) => `${one.program} ${one.value}`);
      const found = outcome.seen.map((one) => `${one.program} ${one.value}`);
      const result = outcome.value === null ? null : `0x${outcome.value.toString(16)}`;
      return [canonicalJson([shown, ...list]), canonicalJson([result, ...found])];
    }
    default:
      return undefined;
  }
}

test('a traced call is what a naive reference says, decided and executed', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'bpf-cfi: traced calls',
    fc.property(tracedLives, fc.constantFrom(...real), ({ setup, boot, steps }, revision) => {
      const reference = new ReferenceTracing();
      let { state } = model.apply(model.initial(setup), boot, revision);
      for (const step of steps) {
        const { operation } = step;
        const { outcome, state: after } = model.apply(state, operation, revision);
        const both = expectedOf(reference, step, outcome);
        if (both !== undefined && both[0] !== both[1]) {
          throw new Error(`${canonicalJson(operation)}: expected ${both[0]}, got ${both[1]}`);
        }
        const run = executed(state, operation, revision);
        if (run !== undefined && canonicalJson(run) !== canonicalJson(outcome)) {
          throw new Error(`${canonicalJson(operation)}: ${canonicalJson([outcome, run])}`);
        }
        const made = scenario(state, operation, revision);
        if (made !== undefined && outcome.kind === 'traced' && !execute(made).balanced) {
          throw new Error(`${canonicalJson(operation)}: rsp, rbp or rbx is lost`);
        }
        const several = outcome.kind === 'traced' && outcome.seen.length > 1;
        labels.count([`${operation.op} ${wordOf(outcome)}`, ...(several ? ['several'] : [])]);
        state = after;
      }
    }),
    { runs: 250 },
  );
  labels.require({
    ...{ 'attach ok': 10, 'attach EINVAL': 3, 'attach EACCES': 1, 'attach ENOTSUPP': 0.2 },
    ...{
      'callTraced traced': 5,
      'callTraced trapped': 1,
      several: 0.5,
      'testRunTracing traced': 0.1,
    },
  });
});

const PLAIN: Setup = {
  ...{ cfi: true, autoDefault: false, fineibt: true, bhi: false, ibt: true, padding: true },
  ...{ alignment: 16, permissive: false, retpoline: false, returnThunk: false, sls: false },
  cpu: { ibt: true, fred: false },
};

test('a function has 38 programs of all kinds, and no more', () => {
  let { state } = model.apply(model.initial(PLAIN), { op: 'boot', seed: 0 }, 'linux-6.12');
  const outcomes = Array.from({ length: 39 }, (_, index) => {
    const step = model.apply(
      state,
      {
        ...{ op: 'attach', program: `p${index}`, kind: TRACING_KINDS[index % 3] ?? 'fentry' },
        ...{ function: 'int bpf_fentry_test1(int a)', sees: { kind: 'count' }, returns: 0 },
        ...{ sleepable: false, cookie: 0n },
      },
      'linux-6.12',
    );
    ({ state } = step);
    return wordOf(step.outcome);
  });
  expect(outcomes.slice(0, 38).every((word) => word === 'ok')).toBe(true);
  expect(outcomes.at(-1)).toBe('E2BIG');
});

test('a test run ends where a test function returns what it should not', () => {
  const source = 'int bpf_fentry_test1(int a)';
  let { state } = model.apply(model.initial(PLAIN), { op: 'boot', seed: 0 }, 'linux-6.12');
  const attach = (program: string, kind: 'fmod_ret' | 'fexit', returns: number): void => {
    const sees = { kind: 'count' } as const;
    const fields = { function: source, sees, returns, sleepable: false, cookie: 0n };
    ({ state } = model.apply(state, { op: 'attach', program, kind, ...fields }, 'linux-6.12'));
  };
  const run = (program: string): Outcome =>
    model.apply(state, { op: 'testRunTracing', program }, 'linux-6.12').outcome;
  attach('a', 'fexit', 0);
  expect(run('a')).toMatchObject({ kind: 'traced', value: 0n });
  attach('b', 'fmod_ret', 7);
  expect(run('a')).toEqual({ kind: 'errno', errno: 'EFAULT' });
  // A run of the other program calls other functions.
  expect(run('b')).toMatchObject({ kind: 'traced', seen: [] });
});
