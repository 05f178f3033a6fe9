// SPDX-License-Identifier: MIT
import { VECTOR } from '../cpu/exception.ts';
import { Fault, Unsupported } from './fault.ts';
import { halves, isCanonical, join } from './halves.ts';
import {
  NO_REGISTER,
  RIP_BASE,
  type ImmediateOperand,
  type MemoryOperand,
  type Operand,
  type OperandSize,
} from './instruction.ts';
import { LiveMemory } from './live-memory.ts';
import type { MachineState } from './machine-state.ts';

const RSP = 4;
const RBP = 5;

/** What instructions move values between: general registers, operands, the stack, and RIP. */
export class Datapath extends LiveMemory {
  /** Two entries a register: low, high. */
  readonly registers: Int32Array;
  ripLow: number;
  ripHigh: number;
  /** Where the next instruction is fetched; a branch changes it. */
  nextLow = 0;
  nextHigh = 0;

  constructor(state: MachineState) {
    super(state);
    this.registers = new Int32Array(32);
    for (const [index, value] of state.registers.entries()) this.setWide(index, value);
    [this.ripLow, this.ripHigh] = halves(state.control.rip);
  }

  /** The current instruction is behind us. */
  goOn(): void {
    this.ripLow = this.nextLow;
    this.ripHigh = this.nextHigh;
  }

  // --- quantities of 64 bits, for what is rare

  /** A general register. */
  wide(index: number): bigint {
    return join(this.registers[2 * index] ?? 0, this.registers[2 * index + 1] ?? 0);
  }

  setWide(index: number, value: bigint): void {
    [this.registers[2 * index], this.registers[2 * index + 1]] = halves(value);
  }

  /** A general register as an operand of some size. */
  writeWide(index: number, size: OperandSize, value: bigint): void {
    this.write({ kind: 'register', index, size, high: false }, ...halves(value));
  }

  /** Where execution goes on. */
  get next(): bigint {
    return join(this.nextLow, this.nextHigh);
  }

  set next(address: bigint) {
    [this.nextLow, this.nextHigh] = halves(address);
  }

  get rip(): bigint {
    return join(this.ripLow, this.ripHigh);
  }

  /** An address that is not canonical is #GP(0). */
  requireCanonical(address: bigint): void {
    if (!isCanonical(halves(address)[1])) throw new Fault(VECTOR.GP, 0);
  }

  // --- operands

