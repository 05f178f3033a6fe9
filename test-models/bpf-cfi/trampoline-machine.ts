// SPDX-License-Identifier: MIT
import { CALLS, type TrampolineShape } from '@kernel-models/bpf-cfi';
import {
  machineState,
  mapBytes,
  peekNumber,
  READ_EXECUTE,
  READ_WRITE,
  register,
  run,
  type MachineState,
  type Page,
} from '@kernel-models/hw-model/instructions';

/*
 * A machine with nothing in it but a trampoline and what it calls, each of which does the worst
 * that its calling convention allows. What is entered, in what order and with what, is written down.
 */

/** Where things lie; nothing but their distances matters. */
export const PLACES = {
  trampoline: 0xffff_ffff_c000_0000n,
  programs: 0xffff_ffff_c001_0000n,
  function: 0xffff_ffff_8100_0000n,
  caller: 0xffff_ffff_8200_0000n,
  stack: 0xffff_c900_0000_0000n,
} as const;
const STACK_SIZE = 0x4000;
/** Bytes between programs, and between the objects that stand for them. */
const SPACING = 0x40n;
const OBJECTS = 0xffff_c900_1000_0000n;

/** bpf_func of a program, by its number. */
export function programEntry(index: number): bigint {
  return PLACES.programs + SPACING * BigInt(index);
}

/** struct bpf_prog of a program. */
export function programObject(index: number): bigint {
  return OBJECTS + SPACING * BigInt(index);
}

/** What the machine is made of. */
export interface TrampolineRun {
  readonly shape: TrampolineShape;
  readonly bytes: readonly number[];
  /** What each program returns, by its number. */
  readonly returns: readonly number[];
  /** Programs that may sleep do not get to run: their enter answers 0. */
  readonly sleepersSkipped: boolean;
  /** Bytes of ENDBR64 in front of the function's patch site: 4 or 0. */
  readonly landing: number;
  /** The CPU tracks indirect branches. */
  readonly tracked: boolean;
  /** What the caller passes in rdi, rsi, rdx, rcx, r8 and r9, as far as it does, and on the stack. */
  readonly registers: readonly bigint[];
  readonly stack: readonly bigint[];
  /** RAX when the function is called: a count of tail calls, or nothing in particular. */
  readonly rax: bigint;
  /** What the function returns. */
  readonly result: bigint;
  /** Slots whose values are compared, as the trampoline saves them. */
  readonly slots: number;
}

/** What running it came to. */
export interface TrampolineReport {
  readonly events: readonly string[];
  /** `returned`, or an exception by its vector and error code. */
  readonly end: string;
  readonly rax: bigint;
  /** Registers of the caller that did not come back. */
  readonly lost: readonly string[];
}

const KEPT = { rbx: 0x1111n, rbp: 0x2222n, r12: 0x3333n, r13: 0x4444n, r14: 0x5555n, r15: 0x6666n };
/** What enter answers: when a program began. */
const BEGAN = 0x77n;

/** MOV to every register that a callee may change but RAX, then RAX, then RET. */
function clobbering(rax: bigint): readonly number[] {
  const junk = [0xbf, 0xbe, 0xba, 0xb9].flatMap((opcode) => [opcode, 0xad, 0xde, 0xad, 0xde]);
  const high = [0xb8, 0xb9, 0xba, 0xbb].flatMap((opcode) => [0x41, opcode, 0xad, 0xde, 0xad, 0xde]);
  const bytes = Array.from({ length: 8 }, (_, index) => Number((rax >> BigInt(8 * index)) & 0xffn));
  return [...junk, ...high, 0x48, 0xb8, ...bytes, 0xc3];
}

/** Runs a call of the traced function to its end. */
export function runTraced(made: TrampolineRun): TrampolineReport {
  const { shape, landing } = made;
  // As the ABI has it behind a call: 8 below a multiple of 16.
  const rsp = PLACES.stack + BigInt(STACK_SIZE) - 0x808n;
  const [rdi = 0n, rsi = 0n, rdx = 0n, rcx = 0n, r8 = 0n, r9 = 0n] = made.registers;
  let state = machineState({
    ibt: made.tracked,
    rip: PLACES.function,
    registers: { ...KEPT, rdi, rsi, rdx, rcx, r8, r9, rax: made.rax, rsp },
    pages: pagesOf(made, rsp),
  });
  const events: string[] = [];
  const body = PLACES.function + BigInt(landing + 5);
  for (let steps = 0; steps < 5_000; steps += 1) {
    const event = eventAt(state, made, body);
    if (event !== undefined) events.push(event);
    const result = run(state, 1);
    ({ state } = result);
    if (result.event.kind === 'limit') continue;
    const ended = result.event;
    const end = ended.kind === 'exception' ? `#${ended.vector} ${ended.errorCode}` : 'returned';
    const expected = { ...KEPT, rsp: rsp + 8n };
    const lost = Object.entries(expected)
      .filter(([name, value]) => register(state, name as keyof typeof expected) !== value)
      .map(([name]) => name);
    return { events, end, rax: register(state, 'rax'), lost };
  }
  throw new Error(`a trampoline with flags ${shape.flags} does not end`);
}

