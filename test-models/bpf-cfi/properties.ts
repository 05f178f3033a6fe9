// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  ARITY_THUNKS,
  BPF_MAIN,
  bootKernel,
  bpfCfi,
  callSite,
  CALLS,
  featuresOf,
  functionPreamble,
  jitPreamble,
  structOpsTrampoline,
  stubArity,
  type Operation,
  type Outcome,
  type Scheme,
  type Setup,
} from '@kernel-models/bpf-cfi';
import { canonicalJson, type Invariant, type RevisionId } from '@kernel-models/model-core';
import {
  machineState,
  mapBytes,
  READ_EXECUTE,
  READ_WRITE,
  register,
  run,
} from '@kernel-models/hw-model/instructions';
import { covered } from '../support/rule-coverage.ts';
import { boots, lives, setups, type Life } from './arbitraries.ts';

/* Properties by name: what the gallery and the suite share. Each throws where it does not hold. */

const model = covered(bpfCfi);

/** A property that a revision is held to. */
export interface NamedProperty {
  readonly id: string;
  readonly property: (revision: RevisionId) => fc.IProperty<[never]>;
}

function named<Value>(
  id: string,
  arbitrary: fc.Arbitrary<Value>,
  holds: (value: Value, revision: RevisionId) => void,
): NamedProperty {
  const property = (revision: RevisionId): unknown =>
    fc.property(arbitrary, (value) => holds(value, revision));
  return { id, property: property as NamedProperty['property'] };
}

/** An invariant of the model over random lives, whatever the revision promises. */
export function invariantProperty(
  invariant: Invariant<ReturnType<typeof model.initial>, Operation, Outcome>,
): NamedProperty {
  return named(invariant.id, lives, ({ setup, operations }: Life, revision) => {
    let before = model.initial(setup);
    for (const operation of operations) {
      const step = model.apply(before, operation, revision);
      if (!invariant.holds({ before, operation, step, revision })) {
        throw new Error(`${canonicalJson(operation)}: ${canonicalJson(step.outcome)}`);
      }
      before = step.state;
    }
  });
}

/** Booted kernels of a revision. */
function schemeFor(setup: Setup, boot: Operation, revision: RevisionId): Scheme {
  if (boot.op !== 'boot') throw new Error('expected a boot');
  const features = featuresOf(revision);
  const broken = boot.wrong === 'preamble';
  return { setup, boot: bootKernel(setup, boot.cfi, boot.seed, features, broken), features };
}

const STACK = 0xffff_c900_0000_4000n;
const PROGRAM = 0xffff_ffff_c000_1000n;
const TRAMPOLINES = 0xffff_ffff_c100_0000n;

/**
 * A trampoline of many arguments, called without a check: the program sees each of them, the stack
 * is aligned to 8 bytes at each call, and the callee-saved registers come back.
 */
const argumentsArrive = named(
  'trampoline.arguments-arrive',
  fc.record({
    setup: setups,
    boot: boots,
    count: fc.integer({ min: 0, max: 12 }),
    returns: fc.boolean(),
  }),
  ({ setup, boot, count, returns }, revision) => {
    const scheme = schemeFor(setup, boot, revision);
    for (let index = 0; index < count; index += 1) {
      const made = structOpsTrampoline(
        scheme,
        {
          model: {
            returnSize: returns ? 8 : 0,
            arguments: new Array(count).fill({ size: 8, aggregate: false }),
          },
          ...{ hash: 0x1234_5678, arity: 0, program: 1n << 63n, entry: PROGRAM },
        },
        TRAMPOLINES,
        CALLS,
      );
      if (made === undefined) throw new Error(`no trampoline for ${count} arguments`);
      const found = runTrampoline(made.bytes, made.entry, count, index);
      if (found.aligned !== 0n) throw new Error(`rsp is ${found.aligned} modulo 8 at a call`);
      if (!found.preserved) throw new Error('rbx, rbp or rsp is lost');
      if (made.frame.size % 8 !== 0) throw new Error(`a frame of ${made.frame.size} bytes`);
      if (returns && found.value !== BigInt(1000 + index)) {
        throw new Error(`argument ${index} of ${count}: ${found.value}`);
      }
    }
  },
);

