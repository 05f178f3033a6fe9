// SPDX-License-Identifier: MIT
import type { Vector } from '../cpu/exception.ts';

/* What ends an instruction before its end. An executor throws them. */

/** An exception on its way out of an instruction. */
export class Fault {
  readonly vector: Vector;
  readonly errorCode: number | undefined;
  readonly address: bigint | undefined;
  /** RIP is saved behind the instruction: #BP, #DB. */
  readonly trap: boolean;

  constructor(vector: Vector, errorCode?: number, address?: bigint, trap = false) {
    this.vector = vector;
    this.errorCode = errorCode;
    this.address = address;
    this.trap = trap;
  }
}

/** An instruction that is real and that this model does not execute. */
export class Unsupported {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** HLT. */
export class Halt {
  readonly kind = 'halt' as const;
}
