// SPDX-License-Identifier: MIT
import {
  CR4_CET,
  EFER_SCE,
  MSR_IA32_SYSENTER_CS,
  MSR_IA32_SYSENTER_EIP,
  MSR_IA32_SYSENTER_ESP,
  MSR_LSTAR,
  MSR_STAR,
} from '@kernel-models/hw-model/cpu';
import {
  CET_ENDBR_EN,
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  CET_SUPPRESS,
  CET_SUPPRESS_DIS,
  CET_TRACKER,
  IA32_S_CET,
  IA32_U_CET,
  machineState,
  mapBytes,
  withRegisters,
  type Descriptor,
  type Gate,
  type MachineState,
  type RegisterName,
  type SystemTables,
} from '@kernel-models/hw-model/instructions';
import type { Kind, LevelTracker, TrackerMachine } from './tracker-reference.ts';

/*
 * A machine, and how the world is arranged around one instruction of it: the instruction stands at
 * RIP, and whatever it does leads to a place that the history names.
 */

/** Places to go to: pages of code, every second of which the legacy bitmap names. */
export const PLACES: readonly bigint[] = [0x40_0040n, 0x40_1100n, 0x40_2200n, 0x40_3300n];
/** A place where nothing is mapped. */
export const NOWHERE = 0x80_0000n;
/** Pages of handlers: of each vector 16 bytes. */
export const HANDLER_PAGES: readonly bigint[] = [0x70_0000n, 0x70_1000n];

const POINTERS = 0x50_0000n;
const STACK = 0x60_0800n;
const KERNEL_STACK = 0x61_0800n;
const BITMAP = 0x90_0000n;
const GATE_COUNT = 0x22;

const [KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA, CALL_GATE] = [0x08, 0x10, 0x2b, 0x23, 0x3b];

/** Whether the legacy bitmap names the page of an address: the odd ones. */
export function isLegacyPage(address: bigint): boolean {
  return ((address >> 12n) & 1n) === 1n;
}

/** The handler of a vector. */
export function handlerOf(page: bigint, vector: number): bigint {
  return page + BigInt(16 * vector);
}

const PERMISSIONS = { writable: true, executable: true, user: true };

/** A machine whose MSRs are as the reference has them. */
export function machineOf({ level, user, kernel }: TrackerMachine): MachineState {
  const made = machineState({ ibt: false, cpl: level, rip: PLACES[0] ?? 0n, pages: [] });
  const pages = [...PLACES, ...HANDLER_PAGES, POINTERS, STACK, KERNEL_STACK].reduce(
    (known, address) => mapBytes(known, address & ~0xfffn, new Uint8Array(4096), PERMISSIONS),
    mapBytes([], BITMAP, new Uint8Array(4096).fill(0xaa), PERMISSIONS),
  );
  const { control } = made;
  return {
    ...made,
    pages,
    control: {
      ...control,
      cr4: control.cr4 | CR4_CET,
      efer: control.efer | EFER_SCE,
      cs: { ...control.cs, selector: level === 3 ? USER_CODE : KERNEL_CODE },
      msrs: {
        ...control.msrs,
        [IA32_U_CET]: msrOf(user),
        [IA32_S_CET]: msrOf(kernel),
        [MSR_STAR]: (0x18n << 48n) | (BigInt(KERNEL_CODE) << 32n),
        [MSR_IA32_SYSENTER_CS]: BigInt(KERNEL_CODE),
        [MSR_IA32_SYSENTER_ESP]: KERNEL_STACK,
      },
    },
    system: {
      tables: tablesTo(0n, 0n),
      ss: level === 3 ? USER_DATA : KERNEL_DATA,
      interrupt: null,
      interruptShadow: false,
    },
  };
}

function msrOf(tracker: LevelTracker): bigint {
  const { tracks, honoursNoTrack, legacy, suppresses, state } = tracker;
  const bits: readonly (readonly [boolean, bigint])[] = [
    [tracks, CET_ENDBR_EN],
    [honoursNoTrack, CET_NO_TRACK_EN],
    [legacy, CET_LEG_IW_EN | BITMAP],
    [!suppresses, CET_SUPPRESS_DIS],
    [state === 'wait', CET_TRACKER],
    [state === 'suppressed', CET_SUPPRESS],
  ];
  return bits.reduce((value, [isSet, mask]) => (isSet ? value | mask : value), 0n);
}

/** Tables whose gates lead to a page of handlers, and whose call gate leads to a target. */
function tablesTo(handlers: bigint, target: bigint): SystemTables {
  const data = (dpl: 0 | 3): Descriptor => ({ kind: 'data', dpl });
  const code = (dpl: 0 | 3, long: boolean): Descriptor => ({
    ...{ kind: 'code', dpl, long, conforming: false },
  });
  return {
    gdt: [
      ...[null, code(0, true), data(0), code(3, false), data(3), code(3, true), data(3)],
      { kind: 'call-gate', dpl: 3, selector: KERNEL_CODE, offset: target },
    ],
    idt: Array.from({ length: GATE_COUNT }, (_, vector): Gate => ({
      ...{ dpl: 3, present: true, selector: KERNEL_CODE, ist: 0, clearsIf: true },
      offset: handlerOf(handlers, vector),
    })),
    rsp0: KERNEL_STACK,
    ist: [],
  };
}