/** Runs a trampoline around a program that returns one slot of its context. */
function runTrampoline(
  bytes: readonly number[],
  entry: number,
  count: number,
  index: number,
): { readonly value: bigint; readonly preserved: boolean; readonly aligned: bigint } {
  const program = [0x48, 0x8b, 0x47, 8 * index, 0xc3];
  let pages = mapBytes([], TRAMPOLINES, Uint8Array.from(bytes), READ_EXECUTE);
  pages = mapBytes(pages, PROGRAM, Uint8Array.from(program), READ_EXECUTE);
  const enter = [0xb8, 1, 0, 0, 0, 0xc3];
  const fixed = new Uint8Array(0x80).fill(0xcc);
  fixed.set(enter, Number(CALLS.enter & 0xfffn));
  fixed.set([0xc3], Number(CALLS.exit & 0xfffn));
  pages = mapBytes(pages, CALLS.enter & ~0xfffn, fixed, READ_EXECUTE);
  const returnThunk = new Uint8Array(0x80).fill(0xc3);
  pages = mapBytes(pages, CALLS.returnThunk & ~0xfffn, returnThunk, READ_EXECUTE);
  pages = mapBytes(pages, ARITY_THUNKS, new Uint8Array(256).fill(0xc3), READ_EXECUTE);
  const values = Array.from({ length: count }, (_, at) => BigInt(1000 + at));
  const [rdi = 0n, rsi = 0n, rdx = 0n, rcx = 0n, r8 = 0n, r9 = 0n, ...onStack] = values;
  // The caller's CALL pushed a return address: to an HLT in the page of the program.
  const stack = new Uint8Array(0x4000);
  const view = new DataView(stack.buffer);
  const rsp = STACK - 0x200n;
  const at = Number(rsp - (STACK - 0x4000n));
  view.setBigUint64(at, PROGRAM + 0x100n, true);
  for (const [slot, value] of onStack.entries()) view.setBigUint64(at + 8 + 8 * slot, value, true);
  pages = mapBytes(pages, STACK - 0x4000n, stack, READ_WRITE);
  const halt = Uint8Array.from([
    ...program,
    ...new Array<number>(0x100 - program.length).fill(0xcc),
    0xf4,
  ]);
  pages = mapBytes(pages, PROGRAM, halt, READ_EXECUTE);
  let state = machineState({
    ibt: false,
    rip: TRAMPOLINES + BigInt(entry),
    registers: { ...{ rdi, rsi, rdx, rcx, r8, r9, rsp }, rbx: 0x1111n, rbp: 0x2222n },
    pages,
  });
  let aligned = 0n;
  for (let steps = 0; steps < 200; steps += 1) {
    const result = run(state, 1);
    ({ state } = result);
    aligned |= register(state, 'rsp') % 8n;
    if (result.event.kind === 'halt') break;
    if (result.event.kind !== 'limit') throw new Error(`ended in ${result.event.kind}`);
  }
  const preserved =
    register(state, 'rbx') === 0x1111n &&
    register(state, 'rbp') === 0x2222n &&
    register(state, 'rsp') === rsp + 8n;
  return { value: register(state, 'rax'), preserved, aligned };
}

/** A preamble of the JIT that passes goes on behind the poison at its entry, not on it. */
const branchSkipsPoison = named(
  'bpf-cfi.branch-skips-poison',
  fc.record({ setup: setups, boot: boots }),
  ({ setup, boot }, revision) => {
    const scheme = schemeFor(setup, boot, revision);
    if (scheme.boot.mode !== 'FINEIBT' || scheme.features.layout !== 'linux-6.2') return;
    const { before, entry } = jitPreamble(scheme, 0x1234_5678, 1, 0);
    if (before.length === 0) return;
    // JE, UD2, NOP: the last five bytes.
    const at = before.length - 5;
    const target = at + 2 + (before[at + 1] ?? 0);
    if (target !== before.length + entry.length) {
      throw new Error(`JE leads to ${target - before.length} bytes behind the entry`);
    }
  },
);

/** Outside of BHI nobody reads an arity out of a stub: it is 0 there. */
const arityIsKnown = named(
  'bpf-cfi.arity-is-known',
  fc.record({ setup: setups, boot: boots }),
  ({ setup, boot }, revision) => {
    const scheme = schemeFor(setup, boot, revision);
    if (scheme.boot.mode !== 'FINEIBT') return;
    const arity = stubArity(scheme, BPF_MAIN);
    const expected = scheme.boot.bhi && scheme.features.layout !== 'linux-6.2' ? 2 : 0;
    if (arity !== expected) throw new Error(`arity ${arity}, expected ${expected}`);
  },
);

/** What the first bytes of a preamble or a call site belong to. */
function schemeOfBytes([a, b, c, d]: readonly number[]): 'none' | 'off' | 'kcfi' | 'fineibt' {
  if (a === 0xeb && b === 0x0c) return 'off';
  if (a === 0xf3 && b === 0x0f && c === 0x1e && d === 0xfa) return 'fineibt';
  return a === 0xb8 ? 'kcfi' : 'none';
}

