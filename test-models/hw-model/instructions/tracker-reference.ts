// SPDX-License-Identifier: MIT

/*
 * The tracker of indirect branches as a table, one row a kind of instruction, written from the
 * manual's chapter on control-flow enforcement. It knows no addresses and no bytes: only where
 * execution goes, at which level, and what both trackers are then.
 */

export type Level = 0 | 3;
export type TrackerState = 'idle' | 'wait' | 'suppressed';

/** One of the two MSRs. */
export interface LevelTracker {
  readonly tracks: boolean;
  readonly honoursNoTrack: boolean;
  /** There is a bitmap of legacy pages. */
  readonly legacy: boolean;
  readonly suppresses: boolean;
  readonly state: TrackerState;
}

export interface TrackerMachine {
  readonly level: Level;
  readonly user: LevelTracker;
  readonly kernel: LevelTracker;
}

/** What a row says of an instruction. */
interface Row {
  /** The levels at which it does what it does; at the other it is #GP. */
  readonly levels: readonly Level[];
  /** On to the next instruction, to the target, or to a handler by its vector. */
  readonly goes: 'on' | 'target' | number;
  /** The level behind it; absent: the same. */
  readonly to?: Level;
  readonly effect: 'none' | 'near' | 'near-no-track' | 'far' | 'landing';
  /** Allowed while ENDBR64 is waited for. */
  readonly exempt?: true;
}

const EVERYWHERE: readonly Level[] = [0, 3];

/** What an exception or interrupt does, wherever it comes from. */
const entry = (vector: number): Row => ({
  levels: EVERYWHERE,
  goes: vector,
  to: 0,
  effect: 'far',
});

const ROWS = {
  nop: { levels: EVERYWHERE, goes: 'on', effect: 'none' },
  endbr32: { levels: EVERYWHERE, goes: 'on', effect: 'none' },
  endbr64: { levels: EVERYWHERE, goes: 'on', effect: 'landing', exempt: true },
  jump: { levels: EVERYWHERE, goes: 'target', effect: 'none' },
  return: { levels: EVERYWHERE, goes: 'target', effect: 'none' },
  'indirect jump': { levels: EVERYWHERE, goes: 'target', effect: 'near' },
  'indirect call': { levels: EVERYWHERE, goes: 'target', effect: 'near' },
  'no-track jump': { levels: EVERYWHERE, goes: 'target', effect: 'near-no-track' },
  'far jump': { levels: EVERYWHERE, goes: 'target', effect: 'far' },
  'no-track far jump': { levels: EVERYWHERE, goes: 'target', effect: 'far' },
  'far call': { levels: EVERYWHERE, goes: 'target', effect: 'far' },
  'far call by a gate': { levels: EVERYWHERE, goes: 'target', to: 0, effect: 'far' },
  'far return': { levels: EVERYWHERE, goes: 'target', effect: 'none' },
  'far return outwards': { levels: EVERYWHERE, goes: 'target', to: 3, effect: 'none' },
  'far jump to nothing': entry(13),
  iret: { levels: EVERYWHERE, goes: 'target', effect: 'none' },
  'iret outwards': { levels: EVERYWHERE, goes: 'target', to: 3, effect: 'none' },
  'iret inwards': { levels: [0], goes: 'target', to: 0, effect: 'none' },
  syscall: { levels: EVERYWHERE, goes: 'target', to: 0, effect: 'far' },
  sysenter: { levels: EVERYWHERE, goes: 'target', to: 0, effect: 'far' },
  sysret: { levels: [0], goes: 'target', to: 3, effect: 'none' },
  sysexit: { levels: [0], goes: 'target', to: 3, effect: 'none' },
  'int n': entry(0x20),
  int3: { ...entry(3), exempt: true },
  int1: entry(1),
  'undefined opcode': entry(6),
  'division by zero': entry(0),
} as const satisfies Readonly<Record<string, Row>>;

export type Kind = keyof typeof ROWS;

export const KINDS: readonly Kind[] = Object.keys(ROWS) as Kind[];

/** What happens at one instruction boundary. */
export interface Moment {
  readonly kind: Kind;
  /** An external interrupt is taken before the instruction. */
  readonly interrupted: boolean;
  /** The instruction traps behind itself: RFLAGS.TF. */
  readonly stepped: boolean;
  /** The instruction's page is there; on the legacy bitmap. */
  readonly mapped: boolean;
  readonly legacyPage: boolean;
}

/** Where execution goes: to a target, on, or to the handler of a vector. */
export type Destination = 'on' | 'target' | number;

export interface Outcome {
  readonly machine: TrackerMachine;
  readonly goes: Destination;
  /** A trap of the instruction itself entered a handler behind it: RIP was saved as this. */
  readonly steppedOver?: 'on' | 'target';
}

const EXTERNAL = 0x21;
const [DEBUG, PAGE_FAULT, PROTECTION, CONTROL_PROTECTION] = [1, 14, 13, 21];

function trackerAt({ user, kernel }: TrackerMachine, level: Level): LevelTracker {
  return level === 3 ? user : kernel;
}

function inState(machine: TrackerMachine, level: Level, state: TrackerState): TrackerMachine {
  const changed = { ...trackerAt(machine, level), state };
  return level === 3 ? { ...machine, user: changed } : { ...machine, kernel: changed };
}

/** A transfer to a level, which waits there where it is tracked. */
function enter(machine: TrackerMachine, level: Level): TrackerMachine {
  const moved = { ...machine, level };
  return trackerAt(moved, level).tracks ? inState(moved, level, 'wait') : moved;
}

function handler(machine: TrackerMachine, vector: number): Outcome {
  return { machine: enter(machine, 0), goes: vector };
}

/** One instruction, or what comes in its place. */
export function step(machine: TrackerMachine, moment: Moment): Outcome {
  if (moment.interrupted) return handler(machine, EXTERNAL);
  if (!moment.mapped) return handler(machine, PAGE_FAULT);
  const row: Row = ROWS[moment.kind];
  const now = trackerAt(machine, machine.level);
  let before = machine;
  if (now.tracks && now.state === 'wait' && row.exempt !== true) {
    if (!now.legacy || !moment.legacyPage) return handler(machine, CONTROL_PROTECTION);
    before = inState(machine, machine.level, now.suppresses ? 'suppressed' : 'idle');
  }
  if (!row.levels.includes(machine.level)) return handler(before, PROTECTION);
  if (typeof row.goes === 'number') return handler(before, row.goes);
  const after = executed(before, row);
  if (!moment.stepped) return { machine: after, goes: row.goes };
  return { ...handler(after, DEBUG), steppedOver: row.goes };
}

function executed(machine: TrackerMachine, { effect, to = machine.level }: Row): TrackerMachine {
  const { level } = machine;
  const own = trackerAt(machine, level);
  switch (effect) {
    case 'none':
      return { ...machine, level: to };
    case 'landing':
      return own.tracks ? inState(machine, level, 'idle') : machine;
    case 'near-no-track':
      if (own.honoursNoTrack) return machine;
      return nearBranch(machine, own);
    case 'near':
      return nearBranch(machine, own);
    case 'far':
      return enter(machine, to);
  }
}

function nearBranch(machine: TrackerMachine, own: LevelTracker): TrackerMachine {
  const waits = own.tracks && own.state !== 'suppressed';
  return waits ? inState(machine, machine.level, 'wait') : machine;
}
