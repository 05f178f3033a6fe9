// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto';
import type { Errno } from '@kernel-models/model-core';
import type { driver, measurement } from '@kernel-models/tdx-attest';
import { ReferenceDriver } from './reference-driver.ts';

/*
 * The files of the measurement registers once more, naively: eight byte strings, and a flag that says
 * whether one was written since the module was asked. Shares no code with the model.
 */

type Own = Extract<measurement.MeasurementOperation, { readonly op: 'mr-read' | 'mr-write' }>;
type Answer = measurement.MeasurementOutcome;

const SIZE = 48;
const failed = (errno: Errno, tdcalls: number): Answer => ({ kind: 'errno', errno, tdcalls });

/** What the registers begin with, by file. */
export type Registers = Readonly<Record<measurement.RegisterName, Uint8Array>>;

/** A driver with its files. */
export class ReferenceMeasurements {
  readonly driver: ReferenceDriver;
  private readonly registers: Record<measurement.RegisterName, Uint8Array>;
  private isStale = true;

  constructor(kernel: string, setup: driver.Setup, registers: Registers) {
    this.driver = new ReferenceDriver(kernel, setup);
    this.registers = { ...registers };
  }

  do(operation: measurement.MeasurementOperation): Answer {
    if (operation.op !== 'mr-read' && operation.op !== 'mr-write') {
      const answer = this.driver.do(operation);
      if (operation.op === 'load' && answer.kind === 'value') this.isStale = true;
      return answer;
    }
    if (!this.driver.isLoaded) return failed('ENOENT', 0);
    return operation.op === 'mr-read' ? this.read(operation) : this.write(operation);
  }

  private read({ register, offset, size }: Extract<Own, { readonly op: 'mr-read' }>): Answer {
    const bytes = this.registers[register].slice(offset, offset + size);
    const asks = bytes.length > 0 && register.startsWith('rtmr') && this.isStale;
    if (asks) {
      const errno = this.driver.errnoOf(this.driver.tdcall);
      if (errno !== undefined) return failed(errno, 1);
      this.isStale = false;
    }
    return { kind: 'bytes', bytes, tdcalls: asks ? 1 : 0 };
  }

  private write(operation: Extract<Own, { readonly op: 'mr-write' }>): Answer {
    const { register, offset, content, interrupted } = operation;
    if (!register.startsWith('rtmr')) return failed('EACCES', 0);
    if (offset >= SIZE) return failed('EFBIG', 0);
    const counted = Math.min(content.length, SIZE - offset);
    if (counted === 0) return { kind: 'value', value: 0n };
    if (counted !== SIZE) return failed('EINVAL', 0);
    // From here on nobody trusts what is cached, whatever becomes of the write.
    this.isStale = true;
    if (interrupted === true) return failed('EINTR', 0);
    const errno = this.driver.errnoOf(this.driver.tdcall);
    if (errno !== undefined) return failed(errno, 1);
    const digest = content.subarray(0, SIZE);
    const old = this.registers[register];
    this.registers[register] = new Uint8Array(
      createHash('sha384').update(old).update(digest).digest(),
    );
    return { kind: 'value', value: BigInt(SIZE) };
  }
}
