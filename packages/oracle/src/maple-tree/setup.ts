// SPDX-License-Identifier: MIT
import { decode, type Decoder } from '@kernel-models/model-core';

/** The machine that a tree is on: it decides the index domain and the shape of the nodes. */
export const MACHINES = ['64-bit', '32-bit'] as const;

/** The name of a machine. */
export type Machine = (typeof MACHINES)[number];

/** An empty tree before the first operation. */
export interface Setup {
  readonly machine: Machine;
  /** MT_FLAGS_ALLOC_RANGE. */
  readonly allocRange: boolean;
  /** MT_FLAGS_USE_RCU. */
  readonly rcu: boolean;
}

/** Reads a setup from JSON. */
export const decodeSetup: Decoder<Setup> = decode.object({
  machine: decode.oneOf(MACHINES),
  allocRange: decode.boolean,
  rcu: decode.boolean,
});

/** The flags that mt_init_flags() gets: include/linux/maple_tree.h, Linux 6.12. */
export function treeFlags({ allocRange, rcu }: Setup): number {
  return (allocRange ? 1 : 0) | (rcu ? 2 : 0);
}

/** The last index of a machine: ULONG_MAX. */
export function lastIndex(machine: Machine): bigint {
  return machine === '64-bit' ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
}
