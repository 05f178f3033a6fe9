// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ARITY_THUNKS,
  bootKernel,
  bpfCfi,
  callSite,
  ENDBR32,
  ENDBR64,
  execute,
  executed,
  featuresOf,
  fromHex,
  functionPreamble,
  isEndbr,
  jitPreamble,
  rehash,
  REVISIONS,
  scenario,
  trace,
  type Operation,
  type Scheme,
  type Setup,
} from '@kernel-models/bpf-cfi';
import { explore, promisedInvariants } from '@kernel-models/model-core';
import { decode } from '@kernel-models/hw-model/instructions';
import { callsWorld, registrationWorld, SCENARIOS } from '@kernel-models/oracle';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { boots, setups } from './arbitraries.ts';
import { PARTICULAR } from './properties.ts';

const model = covered(bpfCfi);
const real = REVISIONS.filter(({ id }) => !id.startsWith('bug:')).map(({ id }) => id);
const revisions = fc.constantFrom(...real);

function schemeFor(setup: Setup, boot: Operation, revision: string): Scheme {
  if (boot.op !== 'boot') throw new Error('expected a boot');
  const features = featuresOf(revision);
  return { setup, boot: bootKernel(setup, boot.cfi, boot.seed, features), features };
}

test('rehashing keeps equality and never spells an ENDBR, whatever hash and seed are', async () => {
  const words = fc.oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.constantFrom(ENDBR64, ENDBR32, -ENDBR64 >>> 0, -ENDBR32 >>> 0, 0x001f0f66, 0xd6401f0f),
  );
  await checkProperty(
    'bpf-cfi.rehash',
    fc.property(words, words, revisions, (target, seed, revision) => {
      const features = featuresOf(revision);
      // Half of the cases are made to hit what is to be avoided.
      for (const hash of [target, (target ^ seed) >>> 0]) {
        const result = rehash(hash, seed, features);
        if (isEndbr(result, features) || isEndbr(-result >>> 0, features)) return false;
      }
      return true;
    }),
    { runs: 3_000 },
  );
});

test('bytes decoded from every offset land on ENDBR64 where it was meant, and nowhere else', async () => {
  await checkProperty(
    'bpf-cfi.landings',
    fc.property(
      setups,
      boots,
      revisions,
      fc.integer({ min: 1, max: 0xffff_ffff }),
      (setup, boot, revision, word) => {
        const scheme = schemeFor(setup, boot, revision);
        const hash = rehash(word, 0, scheme.features);
        const arity = 3;
        const pieces = [
          functionPreamble(scheme, hash, arity, false, 0x1000),
          jitPreamble(scheme, hash, arity, 0x1000),
        ];
        for (const { before, entry } of pieces) {
          const bytes = Uint8Array.from([...before, ...entry, 0x90, 0x90, 0x90, 0x90]);
          // A prefix in front of ENDBR64 makes a longer one of the same end: the same landing.
          const landings = new Set(
            [...bytes.keys()].flatMap((at) => {
              const decoded = decode(bytes, at);
              const lands =
                decoded.kind === 'instruction' && decoded.instruction.mnemonic === 'endbr64';
              return lands ? [at + decoded.instruction.length - 4] : [];
            }),
          );
          const fineibt = scheme.boot.mode === 'FINEIBT' && before.length > 0;
          const expected = fineibt ? [0] : setup.ibt ? [before.length] : [];
          expect([...landings]).toEqual(expected);
        }
        const site = Uint8Array.from(callSite(scheme, hash, 0x2000).bytes);
        expect(
          [...site.keys()].some((at) =>
            isEndbr(
              new DataView(site.buffer).getUint32(Math.min(at, site.length - 4), true),
              scheme.features,
            ),
          ),
        ).toBe(false);
      },
    ),
    { runs: 1_000 },
  );
});

/** Who promises what not every revision does: before Linux 6.8 BPF has no preambles. */
const PROMISED: Readonly<Record<string, readonly string[]>> = {
  'trampoline.arguments-arrive': ['linux-6.18-fixed'],
  'bpf-cfi.one-scheme': real.filter((id) => id !== 'linux-6.7'),
};

