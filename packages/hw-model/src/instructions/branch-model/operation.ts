// SPDX-License-Identifier: MIT
import type { Vector } from '../../cpu/exception.ts';

/** What the CPU is made to do. */
export type BranchOperation =
  /** WRMSR at CPL 0. */
  | { readonly op: 'wrmsr'; readonly msr: 'uCet' | 'sCet'; readonly value: bigint }
  /**
   * IRET to the code, which runs until an exception ends it, whose handler begins with ENDBR64.
   */
  | {
      readonly op: 'execute';
      readonly cpl: 0 | 3;
      /** Hexadecimal digits of at most 24 bytes each. */
      readonly code: string;
      readonly target: string;
      readonly second: string;
      /** What runs at CPL 0 behind gates and system calls. */
      readonly handler: string;
      /** Every byte of the legacy code page bitmap's page. */
      readonly bitmap: number;
      /**
       * `stepping`: RFLAGS.TF is set; `interrupted`: an external interrupt waits for RFLAGS.IF, and
       * STI is allowed.
       */
      readonly start: 'plain' | 'stepping' | 'interrupted';
      /** The exception that does not end the run: its gate leads to the handler. */
      readonly handled: Vector | null;
      /** The exception whose gate is not present. */
      readonly absent: Vector | null;
    };
