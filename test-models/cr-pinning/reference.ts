// SPDX-License-Identifier: MIT

/*
 * A naive reference of the posting of June 2020 on one vCPU that runs a 64-bit kernel: bits by
 * name, pins as two lists for each register, every rule as the posting states it. It knows writes
 * of CR0 and CR4 that touch the pinned bits only, the six MSRs, SMM and a nested guest.
 */

export type BitName = 'WP' | 'SMEP' | 'SMAP' | 'UMIP';
export type RegisterName = 'cr0' | 'cr4';
export type Polarity = 'low' | 'high';

/** What is on: the names of bits. */
export type On = readonly BitName[];

export interface Reference {
  /** The registers as they are now, of L1 or of L2. */
  readonly cr0: On;
  readonly cr4: On;
  readonly pins: Readonly<Record<RegisterName, Readonly<Record<Polarity, On>>>>;
  /** What RSM will load; null outside SMM. */
  readonly saved: { readonly cr0: On; readonly cr4: On; readonly inL2: boolean } | null;
  /** What L1 wants back; null outside L2. */
  readonly host: { readonly cr0: On; readonly cr4: On } | null;
  readonly dead: boolean;
}

export type Answer = 'ok' | 'gp' | 'dead' | 'exit';

const ALLOWED: Readonly<Record<RegisterName, On>> = { cr0: ['WP'], cr4: ['SMEP', 'SMAP', 'UMIP'] };

export const START: Reference = {
  cr0: ['WP'],
  cr4: ['SMEP', 'SMAP'],
  pins: { cr0: { low: [], high: [] }, cr4: { low: [], high: [] } },
  saved: null,
  host: null,
  dead: false,
};

/** Every bit pinned high is on, every bit pinned low is off. */
function respects({ pins }: Reference, register: RegisterName, value: On): boolean {
  const { low, high } = pins[register];
  return high.every((bit) => value.includes(bit)) && low.every((bit) => !value.includes(bit));
}

/** A MOV that KVM sees. Pins do not count in SMM and in L2. */
export function writeCr(
  state: Reference,
  register: RegisterName,
  value: On,
): readonly [Reference, Answer] {
  const counts = state.saved === null && state.host === null;
  if (counts && !respects(state, register, value)) return [state, 'gp'];
  return [{ ...state, [register]: value }, 'ok'];
}

/** A write of a PINNED MSR. */
export function pin(
  state: Reference,
  register: RegisterName,
  polarity: Polarity,
  value: readonly string[],
  byHost: boolean,
): readonly [Reference, Answer] {
  // The MSRs are in no permission map: L2's access is L1's business. SMM is outside of L2.
  if (!byHost && state.host !== null && state.saved === null) return leaveL2(state);
  const bits = ALLOWED[register].filter((bit) => value.includes(bit));
  const own = state.pins[register][polarity];
  const other = state.pins[register][polarity === 'low' ? 'high' : 'low'];
  if (bits.length !== value.length) return [state, 'gp'];
  if (bits.some((bit) => other.includes(bit))) return [state, 'gp'];
  if (!byHost && !own.every((bit) => bits.includes(bit))) return [state, 'gp'];
  const pins = { ...state.pins, [register]: { ...state.pins[register], [polarity]: bits } };
  return [{ ...state, pins }, 'ok'];
}

/** WP stays over an SMI; CR4 becomes 0. */
export function smi(state: Reference): readonly [Reference, Answer] {
  if (state.saved !== null) return [state, 'ok'];
  const saved = { cr0: state.cr0, cr4: state.cr4, inL2: state.host !== null };
  return [{ ...state, cr4: [], saved }, 'ok'];
}

/** What is loaded has to respect the pins, unless it is L2's. */
export function rsm(state: Reference): readonly [Reference, Answer] {
  const { saved } = state;
  if (saved === null) return [state, 'gp'];
  const { cr0, cr4, inL2 } = saved;
  if (!inL2 && !(respects(state, 'cr0', cr0) && respects(state, 'cr4', cr4))) {
    return [{ ...state, dead: true }, 'dead'];
  }
  return [{ ...state, cr0, cr4, saved: null }, 'ok'];
}

export function enterL2(
  state: Reference,
  guest: { readonly cr0: On; readonly cr4: On },
  host: { readonly cr0: On; readonly cr4: On },
): readonly [Reference, Answer] {
  return [{ ...state, ...guest, host }, 'ok'];
}

/** L1 gets what it asked for, but for its pins. */
export function leaveL2(state: Reference): readonly [Reference, Answer] {
  const { host, pins } = state;
  if (host === null) return [state, 'ok'];
  const forced = (asked: On, { low, high }: Readonly<Record<Polarity, On>>): On => {
    const on = [...asked, ...high.filter((bit) => !asked.includes(bit))];
    return on.filter((bit) => !low.includes(bit));
  };
  const cr0 = forced(host.cr0, pins.cr0);
  const cr4 = forced(host.cr4, pins.cr4);
  return [{ ...state, cr0, cr4, host: null }, 'exit'];
}