test.each(PARTICULAR)('$id holds', async ({ id, property }) => {
  const promised = PROMISED[id] ?? real;
  for (const revision of promised)
    await checkProperty(`${id} on ${revision}`, property(revision), { runs: 60 });
});

test.each(['linux-6.8', 'linux-6.12', 'linux-6.15', 'linux-6.18'])(
  'every build x boot x caller x callee on %s keeps the invariants',
  (revision) => {
    const result = explore(model, {
      revision,
      setups: callsWorld.setups,
      operations: callsWorld.operations,
      depth: 3,
      sometimes: {
        'kCFI enforced': ({ boot }) => boot?.mode === 'KCFI',
        'FineIBT enforced': ({ boot }) => boot?.mode === 'FINEIBT',
      },
      invariants: promisedInvariants(model, revision),
    });
    expect(result.counterexample).toBeUndefined();
    expect([...result.reached].sort()).toEqual(['FineIBT enforced', 'kCFI enforced']);
    expect(result.transitions).toBeGreaterThan(5_000);
  },
);

test('registering, linking and deleting in every order keeps the invariants', () => {
  const result = explore(model, {
    revision: 'linux-6.18-fixed',
    setups: registrationWorld.setups,
    operations: registrationWorld.operations,
    depth: 9,
    maxStates: 20_000,
    sometimes: registrationWorld.sometimes ?? {},
  });
  expect(result.counterexample).toBeUndefined();
  expect([...result.reached].sort()).toEqual(['in use', 'linked', 'to be freed']);
});

test('patching there and back restores, and a wrong belief changes nothing', () => {
  const setup: Setup = SCENARIOS[0]?.setup ?? fail();
  const load: Operation = {
    op: 'load',
    program: 'a',
    kind: 'main',
    body: { kind: 'constant', value: 1 },
  };
  let state = model.initial(setup);
  for (const operation of [{ op: 'boot', cfi: 'fineibt', seed: 1 } as const, load]) {
    ({ state } = model.apply(state, operation, 'linux-6.12'));
  }
  const target = 0xffff_ffff_8100_0000n;
  const poke = (from: bigint | null, to: bigint | null): Operation => ({
    op: 'textPoke',
    program: 'a',
    kind: 'call',
    from,
    to,
  });
  const there = model.apply(state, poke(null, target), 'linux-6.12');
  const back = model.apply(there.state, poke(target, null), 'linux-6.12');
  expect(there.outcome).toEqual({ kind: 'value', value: 0n });
  expect(back.state).toEqual(state);
  const wrong = model.apply(there.state, poke(null, target), 'linux-6.12');
  expect(wrong.outcome).toEqual({ kind: 'errno', errno: 'EBUSY' });
  expect(wrong.state).toBe(there.state);
  expect(model.apply(state, poke(null, null), 'linux-6.12').outcome).toEqual({
    kind: 'value',
    value: 1n,
  });
  expect(model.apply(state, poke(null, 0x1000n), 'linux-6.12').outcome).toEqual({
    kind: 'errno',
    errno: 'ERANGE',
  });
});

