// SPDX-License-Identifier: MIT
import { PF_INSTRUCTION, PF_PRESENT, PF_USER, PF_WRITE, VECTOR } from '../cpu/exception.ts';
import { CR0_WP, EFER_SCE } from '../cpu/registers.ts';
import type { CodeSegment, Cpl } from '../cpu/state.ts';
import { Alu } from './alu.ts';
import {
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  CET_SH_STK_EN,
  CET_SUPPRESS_DIS,
  cetMsr,
  cetValue,
  isTracking,
  trackerOf,
  withTracker,
  type Tracker,
} from './cet.ts';
import { Fault, Unsupported } from './fault.ts';
import { STATUS } from './flags.ts';
import { halves, isCanonical, join } from './halves.ts';
import {
  NO_REGISTER,
  RIP_BASE,
  type ImmediateOperand,
  type Instruction,
  type MemoryOperand,
  type Operand,
  type OperandSize,
} from './instruction.ts';
import { frozenPage, own, readNumber, type LivePage } from './live-page.ts';
import { PAGE_SIZE, type CpuQuirks, type MachineState } from './machine-state.ts';
import type { SystemTables } from './system-tables.ts';

/**
 * Executes one kind of instruction. What it throws undoes nothing: it throws before it changes
 * anything.
 */
export type Executor = (machine: Machine, instruction: Instruction) => void;

/** An instruction as a page remembers it. */
export interface Cached {
  readonly instruction: Instruction;
  readonly execute: Executor;
}

const NO_QUIRKS: CpuQuirks = {
  endbranchAlwaysResets: false,
  anyNoTrackPrefix: false,
  lengthBeforeLanding: false,
  bitmapReadByCpl0: false,
  conformingCallPushesAsCode: false,
};

const RSP = 4;
const RBP = 5;

/**
 * A machine that executes in place: private to one run, made from a state and frozen into one at
 * its end. 64-bit quantities are pairs of signed 32-bit halves.
 */
export class Machine {
  readonly alu: Alu = new Alu();
  /** Two entries a register: low, high. */
  readonly registers: Int32Array;
  /** {@link Machine.enterLevel} changes it. */
  cpl: Cpl;
  cs: CodeSegment;
  /** The selector in SS. */
  ss = 0;
  ripLow: number;
  ripHigh: number;
  /** Where the next instruction is fetched; a branch changes it. */
  nextLow = 0;
  nextHigh = 0;
  /** The status flags alone. */
  flags: number;
  /** The other flags of RFLAGS: TF, IF, IOPL and what lies above them. */
  systemFlags: bigint;
  tracker: Tracker = 'idle';
  /** The value that was read, or the address that was computed, last. */
  low = 0;
  high = 0;
  tracking = false;
  /** What ENDBR64 does to the tracker: nothing without tracking, on most. */
  endbranchResets = false;
  readonly quirks: CpuQuirks;
  honoursNoTrack = false;
  shadowStack = false;
  /** Undefined: an exception ends the run, and nothing that needs a table is executed. */
  readonly tables: SystemTables | undefined;
  /** The vector of an external interrupt that has not been taken. */
  interrupt: number | undefined;
  /** STI has just set IF: no external interrupt is taken before the next instruction. */
  interruptShadow: boolean;
  /** The linear address of the last page fault. */
  cr2: bigint;
  /** The current instruction has entered a handler. */
  entered = false;
  /** EFER.SCE. */
  readonly hasSystemCalls: boolean;
  #legacyBitmap = false;
  #suppresses = false;
  /** The MSRs; the tracker of the current level is newer than the one in them. */
  #msrs: Readonly<Record<number, bigint>>;
  readonly #origin: MachineState;
  readonly #pages = new Map<number, LivePage>();
  readonly #writeProtect: boolean;
  #fetched: LivePage | undefined = undefined;
  #fetchedNumber = -1;
  #accessed: LivePage | undefined = undefined;
  #accessedNumber = -1;