function pagesOf(made: TrampolineRun, rsp: bigint): readonly Page[] {
  // What earlier calls have left: nothing may count on zeroes.
  const stack = new Uint8Array(STACK_SIZE).fill(0xa5);
  const view = new DataView(stack.buffer);
  const at = Number(rsp - PLACES.stack);
  view.setBigUint64(at, PLACES.caller, true);
  for (const [slot, value] of made.stack.entries()) {
    view.setBigUint64(at + 8 + 8 * slot, value, true);
  }
  const distance = Number(
    BigInt.asIntN(32, PLACES.trampoline - (PLACES.function + BigInt(made.landing + 5))),
  );
  const call = [0xe8, ...[0, 8, 16, 24].map((shift) => (distance >> shift) & 0xff)];
  const landing = made.landing === 0 ? [] : [0xf3, 0x0f, 0x1e, 0xfa];
  const code = new Map<bigint, readonly number[]>([
    [PLACES.trampoline, made.bytes],
    [PLACES.function, [...landing, ...call, ...clobbering(made.result)]],
    [PLACES.caller, [0xf4]],
    [CALLS.enter, clobbering(BEGAN)],
    [CALLS.exit, clobbering(0n)],
    [CALLS.sleepable.enter, clobbering(made.sleepersSkipped ? 0n : BEGAN)],
    [CALLS.sleepable.exit, clobbering(0n)],
    [CALLS.image.enter, clobbering(0n)],
    [CALLS.image.exit, clobbering(0n)],
    [CALLS.returnThunk, [0xc3]],
    ...made.returns.map(
      (value, index) => [programEntry(index), clobbering(BigInt(value))] as const,
    ),
  ]);
  let pages: readonly Page[] = [];
  for (const [address, bytes] of byPage(code))
    pages = mapBytes(pages, address, bytes, READ_EXECUTE);
  return mapBytes(pages, PLACES.stack, stack, READ_WRITE);
}

/** Pieces of code, a page at a time; INT3 between them. */
function byPage(code: ReadonlyMap<bigint, readonly number[]>): ReadonlyMap<bigint, Uint8Array> {
  const pages = new Map<bigint, Uint8Array>();
  for (const [start, bytes] of code) {
    for (const [index, byte] of bytes.entries()) {
      const address = start + BigInt(index);
      const page = address & ~0xfffn;
      const content = pages.get(page) ?? new Uint8Array(0x1000).fill(0xcc);
      content[Number(address - page)] = byte;
      pages.set(page, content);
    }
  }
  return pages;
}

/** What is entered here, and with what; undefined inside of things. */
function eventAt(state: MachineState, made: TrampolineRun, body: bigint): string | undefined {
  const { rip } = state.control;
  const hex = (name: 'rdi' | 'rsi' | 'rdx' | 'rax'): string => register(state, name).toString(16);
  const unaligned = register(state, 'rsp') % 8n === 0n ? '' : ' unaligned';
  switch (rip) {
    case body:
      return functionEvent(state, made);
    case CALLS.image.enter:
    case CALLS.image.exit:
      return `image ${rip === CALLS.image.enter ? 'enter' : 'exit'} ${hex('rdi')}${unaligned}`;
    case CALLS.enter:
    case CALLS.sleepable.enter: {
      const cookie = read(state, register(state, 'rsi')).toString(16);
      const how = rip === CALLS.enter ? 'enter' : 'enter sleepable';
      return `${how} ${hex('rdi')} cookie ${cookie}${unaligned}`;
    }
    case CALLS.exit:
    case CALLS.sleepable.exit: {
      const how = rip === CALLS.exit ? 'exit' : 'exit sleepable';
      return `${how} ${hex('rdi')} began ${hex('rsi')}${unaligned}`;
    }
    default: {
      const index = Number((rip - PLACES.programs) / SPACING);
      const entered = made.returns[index] !== undefined && programEntry(index) === rip;
      return entered ? `${programEvent(state, made, index)}${unaligned}` : undefined;
    }
  }
}

/** A program finds slots, their number below them and, if asked for, the function's address. */
function programEvent(state: MachineState, { slots, shape }: TrampolineRun, index: number): string {
  const context = register(state, 'rdi');
  const values = Array.from({ length: slots }, (_, slot) =>
    read(state, context + 8n * BigInt(slot)).toString(16),
  );
  const count = read(state, context - 8n);
  const kind = index < shape.fentry.length ? 'fentry' : isExit(shape, index) ? 'fexit' : 'fmod_ret';
  const result = kind === 'fentry' ? '' : ` result ${read(state, context + 8n * BigInt(slots))}`;
  const address = (shape.flags & 8) === 0 ? '' : ` ip ${read(state, context - 16n).toString(16)}`;
  return `${kind} ${index} of ${count}: ${values.join()}${result}${address}`;
}

function isExit({ fentry, fmodRet }: TrampolineShape, index: number): boolean {
  return index >= fentry.length + fmodRet.length;
}

/** The function finds its arguments where its caller put them, or where a caller would. */
function functionEvent(
  state: MachineState,
  { registers: passed, stack, shape }: TrampolineRun,
): string {
  const names = (['rdi', 'rsi', 'rdx', 'rcx', 'r8', 'r9'] as const).slice(0, passed.length);
  const registers = names.map((name) => register(state, name).toString(16));
  const rsp = register(state, 'rsp');
  const onStack = stack.map((_, slot) => read(state, rsp + 8n + 8n * BigInt(slot)).toString(16));
  // With arguments on the stack, RSP was at a multiple of 16 before the call.
  const fits = stack.length === 0 || (rsp + 8n) % 16n === 0n ? '' : ' unaligned';
  const count = (shape.flags & 0x80) === 0 ? '' : ` rax ${register(state, 'rax').toString(16)}`;
  return `function ${[...registers, ...onStack].join()}${count}${fits}`;
}

function read(state: MachineState, address: bigint): bigint {
  const value = peekNumber(state, address, 8);
  if (value === undefined) throw new Error(`0x${address.toString(16)} is not mapped`);
  return value;
}
