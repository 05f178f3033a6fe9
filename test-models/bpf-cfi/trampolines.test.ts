// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { test } from 'vitest';
import {
  bootKernel,
  BPF_TRAMP_F,
  CALLS,
  emitTrampoline,
  featuresOf,
  REVISIONS,
  tracingFlags,
  type LinkedProgram,
  type TrampolineShape,
} from '@kernel-models/bpf-cfi';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { boots, setups } from './arbitraries.ts';
import {
  PLACES,
  programEntry,
  programObject,
  runTraced,
  type TrampolineRun,
} from './trampoline-machine.ts';

/*
 * Trampolines of tracing with every combination of flags, of random functions and programs: what
 * the machine does is what a naive story of a traced call says.
 */

const real = REVISIONS.filter(({ id }) => !id.startsWith('bug:')).map(({ id }) => id);

/** A parameter: its bytes, and whether it is a struct. */
interface Parameter {
  readonly size: number;
  readonly aggregate: boolean;
}

const parameters: fc.Arbitrary<Parameter> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(1, 2, 4, 8, 8).map((size) => ({ size, aggregate: false })),
  },
  fc.integer({ min: 1, max: 16 }).map((size) => ({ size, aggregate: true })),
);

const words = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, 0xffff_ffffn, 0xffff_ffff_8000_0000n),
);

interface RandomProgram {
  readonly cookie: bigint;
  readonly sleepable: boolean;
  readonly returns: number;
}

const programs = fc.record({
  cookie: words,
  sleepable: fc.boolean(),
  returns: fc.constantFrom(0, 0, 0, 5),
});
const lists = fc.oneof(
  { weight: 5, arbitrary: fc.array(programs, { maxLength: 3 }) },
  fc.array(programs, { minLength: 8, maxLength: 12, size: 'max' }),
);

const cases = fc.record({
  setup: setups,
  boot: boots,
  revision: fc.constantFrom(...real),
  parameters: fc.array(parameters, { maxLength: 12 }),
  values: fc.array(words, { minLength: 24, maxLength: 24 }),
  fentry: lists,
  fmodRet: lists,
  fexit: lists,
  readsAddress: fc.boolean(),
  sharesIpModify: fc.boolean(),
  countsTailCalls: fc.boolean(),
  sleepersSkipped: fc.boolean(),
  tracked: fc.boolean(),
  rax: words,
  result: words,
});

type TracingCase = typeof cases extends fc.Arbitrary<infer Value> ? Value : never;

/** Slots of 8 bytes in registers and on the stack, by parameter; told by the ABI alone. */
function places(list: readonly Parameter[]): readonly ('register' | 'stack')[] {
  let free = 6;
  return list.flatMap(({ size }) => {
    const words = size > 8 ? 2 : 1;
    const inRegisters = words <= free;
    if (inRegisters) free -= words;
    return new Array<'register' | 'stack'>(words).fill(inRegisters ? 'register' : 'stack');
  });
}

const IMAGE = 0xffff_8880_1234_0000n;

/** What happens, event by event, and what the caller finds in RAX. */
function story(made: TrampolineRun, drawn: TracingCase): readonly [events: string[], end: string] {
  const { fentry, fmodRet, fexit } = drawn;
  const where = places(drawn.parameters);
  const values = drawn.values.slice(0, where.length);
  const onStack = where.filter((place) => place === 'stack').length;
  const short = onStack === 1 && (drawn.parameters.at(-1)?.size ?? 8) <= 4;
  const saved = values.map((value, slot) =>
    short && where[slot] === 'stack' ? value & 0xffff_ffffn : value,
  );
  const events: string[] = [];
  let [index, result] = [0, 0n];
  const run = (kind: string, program: RandomProgram): boolean => {
    const object = programObject(index).toString(16);
    const skipped = program.sleepable && drawn.sleepersSkipped;
    const how = program.sleepable ? ' sleepable' : '';
    events.push(`enter${how} ${object} cookie ${program.cookie.toString(16)}`);
    if (!skipped) {
      const list = saved.map((value) => value.toString(16)).join();
      const shown = kind === 'fentry' ? '' : ` result ${result}`;
      const ip = drawn.readsAddress ? ` ip ${PLACES.function.toString(16)}` : '';
      events.push(`${kind} ${index} of ${where.length}: ${list}${shown}${ip}`);
    }
    events.push(`exit${how} ${object} began ${skipped ? '0' : '77'}`);
    index += 1;
    return !skipped;
  };
  const callFunction = (slots: readonly bigint[]): void => {
    const inOrder = ['register', 'stack'].flatMap((place) =>
      slots.filter((_, slot) => where[slot] === place),
    );
    const list = inOrder.map((value) => value.toString(16)).join();
    events.push(`function ${list}${drawn.countsTailCalls ? ` rax ${drawn.rax.toString(16)}` : ''}`);
    result = drawn.result;
  };

  const calls = fmodRet.length + fexit.length > 0;
  if (calls) events.push(`image enter ${IMAGE.toString(16)}`);
  for (const program of fentry) run('fentry', program);
  if (!calls) {
    callFunction(values);
    return [events, `returned ${result.toString(16)}`];
  }
  for (const program of fmodRet) {
    if (run('fmod_ret', program)) result = BigInt(program.returns);
    if (result !== 0n) break;
  }
  index = fentry.length + fmodRet.length;
  if (result === 0n) {
    callFunction(saved);
    // The call through the return address ends in the middle of the function.
    if (drawn.sharesIpModify && made.tracked) return [events, '#21 3'];
  }
  for (const program of fexit) run('fexit', program);
  events.push(`image exit ${IMAGE.toString(16)}`);
  return [events, `returned ${result.toString(16)}`];
}

