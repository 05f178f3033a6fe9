// SPDX-License-Identifier: MIT
import { isDeepStrictEqual } from 'node:util';
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cetValue,
  peek,
  register,
  run,
  trackerOf,
  type MachineState,
} from '@kernel-models/hw-model/instructions';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import {
  KINDS,
  step,
  type Destination,
  type LevelTracker,
  type Outcome,
  type TrackerMachine,
} from './tracker-reference.ts';
import {
  arrange,
  HANDLER_PAGES,
  handlerOf,
  isLegacyPage,
  machineOf,
  NOWHERE,
  PLACES,
  type Surroundings,
} from './tracker-world.ts';

/*
 * Random histories of branches, far transfers, faults, interrupts and returns, one instruction at a
 * time, held against a table.
 */

const trackers: Arbitrary<LevelTracker> = fc.record({
  tracks: fc.constantFrom(true, true, true, false),
  honoursNoTrack: fc.boolean(),
  legacy: fc.boolean(),
  suppresses: fc.boolean(),
  state: fc.constantFrom('idle', 'idle', 'wait', 'suppressed'),
});

const machines: Arbitrary<TrackerMachine> = fc.record({
  level: fc.constantFrom(0, 3),
  user: trackers,
  kernel: trackers,
});

/** True once in so many draws. */
const oneIn = (number: number): Arbitrary<boolean> =>
  fc.integer({ min: 1, max: number }).map((drawn) => drawn === number);

const surroundings: Arbitrary<Surroundings> = fc.record({
  // Landings often enough that histories do not consist of #CP.
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom('endbr64', 'endbr64', 'endbr64', 'int3') },
    { weight: 3, arbitrary: fc.constantFrom(...KINDS) },
  ),
  interrupted: oneIn(15),
  stepped: oneIn(15),
  target: fc.oneof(
    { weight: 15, arbitrary: fc.constantFrom(...PLACES) },
    { weight: 1, arbitrary: fc.constant(NOWHERE) },
  ),
  handlers: fc.constantFrom(...HANDLER_PAGES),
});

const histories = fc.array(surroundings, { minLength: 1, maxLength: 40 });

/** A history's next boundary, done to the machine and to the table. */
function advance(
  before: MachineState,
  table: TrackerMachine,
  around: Surroundings,
): { readonly after: MachineState; readonly expected: Outcome; readonly problem?: string } {
  const { rip } = before.control;
  const { state, length } = arrange(before, around);
  const { state: after } = run(state, 1);
  const moment = { ...around, mapped: rip !== NOWHERE, legacyPage: isLegacyPage(rip) };
  const expected = step(table, moment);
  const address = (goes: Destination): bigint => {
    if (goes === 'on') return rip + length;
    return goes === 'target' ? around.target : handlerOf(around.handlers, goes);
  };
  const seen = summary(after, expected.steppedOver !== undefined);
  const { machine, goes, steppedOver } = expected;
  const wanted = {
    rip: address(goes),
    level: machine.level,
    user: machine.user.state,
    kernel: machine.kernel.state,
    saved: steppedOver === undefined ? undefined : address(steppedOver),
  };
  const differs = Object.entries(wanted).filter(
    ([name, value]) => seen[name as keyof typeof seen] !== value,
  );
  return {
    ...{ after, expected },
    ...(differs.length > 0 && {
      problem: differs
        .map(([name, value]) => `${name}: ${String(seen[name as keyof typeof seen])}, not ${value}`)
        .join('; '),
    }),
  };
}

function summary(state: MachineState, trapped: boolean): Record<string, unknown> {
  const { control } = state;
  return {
    rip: control.rip,
    level: control.cpl,
    user: trackerOf(cetValue(control, 3)),
    kernel: trackerOf(cetValue(control, 0)),
    saved: trapped ? savedRip(state) : undefined,
  };
}

function savedRip(state: MachineState): bigint | undefined {
  const bytes = peek(state, register(state, 'rsp'), 8);
  return bytes === undefined ? undefined : Buffer.from(bytes).readBigUInt64LE();
}

function labelsOf(
  table: TrackerMachine,
  around: Surroundings,
  { machine, goes }: Outcome,
): string[] {
  const own = table.level === 3 ? table.user : table.kernel;
  return [
    around.kind,
    `to ${goes}`,
    ...(goes === 21 ? ['missing'] : []),
    ...(own.tracks && own.state === 'wait' && around.kind === 'endbr64' ? ['landed'] : []),
    ...(own.tracks && own.state === 'suppressed' ? ['suppressed'] : []),
    ...(table.level === 3 && machine.level === 0 && table.user.state === 'wait' ? ['kept'] : []),
    ...(table.level === 0 && goes === 0x21 && own.state === 'wait' ? ['lost'] : []),
  ];
}

