// SPDX-License-Identifier: MIT
import type { Dice } from '../../dice.ts';
import type { View } from '../generate.ts';
import { ARENA, ARENA_PAGES, PAGE, pages } from '../operations.ts';

const ARENA_END = ARENA + pages(ARENA_PAGES);

function arenaPage(dice: Dice): bigint {
  return ARENA + pages(dice.below(ARENA_PAGES));
}

function isNear(address: bigint): boolean {
  return address >= ARENA && address <= ARENA_END;
}

/** A page of the arena: often an end of a mapping, or beside one. */
export function near(dice: Dice, { vmas }: View): bigint {
  const ends = vmas.flatMap(({ start, end }) => [start, end]).filter(isNear);
  if (ends.length === 0 || dice.chance(0.4)) return arenaPage(dice);
  const address = dice.pick(ends) + pages(dice.below(3) - 1);
  return isNear(address) ? address : arenaPage(dice);
}

/** A mapping that the case made or may change. */
export function mapping(
  dice: Dice,
  { vmas }: View,
): { readonly start: bigint; readonly end: bigint } {
  const own = vmas.filter(({ name, start }) => name !== 'probe' && start >= ARENA);
  const some = own.filter(({ name }) => !name.startsWith('['));
  if (some.length > 0) return dice.pick(some);
  const start = arenaPage(dice);
  return { start, end: start + PAGE };
}

export function few(dice: Dice): bigint {
  return pages(1 + dice.below(dice.chance(0.7) ? 4 : 12));
}

/** A range: of the arena, or of a mapping from one of its pages to another. */
export function range(
  dice: Dice,
  view: View,
): { readonly address: bigint; readonly length: bigint } {
  if (dice.chance(0.5)) return { address: near(dice, view), length: few(dice) };
  const { start, end } = mapping(dice, view);
  const count = Math.min(Number((end - start) / PAGE), 16);
  const first = dice.below(count);
  const length = dice.chance(0.3)
    ? end - start - pages(first)
    : pages(1 + dice.below(count - first));
  return { address: start + pages(first), length };
}

/** Somewhere in the heap or right above it. */
export function heapPage(dice: Dice, { process, brk }: View): bigint {
  const top = Number((brk - process.startBrk) / PAGE);
  return process.startBrk + pages(dice.below(Math.max(top, 0) + 6));
}
