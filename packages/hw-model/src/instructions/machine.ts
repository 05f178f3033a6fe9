// SPDX-License-Identifier: MIT
import { EFER_SCE } from '../cpu/registers.ts';
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
import { Datapath } from './datapath.ts';
import { STATUS } from './flags.ts';
import { halves, join } from './halves.ts';
import type { Instruction } from './instruction.ts';
import type { CpuQuirks, MachineState } from './machine-state.ts';
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

/**
 * A machine that executes in place: private to one run, made from a state and frozen into one at
 * its end.
 */
export class Machine extends Datapath {
  readonly alu: Alu = new Alu();
  cs: CodeSegment;
  /** The selector in SS. */
  ss = 0;
  /** The status flags alone. */
  flags: number;
  /** The other flags of RFLAGS: TF, IF, IOPL and what lies above them. */
  systemFlags: bigint;
  tracker: Tracker = 'idle';
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

  constructor(state: MachineState) {
    super(state);
    const { control } = state;
    this.#origin = state;
    this.flags = Number(control.rflags & BigInt(STATUS));
    this.systemFlags = control.rflags & ~BigInt(STATUS);
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
  }

  /** The state that the machine stands for now. */
  freeze(): MachineState {
    const { control, pages, registers, cet, quirks, system } = this.#origin;
    const msrs = this.#trackedMsrs();
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
      pages: this.frozenPages(pages),
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

  /** RFLAGS, all of it. */
  get rflags(): bigint {
    return this.systemFlags | BigInt(this.flags);
  }

  set rflags(value: bigint) {
    this.flags = Number(value & BigInt(STATUS));
    this.systemFlags = value & ~BigInt(STATUS);
  }

  // --- privilege levels, and the tracker of indirect branches of each

  /** Makes a level the current one. The tracker of the one before stays as it is, in its MSR. */
  enterLevel(cpl: Cpl): void {
    if (cpl === this.cpl) return;
    this.#msrs = this.#trackedMsrs();
    this.takeRights(cpl);
    this.#loadTracker();
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
}