  constructor(state: MachineState) {
    const { control } = state;
    this.#origin = state;
    this.registers = new Int32Array(32);
    for (const [index, value] of state.registers.entries()) this.setWide(index, value);
    [this.ripLow, this.ripHigh] = halves(control.rip);
    this.flags = Number(control.rflags & BigInt(STATUS));
    this.systemFlags = control.rflags & ~BigInt(STATUS);
    this.cpl = control.cpl;
    this.cs = control.cs;
    this.cr2 = control.cr2;
    this.hasSystemCalls = (control.efer & EFER_SCE) !== 0n;
    this.#msrs = control.msrs;
    this.quirks = state.quirks ?? NO_QUIRKS;
    this.tables = state.system?.tables;
    this.ss = state.system?.ss ?? 0;
    this.interrupt = state.system?.interrupt ?? undefined;
    this.interruptShadow = state.system?.interruptShadow ?? false;
    this.#loadTracker();
    this.#writeProtect = (control.cr0 & CR0_WP) !== 0n;
    for (const page of state.pages) {
      this.#pages.set(Number(page.address >> 12n), {
        source: page,
        bytes: page.bytes,
        owned: false,
        code: [],
      });
    }
  }

  /** The state that the machine stands for now. */
  freeze(): MachineState {
    const { control, pages, registers, cet, quirks, system } = this.#origin;
    const msrs = this.#trackedMsrs();
    const changed = [...this.#pages.values()].some(({ owned }) => owned);
    return {
      control: {
        ...control,
        rip: join(this.ripLow, this.ripHigh),
        rflags: this.systemFlags | BigInt(this.flags),
        ...(msrs !== control.msrs && { msrs }),
        ...(system !== undefined && { cpl: this.cpl, cs: this.cs, cr2: this.cr2 }),
      },
      registers: registers.map((_, index) =>
        join(this.registers[2 * index] ?? 0, this.registers[2 * index + 1] ?? 0),
      ),
      // The bytes go out by value: the machine may run on.
      pages: changed ? [...this.#pages.values()].map(frozenPage) : pages,
      cet,
      ...(quirks !== undefined && { quirks }),
      ...(system !== undefined && {
        system: {
          ...system,
          ss: this.ss,
          interrupt: this.interrupt ?? null,
          interruptShadow: this.interruptShadow,
        },
      }),
    };
  }

  // --- privilege levels

  /** Makes a level the current one. The tracker of the one before stays as it is, in its MSR. */
  enterLevel(cpl: Cpl): void {
    if (cpl === this.cpl) return;
    this.#msrs = this.#trackedMsrs();
    this.cpl = cpl;
    this.#loadTracker();
    this.#fetched = undefined;
  }

  /** Does an access to memory that the current level does not stand for. */
  withRightsOf<Result>(cpl: Cpl, access: () => Result): Result {
    const current = this.cpl;
    this.cpl = cpl;
    try {
      return access();
    } finally {
      this.cpl = current;
    }
  }

  /** What a far transfer to the current level does: ENDBR64 is waited for, if anything is. */
  awaitLanding(): void {
    if (this.tracking) this.tracker = 'wait';
  }

  /** An MSR's value. */
  msr(number: number): bigint {
    return this.#msrs[number] ?? 0n;
  }

  #trackedMsrs(): Readonly<Record<number, bigint>> {
    const value = cetValue({ msrs: this.#msrs }, this.cpl);
    const tracked = withTracker(value, this.tracker);
    return tracked === value ? this.#msrs : { ...this.#msrs, [cetMsr(this.cpl)]: tracked };
  }

  #loadTracker(): void {
    const { control } = this.#origin;
    const cet = cetValue({ msrs: this.#msrs }, this.cpl);
    this.tracking = isTracking({ cr4: control.cr4, msrs: this.#msrs }, this.cpl);
    this.endbranchResets = this.tracking || this.quirks.endbranchAlwaysResets;
    this.tracker = trackerOf(cet);
    this.honoursNoTrack = (cet & CET_NO_TRACK_EN) !== 0n;
    this.shadowStack = (cet & CET_SH_STK_EN) !== 0n;
    this.#legacyBitmap = (cet & CET_LEG_IW_EN) !== 0n;
    this.#suppresses = (cet & CET_SUPPRESS_DIS) === 0n;
  }

  /** The current instruction is behind us. */
  goOn(): void {
    this.ripLow = this.nextLow;
    this.ripHigh = this.nextHigh;
  }

  // --- quantities of 64 bits, for what is rare

  /** What was read last. */
  get value(): bigint {
    return join(this.low, this.high);
  }

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

  /** RFLAGS, all of it. */
  get rflags(): bigint {
    return this.systemFlags | BigInt(this.flags);
  }

  set rflags(value: bigint) {
    this.flags = Number(value & BigInt(STATUS));
    this.systemFlags = value & ~BigInt(STATUS);
  }

  /** Reads a quantity from the stack. */
  readStack(address: bigint, size: number): bigint {
    const [low, high] = halves(address);
    this.readAt(low, high, size, true);
    return BigInt.asUintN(8 * size, this.value);
  }

  /** An address that is not canonical is #GP(0). */
  requireCanonical(address: bigint): void {
    if (!isCanonical(halves(address)[1])) throw new Fault(VECTOR.GP, 0);
  }

  /** Writes quantities below an address, the first at the top; returns the new top of the stack. */
  writeStack(top: bigint, size: number, values: readonly bigint[]): bigint {
    let address = top;
    for (const value of values) {
      address = BigInt.asUintN(64, address - BigInt(size));
      const [low, high] = halves(address);
      this.writeAt(low, high, size, ...halves(value), true);
    }
    return address;
  }

  // --- code

  /** The page to fetch from at RIP. */
  fetchPage(low: number, high: number): LivePage {
    const number = (high >>> 0) * 0x10_0000 + (low >>> 12);
    if (this.#fetched !== undefined && number === this.#fetchedNumber) return this.#fetched;
    if (!isCanonical(high)) throw new Fault(VECTOR.GP, 0);
    const page = this.#pages.get(number);
    if (page === undefined || !page.source.executable || (this.cpl === 3 && !page.source.user)) {
      const user = this.cpl === 3 ? PF_USER : 0;
      const present = page === undefined ? 0 : PF_PRESENT;
      throw new Fault(VECTOR.PF, PF_INSTRUCTION | user | present, join(low, high));
    }
    this.#fetched = page;
    this.#fetchedNumber = number;
    return page;
  }

  /** Whether a missing ENDBRANCH at an address is excused by the legacy code page bitmap. */
  isLegacyPage(low: number, high: number): boolean {
    if (!this.#legacyBitmap) return false;
    const base = cetValue({ msrs: this.#msrs }, this.cpl) & ~0xfffn;
    const page = BigInt.asUintN(48, join(low, high)) >> 12n;
    const address = base + (page >> 3n);
    const reader = this.quirks.bitmapReadByCpl0 ? 0 : this.cpl;
    this.withRightsOf(reader, () => this.readAt(...halves(address), 1));
    return ((this.low >> Number(page & 7n)) & 1) === 1;
  }

  /** A legacy page was entered: tracking ends until the next ENDBRANCH or far transfer. */
  suppress(): void {
    this.tracker = this.#suppresses ? 'suppressed' : 'idle';
  }

  // --- data

  /** Reads memory into `low` and `high`. */
  readAt(low: number, high: number, size: number, stack = false): void {
    const offset = low & 0xfff;
    if (offset + size > PAGE_SIZE) {
      this.#readAcross(low, high, size, stack);
      return;
    }
    const { bytes } = this.#page(low, high, false, stack);
    this.low = readNumber(bytes, offset, size);
    this.high = size === 8 ? readNumber(bytes, offset + 4, 4) : 0;
  }

  #readAcross(low: number, high: number, size: number, stack: boolean): void {
    const parts = [0, 0];
    for (let index = 0; index < size; index += 1) {
      const at = (low + index) | 0;
      const carry = at >>> 0 < low >>> 0 ? 1 : 0;
      const page = this.#page(at, (high + carry) | 0, false, stack);
      const half = index >> 2;
      parts[half] = (parts[half] ?? 0) | ((page.bytes[at & 0xfff] ?? 0) << (8 * (index & 3)));
    }
    [this.low = 0, this.high = 0] = parts;
  }

  /** Writes memory: all of it or, where a byte cannot be written, nothing. */
  writeAt(
    low: number,
    high: number,
    size: number,
    valueLow: number,
    valueHigh: number,
    stack = false,
  ): void {
    const lastLow = (low + size - 1) | 0;
    const lastHigh = (high + (lastLow >>> 0 < low >>> 0 ? 1 : 0)) | 0;
    const first = this.#page(low, high, true, stack);
    const offset = low & 0xfff;
    const last = offset + size > PAGE_SIZE ? this.#page(lastLow, lastHigh, true, stack) : first;
    for (let index = 0; index < size; index += 1) {
      const at = offset + index;
      const half = index < 4 ? valueLow : valueHigh;
      const page = at < PAGE_SIZE ? first : last;
      own(page)[at & 0xfff] = half >>> (8 * (index & 3));
    }
    if (first.source.executable || last.source.executable) this.#forgetCode();
  }

  /**
   * Self-modifying code, in a mapping that no correct kernel makes: nothing decoded stays valid.
   */
  #forgetCode(): void {
    for (const page of this.#pages.values()) page.code.length = 0;
  }

  #page(low: number, high: number, write: boolean, stack: boolean): LivePage {
    const number = (high >>> 0) * 0x10_0000 + (low >>> 12);
    let page = number === this.#accessedNumber ? this.#accessed : undefined;
    if (page === undefined) {
      if (!isCanonical(high)) throw new Fault(stack ? VECTOR.SS : VECTOR.GP, 0);
      page = this.#pages.get(number);
      this.#accessed = page;
      this.#accessedNumber = number;
    }
    const user = this.cpl === 3;
    const bits = (write ? PF_WRITE : 0) | (user ? PF_USER : 0);
    if (page === undefined) throw new Fault(VECTOR.PF, bits, join(low, high));
    const { source } = page;
    const readOnly = write && !source.writable && (user || this.#writeProtect);
    if (readOnly || (user && !source.user)) {
      throw new Fault(VECTOR.PF, bits | PF_PRESENT, join(low, high));
    }
    return page;
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
