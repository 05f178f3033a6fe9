// SPDX-License-Identifier: MIT
import { AT_FDCWD, type Operation, type PathArgument } from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { fd, path, pick } from '../case-names.ts';

/** Operations of a kind, each possibly one that fails. */
export type Op = Arbitrary<Operation>;

/** The process that sets the world up: privileged, and alive to the end. */
export const init: Arbitrary<string> = fc.constant('init');
/** A process of the case, the first mostly. */
export const other: Arbitrary<string> = fc.constantFrom('t1', 't1', 't1', 't2', 't3');

const text = (arbitrary: Arbitrary<string>): Arbitrary<PathArgument> =>
  arbitrary.map((value) => ({ kind: 'text', text: value }));

/** A path of the case, or a pointer that is null or leads nowhere. */
export const pathArgument: Arbitrary<PathArgument> = pick<PathArgument>(
  [30, text(path)],
  [1, fc.constantFrom<PathArgument>({ kind: 'null' }, { kind: 'bad' })],
);

/** AT_FDCWD, a descriptor that may be open, or one that cannot be. */
export const dirfd: Arbitrary<number> = pick(
  [5, fc.constant(AT_FDCWD)],
  [3, fd],
  [1, fc.constantFrom(-1, -101, 63, 5000, -0x8000_0000)],
);
