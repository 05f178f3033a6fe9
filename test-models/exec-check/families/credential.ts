// SPDX-License-Identifier: MIT
import { CAP_SETPCAP, CAP_SETUID, RLIM_INFINITY, type Operation } from '@kernel-models/exec-check';
import { IDS, PATHS, TASKS } from '../arbitraries.ts';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';

function idOrKeep(dice: Dice): number {
  return dice.pick([-1, ...IDS, 1]);
}

export function credential(dice: Dice, world: World, task: string): Operation {
  const set = (): bigint =>
    dice.pick([0n, CAP_SETUID, CAP_SETPCAP, world.tasks.get(task)?.permitted ?? 0n]);
  switch (dice.roll(14)) {
    case 3:
      return { op: 'setfsuid', task, fsuid: dice.pick([...IDS, 1]) };
    case 4:
      return { op: 'capset', task, effective: set(), permitted: set(), inheritable: set() };
    case 5:
      return { op: 'setNoNewPrivs', task };
    case 6:
      return { op: 'getNoNewPrivs', task };
    case 7:
      return {
        op: 'unshareUser',
        task,
        uidMap: [{ inside: 0, outside: dice.pick([7, 1000]), count: 2 }],
        gidMap: [{ inside: 0, outside: 7, count: 1 }],
      };
    case 8:
      return {
        op: 'setrlimit',
        task,
        resource: 'nproc',
        soft: dice.pick([0n, 1n, 2n, 3n, RLIM_INFINITY]),
      };
    case 9:
      return {
        op: 'setrlimit',
        task,
        resource: 'stack',
        soft: dice.pick([RLIM_INFINITY, 8n << 20n, 1n << 20n]),
      };
    case 10:
      return {
        op: 'landlockRestrict',
        task,
        allow: [dice.pick([...PATHS, '/', '/d', '/m', '/b'])],
      };
    case 11:
      return { op: 'ptraceAttach', task, target: dice.pick(TASKS) };
    case 12:
      return { op: 'fork', task, child: dice.pick(TASKS) };
    case 13:
      return { op: 'exit', task };
    default:
      return {
        op: 'setresuid',
        task,
        ruid: idOrKeep(dice),
        euid: idOrKeep(dice),
        suid: idOrKeep(dice),
      };
  }
}

export function securebits(dice: Dice, world: World, task: string): Operation {
  const old = BigInt(world.tasks.get(task)?.securebits ?? 0);
  switch (dice.roll(8)) {
    case 5:
      return { op: 'getSecurebits', task };
    case 6:
      return { op: 'setKeepcaps', task, value: dice.pick([0n, 1n, 2n, 1n << 32n]) };
    case 7:
      return { op: 'getKeepcaps', task };
    default: {
      const flipped = old ^ (1n << BigInt(dice.roll(12)));
      const value = dice.pick([
        flipped,
        flipped ^ (3n << BigInt(2 * dice.roll(6))),
        old,
        old | (1n << BigInt(dice.roll(64))),
        BigInt(dice.roll(4096)),
      ]);
      return { op: 'setSecurebits', task, value };
    }
  }
}
