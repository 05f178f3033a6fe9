// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  cetValue,
  hasWritableCode,
  IA32_S_CET,
  machineState,
  mapBytes,
  peek,
  protect,
  READ_EXECUTE,
  READ_WRITE,
  register,
  run,
  step,
  textPoke,
  textPokeBp,
  trackerOf,
  trackHandlerEntry,
  writeCetMsr,
  type MachineState,
} from '../../src/instructions/index.ts';

const CODE = 0xffff_ffff_8100_0000n;
const TARGET = CODE + 0x100n;
const STACK = 0xffff_c900_0000_1000n;

function bytes(hex: string): number[] {
  return (hex.replace(/ /g, '').match(/../g) ?? []).map((pair) => parseInt(pair, 16));
}

/** Code at CODE that branches through RAX, and other code at its target. */
function machine(
  code: string,
  target: string,
  options: { ibt?: boolean; cet?: bigint } = {},
): MachineState {
  const page = new Uint8Array(4096).fill(0xf4);
  page.set(bytes(code));
  page.set(bytes(target), 0x100);
  let pages = mapBytes([], CODE, page, READ_EXECUTE);
  pages = mapBytes(pages, STACK - 0x1000n, new Uint8Array(4096), READ_WRITE);
  const { ibt = true, cet = 0n } = options;
  return machineState({
    ibt,
    cet,
    rip: CODE,
    registers: { rax: TARGET, rsp: STACK - 0x100n },
    pages,
  });
}

function vectorOf(state: MachineState): number | string {
  const { event } = run(state, 10);
  return event.kind === 'exception' ? event.vector : event.kind;
}

describe('the tracker', () => {
  test.each([
    ['a tracked jump onto ENDBR64', 'ffe0', 'f30f1efa', 'halt'],
    ['a tracked jump onto anything else', 'ffe0', '90', 21],
    ['a tracked call onto ENDBR64', 'ffd0', 'f30f1efa', 'halt'],
    ['ENDBR32 in 64-bit mode', 'ffe0', 'f30f1efb', 21],
    ['an invalid opcode by a tracked jump', 'ffe0', 'ea', 21],
    ['a UD2 by a tracked jump', 'ffe0', '0f0b', 21],
    ['INT3, which is exempt', 'ffe0', 'cc', 3],
    ['a prefix 3E that nothing honours', '3effe0', '90', 21],
    ['a direct jump', 'e9fb000000', '90', 'halt'],
    ['a return', '50c3', '90', 'halt'],
  ])('%s', (_, code, target, expected) => {
    expect(vectorOf(machine(code, target))).toBe(expected);
  });

  test('NO_TRACK_EN honours 3E', () => {
    expect(vectorOf(machine('3effe0', '90', { cet: CET_NO_TRACK_EN }))).toBe('halt');
    expect(vectorOf(machine('ffe0', '90', { cet: CET_NO_TRACK_EN }))).toBe(21);
  });

  test('without tracking everything is a landing', () => {
    expect(vectorOf(machine('ffe0', '90', { ibt: false }))).toBe('halt');
    expect(vectorOf(machine('ffe0', 'ea', { ibt: false }))).toBe(6);
  });

  test('a missing landing leaves the state before the instruction, with error code 3', () => {
    const { state, event } = run(machine('ffe0', '90'), 10);
    expect(event).toMatchObject({ kind: 'exception', vector: 21, errorCode: 3, rip: TARGET });
    expect(trackerOf(cetValue(state.control, 0))).toBe('wait');
    expect(state.control.rip).toBe(TARGET);
  });

  test('a legacy page suspends tracking until the next landing', () => {
    const base = 0xffff_8880_0000_0000n;
    const state = machine('ffe0', '90', { cet: CET_LEG_IW_EN | base });
    const page = (BigInt.asUintN(48, TARGET) >> 12n) / 8n;
    const bitmap = {
      ...state,
      pages: mapBytes(
        state.pages,
        (base + page) & ~0xfffn,
        new Uint8Array(4096).fill(0xff),
        READ_WRITE,
      ),
    };
    const { state: after } = run(bitmap, 2);
    expect(trackerOf(cetValue(after.control, 0))).toBe('suppressed');
    expect(vectorOf(bitmap)).toBe('halt');
    expect(vectorOf(state)).toBe(14);
  });

  test('an entry through the IDT waits for ENDBR64 where tracking is on', () => {
    const on = trackHandlerEntry(machine('90', '90').control, 0);
    expect(trackerOf(cetValue(on, 0))).toBe('wait');
    const { control } = machine('90', '90', { ibt: false });
    expect(trackHandlerEntry(control, 0)).toBe(control);
  });
});