describe('a kernel that finds a preamble without a hash', () => {
  const load: Operation = {
    ...{ op: 'load', program: 'a', kind: 'main', body: { kind: 'constant', value: 1 } },
  };
  const wrong: Operation = {
    ...{ op: 'call', site: 'void f(int *)' },
    callee: { prototype: 'int f(int *)', addressTaken: true },
  };
  const dispatch: Operation = { op: 'dispatch', program: 'a' };

  test.each([
    ['kcfi', 'boot.failed', 'call.unchecked', 'call.unchecked'],
    // What the JIT makes begins with poison: reached by a branch that is tracked.
    ['fineibt', 'boot.failed', 'call.unchecked', 'call.missing-endbr'],
    ['fineibt,norand', 'boot.failed', 'call.unchecked', 'call.missing-endbr'],
    // Nothing reads a preamble.
    ['kcfi,norand', 'boot.kcfi', 'call.type-mismatch', 'call.same-type'],
    ['off', 'boot.off', 'call.unchecked', 'call.unchecked'],
  ])('cfi=%s: %s, a wrong call %s, a dispatch %s', (cfi, ...expected) => {
    let state = model.initial(SCENARIOS[0]?.setup ?? fail());
    const boot = { op: 'boot', cfi, seed: 7, wrong: 'preamble' } as const;
    const rules = [boot, load, wrong, dispatch].map((operation) => {
      const step = model.apply(state, operation, 'linux-6.12');
      const run = executed(state, operation, 'linux-6.12');
      if (run !== undefined) expect(run).toEqual(step.outcome);
      ({ state } = step);
      return step.rule;
    });
    expect([rules[0], rules[2], rules[3]]).toEqual(expected);
  });
});

function fail(): never {
  throw new Error('expected a scenario');
}

test('the posting’s XXX traps, instruction by instruction, and so does the other wrong answer', () => {
  const ends = SCENARIOS.map(({ name, revision, setup, operations }) => {
    let state = model.initial(setup);
    for (const operation of operations.slice(0, -1))
      ({ state } = model.apply(state, operation, revision));
    const made = scenario(state, operations.at(-1) ?? fail(), revision) ?? fail();
    const { trap, runaway } = execute(made);
    const last = trace(made).at(-1);
    const end = runaway === null ? 'returned' : `still at 0x${runaway.toString(16)}`;
    return [name, trap === null ? end : `${trap.vector} at ${trap.place}`, last?.text];
  });
  expect(ends).toEqual([
    ['null-stub-kcfi', 'UD at caller-check', 'ud2'],
    ['member-stub-kcfi', 'UD at caller-check', 'ud2'],
    ['variadic-stub-kcfi', 'returned', 'hlt'],
    ['mismatch-kcfi', 'UD at caller-check', 'ud2'],
    ['null-stub-fineibt', 'UD at callee-check', 'ud2'],
    ['member-stub-fineibt', 'UD at callee-check', 'ud2'],
    ['variadic-stub-fineibt', 'returned', 'hlt'],
    ['mismatch-fineibt', 'UD at callee-check', 'ud2'],
    ['mismatch-paranoid', 'UD at caller-paranoid', '(bad: invalid)'],
    // In front of the trampoline lies what a program’s image leaves of its chunks.
    ['no-preamble', 'UD at caller-check', 'ud2'],
    ['traced-kcfi', 'returned', 'hlt'],
    ['traced-fineibt', 'returned', 'hlt'],
    ['traced-modified', 'returned', 'hlt'],
    ['traced-mismatch', 'UD at callee-check', 'ud2'],
    ['patched-nowhere', 'PF at callee', '(bad: truncated)'],
    ['patched-runaway', 'still at 0xffffffffc000001c', 'jmp 0xffffffffc000001c'],
  ]);
});

test('the bytes that were measured on a booted kernel are the bytes of the model', () => {
  const state = ((): ReturnType<typeof model.initial> => {
    const setup: Setup = { ...(SCENARIOS[0]?.setup ?? fail()), cfi: false, fineibt: false };
    const { state: booted } = model.apply(
      model.initial(setup),
      { op: 'boot', seed: 0 },
      'linux-6.12',
    );
    const load: Operation = {
      op: 'load',
      program: 'xdp',
      kind: 'main',
      body: { kind: 'constant', value: 2 },
    };
    return model.apply(booted, load, 'linux-6.12').state;
  })();
  const { outcome } = model.apply(state, { op: 'image', program: 'xdp' }, 'linux-6.12');
  const measured = 'f30f1efa0f1f4400000f1f00554889e5f30f1efab802000000c9c3';
  expect(outcome).toEqual({ kind: 'image', bytes: measured });
  expect(fromHex(measured)).toHaveLength(27);
  expect(ARITY_THUNKS % 32n).toBe(0n);
});