function makeRun(drawn: TracingCase): TrampolineRun | undefined {
  const features = featuresOf(drawn.revision);
  const { setup, boot, fentry, fmodRet, fexit } = drawn;
  if (boot.op !== 'boot') throw new Error('expected a boot');
  const scheme = { setup, boot: bootKernel(setup, boot.cfi, boot.seed, features), features };
  const all = [...fentry, ...fmodRet, ...fexit];
  const linked = all.map(({ cookie, sleepable }, index): LinkedProgram => ({
    ...{ program: programObject(index), entry: programEntry(index), cookie, sleepable },
  }));
  const shape: TrampolineShape = {
    model: { returnSize: 8, arguments: drawn.parameters },
    flags: tracingFlags({
      callsFunction: fmodRet.length + fexit.length > 0,
      readsAddress: drawn.readsAddress,
      sharesIpModify: drawn.sharesIpModify,
      countsTailCalls: drawn.countsTailCalls,
    }),
    fentry: linked.slice(0, fentry.length),
    fmodRet: linked.slice(fentry.length, fentry.length + fmodRet.length),
    fexit: linked.slice(fentry.length + fmodRet.length),
    ...{ hash: 0, arity: 0, traced: PLACES.function, image: IMAGE },
  };
  const trampoline = emitTrampoline(scheme, shape, PLACES.trampoline, CALLS);
  const where = places(drawn.parameters);
  if (trampoline === undefined) {
    if (where.length <= 12) throw new Error(`no trampoline for ${where.length} slots`);
    return undefined;
  }
  const { bytes, slot, frame } = trampoline;
  if (bytes.length > slot || slot > 4096) throw new Error(`${bytes.length} bytes in ${slot}`);
  if (frame.size % 8 !== 0) throw new Error(`a frame of ${frame.size} bytes`);
  const values = drawn.values.slice(0, where.length);
  return {
    ...{ shape, bytes, returns: all.map(({ returns }) => returns) },
    ...{ sleepersSkipped: drawn.sleepersSkipped, landing: setup.ibt ? 4 : 0 },
    tracked: setup.ibt && drawn.tracked,
    registers: values.filter((_, index) => where[index] === 'register'),
    stack: values.filter((_, index) => where[index] === 'stack'),
    ...{ rax: drawn.rax, result: drawn.result, slots: where.length },
  };
}

test('a trampoline of any flags runs what it is to run, in order, with what it is to see', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'bpf-cfi: trampolines executed',
    fc.property(cases, (drawn) => {
      // Only BPF programs count tail calls, and they have no arguments on the stack.
      const onStack = places(drawn.parameters).includes('stack');
      const possible = { ...drawn, countsTailCalls: drawn.countsTailCalls && !onStack };
      const made = makeRun(possible);
      if (made === undefined) return;
      const report = runTraced(made);
      const [events, end] = story(made, possible);
      const found = report.end === 'returned' ? `returned ${report.rax.toString(16)}` : report.end;
      const expected = [...events, end].join('\n');
      const observed = [...report.events, found].join('\n');
      if (expected !== observed) throw new Error(`expected\n${expected}\ngot\n${observed}`);
      if (report.end === 'returned' && report.lost.length > 0) {
        throw new Error(`lost: ${report.lost.join()}`);
      }
      const { flags } = made.shape;
      labels.count(
        Object.entries(BPF_TRAMP_F).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name])),
      );
      labels.count([
        end.startsWith('#') ? 'missing landing' : 'returned',
        ...(onStack ? ['stack'] : []),
      ]);
    }),
    { runs: 300 },
  );
  labels.require({
    ...{ CALL_ORIG: 10, SKIP_FRAME: 10, RESTORE_REGS: 1, IP_ARG: 10, ORIG_STACK: 10 },
    ...{ SHARE_IPMODIFY: 10, TAIL_CALL_CTX: 5, stack: 5, 'missing landing': 1 },
  });
});

test('as many programs as a function may have fit a page, whatever it takes to run them', async () => {
  const far = { cookie: 1n << 63n, sleepable: false };
  const links = Array.from({ length: 38 }, (_, index): LinkedProgram => ({
    ...{ program: programObject(index), entry: programEntry(index), ...far },
  }));
  await checkProperty(
    'bpf-cfi: trampolines fit',
    fc.property(
      setups,
      boots,
      fc.constantFrom(...real),
      fc.nat({ max: 38 }),
      (setup, boot, revision, split) => {
        if (boot.op !== 'boot') throw new Error('expected a boot');
        const features = featuresOf(revision);
        const scheme = { setup, boot: bootKernel(setup, boot.cfi, boot.seed, features), features };
        const trampoline = emitTrampoline(
          scheme,
          {
            model: { returnSize: 8, arguments: new Array(12).fill({ size: 4, aggregate: false }) },
            flags: tracingFlags({
              ...{ callsFunction: true, readsAddress: true },
              ...{ sharesIpModify: false, countsTailCalls: true },
            }),
            ...{ fentry: [], fmodRet: links.slice(0, split), fexit: links.slice(split) },
            ...{ hash: 0, arity: 0, traced: PLACES.function, image: IMAGE },
          },
          PLACES.trampoline,
          CALLS,
        );
        return trampoline !== undefined && trampoline.slot <= 4096;
      },
    ),
    { runs: 200 },
  );
});