test('a CET MSR refuses reserved bits, both tracker bits, absent features and odd bases', () => {
  const { control } = machine('90', '90');
  const features = { ibt: true, shadowStack: false };
  const write = (value: bigint, has = features): boolean =>
    writeCetMsr(control, IA32_S_CET, value, has) !== undefined;
  expect(write(4n)).toBe(true);
  expect(write(1n << 6n)).toBe(false);
  expect(write(3n << 10n)).toBe(false);
  expect(write(1n)).toBe(false);
  expect(write(1n, { ibt: true, shadowStack: true })).toBe(true);
  expect(write(4n, { ibt: false, shadowStack: false })).toBe(false);
  expect(write(4n | (1n << 60n))).toBe(false);
});

describe('text', () => {
  test('a write to code faults, and changes nothing', () => {
    const state = machine('488900', '90');
    const { event, state: after } = run(state, 5);
    expect(event).toMatchObject({ vector: 14, errorCode: 3, address: TARGET });
    expect(after.pages).toBe(state.pages);
  });

  test('data is not executed', () => {
    const state = machine('ffe0', '90', { ibt: false });
    expect(vectorOf({ ...state, registers: state.registers.with(0, STACK - 0x800n) })).toBe(14);
    expect(hasWritableCode(state)).toBe(false);
    expect(hasWritableCode(protect(state, CODE, 1, { writable: true, executable: true }))).toBe(
      true,
    );
  });

  test('at every point of a live patch a CPU runs the old, traps, or runs the new', () => {
    const old = bytes('b801000000f4');
    const state = machine('b801000000f4', '90');
    const seen = textPokeBp(state, CODE, Uint8Array.from(bytes('b802000000'))).map((one) => {
      const result = run(one, 5);
      return result.event.kind === 'halt' ? register(result.state, 'rax') : result.event.kind;
    });
    expect(seen).toEqual([1n, 'exception', 'exception', 2n]);
    const back = textPoke(state, CODE, Uint8Array.from(old));
    expect(peek(back, CODE, 6)).toEqual(Uint8Array.from(old));
  });

  test('instructions cross pages, and end where the next one is not there', () => {
    const page = new Uint8Array(4096).fill(0x90);
    page.set([0x48, 0xb8, 1, 2], 4092);
    const pages = mapBytes([], CODE, page, READ_EXECUTE);
    const alone = machineState({ ibt: false, rip: CODE + 4092n, pages });
    expect(step(alone).event).toMatchObject({
      vector: 14,
      errorCode: 0x10,
      address: CODE + 0x1000n,
    });
    const both = {
      ...alone,
      pages: mapBytes(pages, CODE + 0x1000n, Uint8Array.of(3, 4, 5, 6, 7, 8), READ_EXECUTE),
    };
    expect(register(step(both).state, 'rax')).toBe(0x0807060504030201n);
  });
});

test('a run is as many steps', () => {
  const state = machine('48ffc0eb fb', '90');
  const { state: whole, retired } = run(state, 9);
  let one = state;
  for (let index = 0; index < 9; index += 1) ({ state: one } = step(one));
  expect(retired).toBe(9);
  expect(one).toEqual(whole);
  expect(() => run(state, -1)).toThrow('limit: expected a whole number from 0, got -1');
});