/**
 * Callers and callees of a booted kernel are of one scheme. No caller checks anything where checks
 * were turned off, or where rewriting failed and the kernel has said so.
 */
const oneScheme = named(
  'bpf-cfi.one-scheme',
  fc.record({ setup: setups, boot: boots }),
  ({ setup, boot }, revision) => {
    const scheme = schemeFor(setup, boot, revision);
    if (!setup.cfi) return;
    const [first = 0, second = 0, , , , , seventh = 0, eighth = 0] = callSite(
      scheme,
      0x1234_5678,
      0,
    ).bytes;
    const off = schemeOfBytes([first, second]) === 'off';
    // ADD R10D, [R11-d] behind the first instruction is of kCFI alone.
    const caller = off ? 'off' : seventh === 0x45 && eighth === 0x03 ? 'kcfi' : 'fineibt';
    const callees = [
      functionPreamble(scheme, 0x1234_5678, 2, false, 0),
      jitPreamble(scheme, 0x1234_5678, 2, 0),
    ].map(({ before }) => schemeOfBytes(before));
    if (caller !== 'off' && callees.some((callee) => callee !== caller)) {
      throw new Error(`${caller} calls ${callees.join(' and ')}`);
    }
    const said = scheme.boot.messages.some((message) => message.includes('horribly wrong'));
    if (said && !(caller === 'off' && boot.op === 'boot' && boot.wrong === 'preamble')) {
      throw new Error(`a failure is told of, and callers are of ${caller}`);
    }
    if (caller === 'off' && scheme.boot.mode !== 'OFF' && !said) {
      throw new Error(`${scheme.boot.mode} with callers that check nothing`);
    }
  },
);

const POKED = [null, 0xffff_ffff_c200_0000n, 0xffff_ffff_8300_0000n] as const;

/**
 * A patch there and one back restore the bytes, one by a wrong belief changes none, and no patch
 * touches a byte but the five of the NOP. The reference remembers an instruction, and looks for the
 * NOP in what the kernel shows.
 */
const patchingRestores = named(
  'bpf-cfi.patching-restores',
  fc.record({
    setup: setups,
    boot: boots,
    kind: fc.constantFrom('main' as const, 'subprogram' as const),
    pokes: fc.array(
      fc.record({
        kind: fc.constantFrom('call' as const, 'jmp' as const),
        from: fc.constantFrom(...POKED),
        to: fc.constantFrom(...POKED),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  }),
  ({ setup, boot, kind, pokes }, revision) => {
    let { state } = model.apply(model.initial(setup), boot, revision);
    const body = { kind: 'constant', value: 2 } as const;
    ({ state } = model.apply(state, { op: 'load', program: 'a', kind, body }, revision));
    const shown = (): readonly string[] => {
      const { outcome } = model.apply(state, { op: 'text', program: 'a' }, revision);
      return outcome.kind === 'image' ? (outcome.bytes.match(/../g) ?? []) : [];
    };
    const original = shown();
    const at = original.findIndex((_, index) =>
      ['0f', '1f', '44', '00', '00'].every((byte, next) => original[index + next] === byte),
    );
    let held = 'nop';
    for (const { kind: how, from, to } of pokes) {
      const step = model.apply(
        state,
        { op: 'textPoke', program: 'a', kind: how, from, to },
        revision,
      );
      const [old, next] = [from, to].map((target) =>
        target === null ? 'nop' : `${how} ${target}`,
      );
      const expected = old !== held ? 'EBUSY' : old === next ? 1n : 0n;
      const { outcome } = step;
      const found = outcome.kind === 'errno' ? outcome.errno : 'value' in outcome && outcome.value;
      if (found !== expected) throw new Error(`${old} -> ${next} over ${held}: ${String(found)}`);
      if (expected === 'EBUSY' && step.state !== state)
        throw new Error('a refused patch changed it');
      if (expected === 0n) held = next ?? '';
      ({ state } = step);
      const opcode =
        held === 'nop' ? [] : [held.startsWith('call') ? 'e8' : 'e9', '??', '??', '??', '??'];
      const wanted = [...original.slice(0, at), ...opcode, ...original.slice(at + opcode.length)];
      if (shown().join(' ') !== wanted.join(' ')) throw new Error(`${held}: ${shown().join(' ')}`);
    }
  },
);

export const PARTICULAR: readonly NamedProperty[] = [
  argumentsArrive,
  branchSkipsPoison,
  arityIsKnown,
  oneScheme,
  patchingRestores,
];

/** The invariants of the model as properties. */
export const GENERAL: readonly NamedProperty[] = model.invariants.map(invariantProperty);
