// SPDX-License-Identifier: MIT
import type { Verdict } from '@kernel-models/cr-pinning';
import * as naive from './attack-reference.ts';
import type { Answer, Bits, Cpu, Defence, Polarity, Register, World } from './attack-reference.ts';

/*
 * The attacks T1 to T19 on the naive machine, each as the steps that somebody takes and a question
 * about what is left. None of it looks at the model's scenarios.
 */

const SMEP_SMAP: Bits = ['SMEP', 'SMAP'];
const without = (from: Bits, some: Bits): Bits => from.filter((bit) => !some.includes(bit));
const areOn = (value: Bits, some: Bits): boolean => some.every((bit) => value.includes(bit));

/** Whether the kernel has what it relied on. */
const isGuarded = ({ cr0, cr4 }: Cpu): boolean => areOn(cr0, ['WP']) && areOn(cr4, SMEP_SMAP);

/** What an attack on the bits of the first CPU came to, by its last answer. */
function judged(world: World, last: Answer): Verdict {
  if (world.dead) return 'killed';
  if (!isGuarded(world.cpus[0])) return 'bypass';
  return last === 'fault' || last === 'dropped' ? 'blocked' : 'repaired';
}

type Write = (world: World, cpu: Cpu, register: Register, value: Bits) => Answer;

function clearGuards(write: Write) {
  return (world: World): Verdict => {
    const [cpu] = world.cpus;
    return judged(world, write(world, cpu, 'cr4', without(cpu.cr4, SMEP_SMAP)));
  };
}

/** A request by MSR, where there are MSRs for it. */
function request(world: World, register: Register, polarity: Polarity, bits: Bits): Answer {
  return naive.pin(world, world.cpus[0], register, polarity, bits);
}

const fresh = (defence: Defence): World => naive.booted(defence, 'good', true);
const moving = (defence: Defence): World => naive.booted(defence, 'old-host', true);
const forgetful = (defence: Defence): World => naive.booted(defence, 'no-clear-on-reset', true);
/** Of a kernel with kexec, which pins nothing by itself. */
const withKexec = (defence: Defence): World => naive.booted(defence, 'good', false);

/** An attack: the machine that it meets, and what becomes of it. */
type Attack = readonly [start: (defence: Defence) => World, run: (world: World) => Verdict];

/** By the names that the matrix has. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  T1: [fresh, clearGuards(naive.callKernel)],
  T2: [fresh, clearGuards(naive.callKernel)],
  T3: [fresh, clearGuards(naive.mov)],
  T4: [
    fresh,
    (world) => {
      const [cpu] = world.cpus;
      return judged(world, naive.mov(world, cpu, 'cr0', without(cpu.cr0, ['WP'])));
    },
  ],
  T5: [
    fresh,
    (world) => {
      const [cpu] = world.cpus;
      naive.smi(cpu);
      if (cpu.saved !== null) {
        cpu.saved.cr0 = without(cpu.saved.cr0, ['WP']);
        cpu.saved.cr4 = without(cpu.saved.cr4, [...SMEP_SMAP, 'UMIP']);
      }
      return judged(world, naive.rsm(world, cpu));
    },
  ],
  T6: [
    fresh,
    ({ cpus: [cpu] }) => {
      naive.smi(cpu);
      return areOn(cpu.cr4, SMEP_SMAP) ? 'blocked' : 'bypass';
    },
  ],
  T7: [
    fresh,
    (world) => {
      const [cpu] = world.cpus;
      naive.mov(world, cpu, 'cr4', [...cpu.cr4, 'VMXE']);
      const { cr0, cr4, nxe } = cpu;
      const wanted = { cr0: without(cr0, ['WP']), cr4: without(cr4, SMEP_SMAP), nxe };
      naive.enterL2(cpu, { cr0, cr4, nxe }, wanted);
      return judged(world, naive.leaveL2(world, cpu));
    },
  ],
  T8: [
    fresh,
    (world) => {
      // Where the kernel can bring the CPU up, it has pinned there.
      const attempt = structuredClone(world);
      naive.bringUp(attempt);
      const running = attempt.dead ? world : attempt;
      const [, cpu] = running.cpus;
      naive.restart(running, cpu);
      naive.enterLongMode(running, cpu);
      return cpu.place === 'paging' ? 'bypass' : 'effect-lost';
    },
  ],
  T9: [
    fresh,
    (world) => {
      const [cpu] = world.cpus;
      if (naive.leavePaging(world, cpu) !== 'ok') return 'blocked';
      naive.mov(world, cpu, 'cr4', without(cpu.cr4, SMEP_SMAP));
      return areOn(cpu.cr4, SMEP_SMAP) ? 'effect-lost' : 'bypass';
    },
  ],
  T10: [
    fresh,
    (world) => {
      if (!naive.isPinned(world)) return 'not-applicable';
      request(world, 'cr4', 'high', []);
      return clearGuards(naive.mov)(world);
    },
  ],
  T11: [
    withKexec,
    (world) => {
      const [cpu] = world.cpus;
      const ask = world.defence.kvm?.ask;
      if (ask !== 'high and low' && ask !== 'mask and value') return 'not-applicable';
      request(world, 'cr0', 'low', ['WP']);
      const next = naive.mov(world, cpu, 'cr0', without(cpu.cr0, ['AM']));
      return next === 'fault' ? 'availability-lost' : 'harmless';
    },
  ],
  T12: [
    moving,
    (world) => {
      if (!naive.isPinned(world)) return 'not-applicable';
      naive.migrate(world);
      return clearGuards(naive.mov)(world);
    },
  ],
  T13: [
    fresh,
    (world) => {
      const [cpu] = world.cpus;
      naive.clearNxe(world, cpu);
      return cpu.nxe ? 'blocked' : 'bypass';
    },
  ],
  // Nobody pins CR3.
  T14: [fresh, () => 'bypass'],
  T15: [
    fresh,
    (world) => {
      const [{ cr4: features }, cpu] = world.cpus;
      naive.restart(world, cpu);
      naive.lmsw(world, cpu, ['PE']);
      naive.mov(world, cpu, 'cr4', features);
      naive.mov(world, cpu, 'cr0', ['PE', 'PG', 'WP']);
      naive.mov(world, cpu, 'cr4', without(cpu.cr4, SMEP_SMAP));
      return areOn(cpu.cr4, SMEP_SMAP) ? 'blocked' : 'bypass';
    },
  ],
  T16: [
    fresh,
    (world) => {
      if (!naive.isPinned(world)) return 'not-applicable';
      naive.lock(world, world.cpus[0], 'cr4', []);
      return naive.isPinned(world) ? 'blocked' : 'bypass';
    },
  ],
  T17: [
    fresh,
    (world) => {
      const [cpu] = world.cpus;
      naive.lmsw(world, cpu, []);
      naive.writeStatus(world, cpu, [...cpu.cr0, 'TS'], true);
      naive.writeStatus(world, cpu, without(cpu.cr0, ['TS']), false);
      return isGuarded(cpu) ? 'harmless' : 'bypass';
    },
  ],
  T18: [
    forgetful,
    (world) => {
      naive.reboot(world);
      return world.dead ? 'availability-lost' : 'harmless';
    },
  ],
  T19: [
    withKexec,
    (world) => {
      naive.kexec(world);
      return world.dead ? 'availability-lost' : 'harmless';
    },
  ],
};