  /** Computes an effective address into `low` and `high`. Intel SDM volume 1, 3.7.5. */
  address(operand: MemoryOperand): void {
    const { base, index, scale, displacement } = operand;
    let low = displacement;
    let high = displacement >> 31;
    if (base !== NO_REGISTER) {
      const baseLow = base === RIP_BASE ? this.nextLow : (this.registers[2 * base] ?? 0);
      const baseHigh = base === RIP_BASE ? this.nextHigh : (this.registers[2 * base + 1] ?? 0);
      const sum = (low + baseLow) | 0;
      high = (high + baseHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0;
      low = sum;
    }
    if (index !== NO_REGISTER) {
      const indexLow = this.registers[2 * index] ?? 0;
      const indexHigh = this.registers[2 * index + 1] ?? 0;
      const shift = scale === 1 ? 0 : scale === 2 ? 1 : scale === 4 ? 2 : 3;
      const scaledLow = indexLow << shift;
      const scaledHigh =
        shift === 0 ? indexHigh : (indexHigh << shift) | (indexLow >>> (32 - shift));
      const sum = (low + scaledLow) | 0;
      high = (high + scaledHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0;
      low = sum;
    }
    this.low = low;
    this.high = operand.address32 ? 0 : high;
  }

  /**
   * Reads an operand into `low` and `high`; a register of 1, 2 or 4 bytes gives zeroes above it.
   */
  read(operand: Operand): void {
    switch (operand.kind) {
      case 'register':
        this.#readRegister(operand.index, operand.size, operand.high);
        return;
      case 'immediate':
        this.low = operand.low;
        this.high = operand.high;
        return;
      case 'memory':
        this.#requirePlainSegment(operand);
        this.address(operand);
        this.readAt(this.low, this.high, operand.size, isStackBased(operand));
        return;
      case 'special':
        throw new Unsupported(`register ${operand.name}`);
    }
  }

  #readRegister(index: number, size: number, high: boolean): void {
    const low = this.registers[2 * index] ?? 0;
    this.high = 0;
    if (size === 8) {
      this.low = low;
      this.high = this.registers[2 * index + 1] ?? 0;
    } else if (size === 4) this.low = low;
    else if (size === 2) this.low = low & 0xffff;
    else this.low = high ? (low >>> 8) & 0xff : low & 0xff;
  }

  /** Writes an operand. A 32-bit register is zero-extended; smaller ones leave the rest alone. */
  write(operand: Operand, low: number, high: number): void {
    switch (operand.kind) {
      case 'register':
        this.#writeRegister(operand.index, operand.size, operand.high, low, high);
        return;
      case 'memory':
        this.#requirePlainSegment(operand);
        this.address(operand);
        this.writeAt(this.low, this.high, operand.size, low, high, isStackBased(operand));
        return;
      case 'immediate':
        throw new RangeError('operand: expected a place to write to, got a constant');
      case 'special':
        throw new Unsupported(`register ${operand.name}`);
    }
  }

  #writeRegister(index: number, size: number, second: boolean, low: number, high: number): void {
    const at = 2 * index;
    const old = this.registers[at] ?? 0;
    if (size === 8) {
      this.registers[at] = low;
      this.registers[at + 1] = high;
    } else if (size === 4) {
      this.registers[at] = low;
      this.registers[at + 1] = 0;
    } else if (size === 2) this.registers[at] = (old & ~0xffff) | (low & 0xffff);
    else if (second) this.registers[at] = (old & ~0xff00) | ((low & 0xff) << 8);
    else this.registers[at] = (old & ~0xff) | (low & 0xff);
  }

  #requirePlainSegment({ segment }: MemoryOperand): void {
    if (segment !== undefined) throw new Unsupported(`memory through ${segment}`);
  }

  // --- stack and branches

  /** Pushes a value. */
  push(size: number, low: number, high: number): void {
    const old = this.registers[2 * RSP] ?? 0;
    const topLow = (old - size) | 0;
    const topHigh = ((this.registers[2 * RSP + 1] ?? 0) - (old >>> 0 < size ? 1 : 0)) | 0;
    this.writeAt(topLow, topHigh, size, low, high, true);
    this.registers[2 * RSP] = topLow;
    this.registers[2 * RSP + 1] = topHigh;
  }

  /** Pops a value into `low` and `high`, and `extra` bytes more that nobody wants. */
  pop(size: number, extra = 0): void {
    const topLow = this.registers[2 * RSP] ?? 0;
    const topHigh = this.registers[2 * RSP + 1] ?? 0;
    this.readAt(topLow, topHigh, size, true);
    const next = (topLow + size + extra) | 0;
    this.registers[2 * RSP] = next;
    this.registers[2 * RSP + 1] = (topHigh + (next >>> 0 < topLow >>> 0 ? 1 : 0)) | 0;
  }

  /** Makes an absolute address the next one. */
  branch(low: number, high: number): void {
    if (!isCanonical(high)) throw new Fault(VECTOR.GP, 0);
    this.nextLow = low;
    this.nextHigh = high;
  }

  /** Makes an address the next one that is given from the next instruction. */
  branchBy({ low, high }: ImmediateOperand): void {
    const sum = (this.nextLow + low) | 0;
    this.branch(sum, (this.nextHigh + high + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0);
  }
}

function isStackBased({ base }: MemoryOperand): boolean {
  return base === RSP || base === RBP;
}
