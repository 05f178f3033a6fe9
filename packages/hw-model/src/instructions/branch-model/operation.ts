// SPDX-License-Identifier: MIT

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
      /** Every byte of the legacy code page bitmap's page. */
      readonly bitmap: number;
    };