describe('the tracker', () => {
  test('is as the table has it, at every instruction of every history', async () => {
    const labels = new LabelCoverage();
    const property = fc.property(machines, histories, (start, history) => {
      let table = start;
      let state = machineOf(start);
      for (const [index, around] of history.entries()) {
        const { after, expected, problem } = advance(state, table, around);
        labels.count(labelsOf(table, around, expected));
        if (problem !== undefined) throw new Error(`${index}, ${around.kind}: ${problem}`);
        table = expected.machine;
        state = after;
      }
    });
    await checkProperty('tracker: a table', property, { runs: 1500 });
    labels.require({
      ...Object.fromEntries(KINDS.map((kind) => [kind, 1])),
      ...{ missing: 5, landed: 5, suppressed: 5, kept: 0.5, lost: 0.1 },
      ...{ 'to 14': 0.5, 'to 33': 3, 'to 13': 1, 'to 1': 1 },
    });
  });

  test('decides nothing where no ENDBR64 is missing', async () => {
    const untracked = ({ user, kernel, level }: TrackerMachine): TrackerMachine => ({
      level,
      user: { ...user, tracks: false },
      kernel: { ...kernel, tracks: false },
    });
    let compared = 0;
    const property = fc.property(machines, histories, (start, history) => {
      let tracked = machineOf(start);
      let free = machineOf(untracked(start));
      for (const around of history) {
        const { state } = arrange(tracked, around);
        tracked = run(state, 1).state;
        if (around.handlers + 16n * 21n === tracked.control.rip) return;
        free = run(arrange(free, around).state, 1).state;
        const [one, other] = [tracked.control, free.control];
        if (one.rip !== other.rip || one.cpl !== other.cpl) {
          throw new Error(`${around.kind}: ${one.rip} at ${one.cpl}, untracked ${other.rip}`);
        }
        compared += 1;
      }
    });
    await checkProperty('tracker: without', property, { runs: 1000 });
    expect(compared).toBeGreaterThan(100);
  });

  test('a run is as many single steps, through every handler', async () => {
    const code = fc
      .array(
        fc.constantFrom('90', 'f30f1efa', 'fb', 'cd20', 'cc', '0f0b', 'ffe0', '0f05', '48cf'),
        {
          minLength: 1,
          maxLength: 6,
        },
      )
      .map((parts) => parts.join(''));
    const property = fc.property(
      machines,
      fc.array(code, { minLength: 6, maxLength: 6 }),
      surroundings,
      fc.integer({ min: 1, max: 25 }),
      (start, pieces, around, limit) => {
        const { state } = arrange(machineOf(start), around);
        const placed = withPendingInterrupt(withCode(state, pieces, around));
        const whole = run(placed, limit);
        let one = placed;
        for (let index = 0; index < limit; index += 1) {
          const result = run(one, 1);
          one = result.state;
          if (result.event.kind !== 'limit') break;
        }
        if (!isDeepStrictEqual(one, whole.state)) throw new Error('other states');
      },
    );
    await checkProperty('tracker: runs', property, { runs: 400 });
  });
});

/** An external interrupt that waits for STI, which every level may execute. */
function withPendingInterrupt(state: MachineState): MachineState {
  const { control, system } = state;
  if (system === undefined) throw new RangeError('machine: expected tables');
  return {
    ...state,
    control: { ...control, rflags: control.rflags | 0x3000n },
    system: { ...system, interrupt: 0x21 },
  };
}

/** Pieces of code at the places and at the handlers that are entered. */
function withCode(
  state: MachineState,
  pieces: readonly string[],
  { handlers }: Surroundings,
): MachineState {
  const places = [...PLACES, handlerOf(handlers, 3), handlerOf(handlers, 0x20)];
  return places.reduce((known, address, index) => {
    const bytes = Uint8Array.from(Buffer.from(pieces[index] ?? '', 'hex'));
    return {
      ...known,
      pages: known.pages.map((page) => {
        if (page.address !== (address & ~0xfffn)) return page;
        const content = page.bytes.slice();
        content.set(bytes, Number(address & 0xfffn));
        return { ...page, bytes: content };
      }),
    };
  }, state);
}
