// SPDX-License-Identifier: MIT
import type { Operation, Setup } from '@kernel-models/exec-check';
import fc, { sample, type Arbitrary } from 'fast-check';
import type { Case } from '../target.ts';
import * as op from './case-operations/index.ts';
import { pick } from './case-names.ts';
import { setupArbitrary, type SetupWishes } from './case-setup.ts';

/** A kind of case: a world of a kind, and what is mostly done in it. */
interface Theme {
  readonly wishes: SetupWishes;
  /** Done first, each mostly: what the rest needs in order to mean something. */
  readonly prologue?: readonly Arbitrary<Operation>[];
  readonly operations: readonly (readonly [weight: number, Arbitrary<Operation>])[];
}

const EXECUTE = [
  [6, op.check],
  [5, op.exec],
] as const;

/** Every mechanism has a theme in which it is not drowned by the others. */
const THEMES: Readonly<Record<string, Theme>> = {
  permission: {
    wishes: { acls: true },
    operations: [...EXECUTE, [2, op.faccessat], [2, op.chmod], [2, op.world], [1, op.credentials]],
  },
  capabilities: {
    wishes: { fcaps: true },
    operations: [
      [2, op.check],
      [6, op.exec],
      [2, op.credentials],
      [1, op.world],
      [1, op.write],
    ],
  },
  references: {
    wishes: { links: true },
    operations: [
      ...EXECUTE,
      [5, op.open],
      [1, op.dup],
      [2, op.files],
      [1, op.faccessat],
      [1, op.close],
    ],
  },
  mounts: {
    wishes: { links: true },
    operations: [...EXECUTE, [5, op.world], [2, op.open], [1, op.mapping]],
  },
  busy: {
    wishes: {},
    prologue: [op.openMain],
    operations: [
      ...EXECUTE,
      [6, op.open],
      [2, op.close],
      [1, op.dup],
      [1, op.fork],
      [2, op.mapping],
      [1, op.write],
      [1, op.exit],
    ],
  },
  arguments: {
    wishes: { limits: true },
    operations: [
      [4, op.checkLarge],
      [5, op.execLarge],
      [1, op.check],
      [1, op.exec],
      [3, op.stack],
    ],
  },
  formats: {
    wishes: { contents: true },
    operations: [
      [2, op.check],
      [9, op.exec],
      [3, op.open],
      [1, op.write],
      [1, op.chmod],
    ],
  },
  processes: {
    wishes: { processes: true },
    prologue: [op.becomeUser],
    operations: [
      ...EXECUTE,
      [6, op.setresuid],
      [3, op.nproc],
      [3, op.fork],
      [1, op.unshareUser],
      [1, op.exit],
    ],
  },
  landlock: {
    wishes: { landlock: true, links: true },
    operations: [...EXECUTE, [3, op.landlock], [2, op.open], [1, op.credentials], [1, op.files]],
  },
  securebits: {
    wishes: { securebits: true, userns: true },
    operations: [
      [10, op.securebits],
      [2, op.credentials],
      [2, op.unshareUser],
      [1, op.fork],
      [2, op.clients],
      [1, op.check],
    ],
  },
  namespaces: {
    wishes: { userns: true, acls: true },
    operations: [
      ...EXECUTE,
      [2, op.unshareUser],
      [2, op.credentials],
      [1, op.open],
      [2, op.fstat],
      [1, op.faccessat],
    ],
  },
  clients: {
    wishes: {},
    prologue: [op.restrict, op.openMain],
    operations: [
      [6, op.clients],
      [3, op.securebits],
      [3, op.open],
      [3, op.mapping],
      [1, op.check],
      [1, op.uselib],
    ],
  },
  mappings: {
    wishes: {},
    prologue: [op.openMain],
    operations: [
      [8, op.mapping],
      [2, op.open],
      [2, op.memfdCreate],
      [1, op.anonymous],
      [2, op.check],
      [1, op.close],
    ],
  },
  files: {
    wishes: { links: true },
    operations: [
      [10, op.files],
      [2, op.check],
      [1, op.exec],
      [1, op.open],
      [1, op.world],
    ],
  },
  descriptors: {
    wishes: {},
    operations: [
      ...EXECUTE,
      [3, op.memfdCreate],
      [3, op.anonymous],
      [3, op.fwrite],
      [3, op.fchmod],
      [3, op.fstat],
      [1, op.sysctl],
      [2, op.open],
    ],
  },
  notification: {
    wishes: { contents: true },
    prologue: [op.watchMain],
    operations: [...EXECUTE, [4, op.watch], [3, op.open], [1, op.clients]],
  },
  listeners: {
    wishes: {},
    prologue: [op.listen, op.markMain, op.openMain],
    operations: [...EXECUTE, [4, op.fanotify], [3, op.open], [1, op.clients], [1, op.close]],
  },
};

/** Any case that a target can be put. */
export function execCheckCases(): Arbitrary<Case<Setup, Operation>> {
  return fc.oneof(...Object.values(THEMES).map(themeCases));
}

function themeCases({
  wishes,
  prologue = [],
  operations,
}: Theme): Arbitrary<Case<Setup, Operation>> {
  const first = fc.tuple(
    ...prologue.map((operation) =>
      pick<readonly Operation[]>([4, fc.tuple(operation)], [1, fc.constant([])]),
    ),
  );
  const then = fc.array(pick(...operations), { minLength: 4, maxLength: 8, size: 'max' });
  return fc
    .tuple(setupArbitrary(wishes), first, then)
    .map(([setup, begin, rest]) => ({ setup, operations: [...begin.flat(), ...rest] }));
}

/** The cases that the shipped recordings are of: the same for every kernel. */
export function recordedCases(count: number): readonly Case<Setup, Operation>[] {
  return sample(execCheckCases(), { seed: 6_18_12_1, numRuns: count });
}
