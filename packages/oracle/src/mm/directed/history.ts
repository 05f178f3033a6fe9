// SPDX-License-Identifier: MIT
import {
  MAP_ANONYMOUS,
  MAP_GROWSDOWN,
  MAP_SHARED,
  type Capability,
  type FileSpec,
  type Limit,
  type Operation,
  type Resource,
  type Setup,
} from '@kernel-models/mm';
import { ANON, brk, pages } from '../operations.ts';

/** What a history asks of its world. */
export interface Wishes {
  readonly limits?: Partial<Readonly<Record<Resource, Limit>>>;
  readonly capabilities?: readonly Capability[];
  readonly files?: readonly FileSpec[];
}

/** A history that was written for one behaviour. */
export interface Directed extends Wishes {
  readonly name: string;
  /** Without the looks at the address space that stand after each operation. */
  readonly operations: (process: Setup) => readonly Operation[];
}

/** What a stack is mapped with. */
export const GROWING: number = ANON | MAP_GROWSDOWN;

export const SHARED_ANON: number = MAP_SHARED | MAP_ANONYMOUS;

/** A limit on both sides. */
export function at(bytes: bigint): Limit {
  return { soft: bytes, hard: bytes };
}

export function history(
  name: string,
  operations: readonly Operation[] | ((process: Setup) => readonly Operation[]),
  wishes: Wishes = {},
): Directed {
  return {
    name,
    operations: typeof operations === 'function' ? operations : () => operations,
    ...wishes,
  };
}

/** A history of a heap: `b` is the break so many bytes above its start. */
export function heap(
  name: string,
  operations: (
    b: (bytes: bigint | number) => Operation,
    at: (page: number) => bigint,
  ) => readonly Operation[],
  wishes: Wishes = {},
): Directed {
  return history(
    name,
    ({ startBrk }) =>
      operations(
        (bytes) => brk(startBrk + BigInt(bytes)),
        (index) => startBrk + pages(index),
      ),
    wishes,
  );
}

/** Bytes of a page, as a number. */
export const P: number = 4096;

export const FILES: readonly FileSpec[] = [
  { pages: 4, access: 'rw', inode: 0 },
  { pages: 4, access: 'r', inode: 1 },
  { pages: 4, access: 'w', inode: 2 },
];
