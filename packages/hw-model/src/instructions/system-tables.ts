// SPDX-License-Identifier: MIT
import type { Cpl } from '../cpu/state.ts';

/*
 * What the descriptor tables, the interrupt table and the task-state segment say, as data: a
 * selector leads to a record in place of eight bytes. Intel SDM volume 3, "Protected-Mode Memory
 * Management" and "Interrupt and Exception Handling".
 */

/** What a selector leads to. */
export type Descriptor =
  | {
      readonly kind: 'code';
      readonly dpl: Cpl;
      /** 64-bit code. */
      readonly long: boolean;
      /** Its code runs at the caller's privilege level. */
      readonly conforming: boolean;
    }
  | { readonly kind: 'data'; readonly dpl: Cpl }
  | {
      readonly kind: 'call-gate';
      readonly dpl: Cpl;
      readonly selector: number;
      readonly offset: bigint;
    }
  /** A task, the second half of a gate: nothing that a far transfer may name. */
  | { readonly kind: 'other' };

/** Where an exception or interrupt leads. */
export interface Gate {
  readonly dpl: Cpl;
  readonly present: boolean;
  readonly selector: number;
  readonly offset: bigint;
  /** A stack of the task, 1 to 7; 0: RSP0 where the privilege level changes, else none. */
  readonly ist: number;
  /** An interrupt gate, which clears IF; the others are trap gates. */
  readonly clearsIf: boolean;
}

/** The tables. Nothing that runs here changes them. */
export interface SystemTables {
  /** By the selector divided by 8; null: the descriptor is null. */
  readonly gdt: readonly (Descriptor | null)[];
  /**
   * By vector; what is behind its end is #GP. Null: whoever runs the machine handles it, and the run
   * ends there.
   */
  readonly idt: readonly (Gate | null)[];
  readonly rsp0: bigint;
  /** IST1 and on. */
  readonly ist: readonly bigint[];
}

/** The tables, and what else decides when a handler is entered. */
export interface SystemState {
  readonly tables: SystemTables;
  /** The selector in SS. */
  readonly ss: number;
  /** The vector of an external interrupt that waits for IF. */
  readonly interrupt: number | null;
  /** STI has just set IF: external interrupts wait one more instruction. */
  readonly interruptShadow: boolean;
}