/** What an instruction is made of, and finds. */
interface Arrangement {
  readonly code: string;
  readonly registers?: Readonly<Partial<Record<RegisterName, bigint>>>;
  /** Quadwords at RSP. */
  readonly stack?: readonly bigint[];
  /** The selector behind the target in the pointer at RBX. */
  readonly selector?: number;
}

/** Every kind of instruction, on its way to a target. */
function arrangementOf(kind: Kind, own: number, target: bigint, rip: bigint): Arrangement {
  const frame = (cs: number, ss: number): readonly bigint[] => [
    ...[target, BigInt(cs), 2n, STACK, BigInt(ss)],
  ];
  const ownData = own === USER_CODE ? USER_DATA : KERNEL_DATA;
  switch (kind) {
    case 'nop':
      return { code: '90' };
    case 'endbr32':
      return { code: 'f30f1efb' };
    case 'endbr64':
      return { code: 'f30f1efa' };
    case 'jump':
      return { code: `e9${littleEndian32(target - rip - 5n)}` };
    case 'return':
      return { code: 'c3', stack: [target] };
    case 'indirect jump':
      return { code: 'ffe0', registers: { rax: target } };
    case 'indirect call':
      return { code: 'ffd0', registers: { rax: target } };
    case 'no-track jump':
      return { code: '3effe0', registers: { rax: target } };
    case 'far jump':
      return { code: '48ff2b', selector: own };
    case 'no-track far jump':
      return { code: '3e48ff2b', selector: own };
    case 'far jump to nothing':
      return { code: '48ff2b', selector: 0 };
    case 'far call':
      return { code: '48ff1b', selector: own };
    case 'far call by a gate':
      return { code: '48ff1b', selector: CALL_GATE };
    case 'far return':
      return { code: '48cb', stack: [target, BigInt(own)] };
    case 'far return outwards':
      return { code: '48cb', stack: [target, BigInt(USER_CODE), STACK, BigInt(USER_DATA)] };
    case 'iret':
      return { code: '48cf', stack: frame(own, ownData) };
    case 'iret outwards':
      return { code: '48cf', stack: frame(USER_CODE, USER_DATA) };
    case 'iret inwards':
      return { code: '48cf', stack: frame(KERNEL_CODE, KERNEL_DATA) };
    case 'syscall':
      return { code: '0f05' };
    case 'sysenter':
      return { code: '0f34' };
    case 'sysret':
      return { code: '480f07', registers: { rcx: target, r11: 2n } };
    case 'sysexit':
      return { code: '480f35', registers: { rdx: target, rcx: STACK } };
    case 'int n':
      return { code: 'cd20' };
    case 'int3':
      return { code: 'cc' };
    case 'int1':
      return { code: 'f1' };
    case 'undefined opcode':
      return { code: '0f0b' };
    case 'division by zero':
      return { code: 'f7f1', registers: { rcx: 0n } };
  }
}

/** What a history says of one boundary, beside what the reference needs to know. */
export interface Surroundings {
  readonly kind: Kind;
  readonly interrupted: boolean;
  readonly stepped: boolean;
  readonly target: bigint;
  readonly handlers: bigint;
}

const [TF, IF, ALWAYS] = [0x100n, 0x200n, 2n];
const EXTERNAL = 0x21;

/** The machine with a world arranged for its next instruction, and that instruction's length. */
export function arrange(
  state: MachineState,
  { kind, interrupted, stepped, target, handlers }: Surroundings,
): { readonly state: MachineState; readonly length: bigint } {
  const { control, system } = state;
  if (system === undefined) throw new RangeError('machine: expected tables');
  const { rip } = control;
  const made = arrangementOf(kind, control.cs.selector, target, rip);
  const code = Uint8Array.from(Buffer.from(made.code, 'hex'));
  const stack = quadwords(made.stack ?? []);
  const pointer = quadwords([target, BigInt(made.selector ?? 0)]);
  const parts: readonly (readonly [bigint, Uint8Array])[] = [
    [STACK, stack],
    [POINTERS, pointer],
    ...(rip === NOWHERE ? [] : [[rip, code] as const]),
  ];
  const pages = parts.reduce(
    (known, [address, bytes]) => mapBytes(known, address, bytes, PERMISSIONS),
    state.pages,
  );
  const arranged: MachineState = {
    ...state,
    pages,
    control: {
      ...control,
      rflags: ALWAYS | (stepped ? TF : 0n) | (interrupted ? IF : 0n),
      msrs: { ...control.msrs, [MSR_LSTAR]: target, [MSR_IA32_SYSENTER_EIP]: target },
    },
    system: {
      ...system,
      tables: tablesTo(handlers, target),
      interrupt: interrupted ? EXTERNAL : null,
      interruptShadow: false,
    },
  };
  const registers = { rsp: STACK, rbx: POINTERS, ...made.registers };
  return { state: withRegisters(arranged, registers), length: BigInt(code.length) };
}

function quadwords(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setBigUint64(8 * index, value, true);
  return bytes;
}

function littleEndian32(value: bigint): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(Number(value));
  return bytes.toString('hex');
}
