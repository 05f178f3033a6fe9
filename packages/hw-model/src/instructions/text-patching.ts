// SPDX-License-Identifier: MIT
import { findPage, peek, poke } from './memory.ts';
import type { MachineState } from './machine-state.ts';

/*
 * How an operating system changes code. Mirrors text_poke_early(), text_poke() and
 * smp_text_poke_batch_finish() (text_poke_bp() before Linux 6.16), arch/x86/kernel/alternative.c.
 */

const INT3 = 0xcc;

/**
 * Writes code while nothing else runs: at boot, through the mapping itself, made writable for it.
 */
export function textPokeEarly(
  state: MachineState,
  address: bigint,
  bytes: Uint8Array,
): MachineState {
  return poke(state, address, bytes);
}

/**
 * Writes code through a temporary writable alias in an address space of its own, and verifies it.
 * The executable mapping never becomes writable.
 *
 * @throws RangeError where a byte is not mapped, or what is there afterwards is not what was written
 */
export function textPoke(state: MachineState, address: bigint, bytes: Uint8Array): MachineState {
  const after = poke(state, address, bytes);
  const found = peek(after, address, bytes.length);
  if (found === undefined || bytes.some((byte, index) => found[index] !== byte)) {
    throw new RangeError(`address: expected what was written at 0x${address.toString(16)}`);
  }
  return after;
}

/**
 * The states that other CPUs may see while live code is patched: before, with INT3 in front, with
 * the new tail, and after. Between two of them every CPU serializes.
 *
 * @throws RangeError where a byte is not mapped, or there are none to write
 */
export function textPokeBp(
  state: MachineState,
  address: bigint,
  bytes: Uint8Array,
): readonly [
  before: MachineState,
  trapping: MachineState,
  tail: MachineState,
  after: MachineState,
] {
  const [first] = bytes;
  if (first === undefined) throw new RangeError('bytes: expected at least one, got none');
  const trapping = textPoke(state, address, Uint8Array.of(INT3));
  const rest = bytes.subarray(1);
  const tail = rest.length === 0 ? trapping : textPoke(trapping, address + 1n, rest);
  return [state, trapping, tail, textPoke(tail, address, Uint8Array.of(first))];
}

/** Whether any mapping is writable and executable at once. */
export function hasWritableCode({ pages }: Pick<MachineState, 'pages'>): boolean {
  return pages.some(({ writable, executable }) => writable && executable);
}

/** Whether code can be fetched from an address. */
export function isExecutable({ pages }: Pick<MachineState, 'pages'>, address: bigint): boolean {
  return findPage(pages, address)?.executable === true;
}
