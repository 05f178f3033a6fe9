// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RevisionId } from '@kernel-models/model-core';
import {
  crPinningModel,
  DEFENCES,
  featuresOf,
  INTERCEPTS,
  KVM_HC_LOCK_CR_UPDATE,
  runScenario,
  SCENARIOS,
  USUAL_SETUP,
  VMM_KINDS,
  type Operation,
  type Outcome,
  type State,
} from '@kernel-models/cr-pinning';
import * as hw from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import * as naive from './attack-reference.ts';
import type { Answer, Bit, Bits, Cpu, Polarity, Register, Vmm, World } from './attack-reference.ts';
import { ATTACKS } from './attacks.ts';

/*
 * Attacks on pinned bits against a naive machine: every cell of the matrix, and chains of what an
 * attacker, a kernel and a VMM may do, in any order.
 */

const model = covered(crPinningModel);

describe('every cell of the matrix is what the naive machine says', () => {
  test('of the same defences and attacks', () => {
    expect([...DEFENCES].sort()).toEqual(Object.keys(naive.DEFENCES).sort());
    expect(SCENARIOS.map(({ id }) => id)).toEqual(Object.keys(ATTACKS));
  });

  test.each(SCENARIOS)('$id: $title', (scenario) => {
    const [start, run] = ATTACKS[scenario.id] ?? [];
    if (start === undefined || run === undefined) throw new Error(`attack: no ${scenario.id}`);
    const expected = Object.entries(naive.DEFENCES).map(([id, one]) => [id, run(start(one))]);
    const found = Object.keys(naive.DEFENCES).map((id) => [id, runScenario(scenario, id).verdict]);
    expect(found).toEqual(expected);
  });
});

const MASKS: Readonly<Record<Register, Readonly<Partial<Record<Bit, bigint>>>>> = {
  cr0: {
    PE: hw.CR0_PE,
    MP: hw.CR0_MP,
    TS: hw.CR0_TS,
    NE: hw.CR0_NE,
    WP: hw.CR0_WP,
    AM: hw.CR0_AM,
    PG: hw.CR0_PG,
  },
  cr4: {
    PAE: hw.CR4_PAE,
    UMIP: hw.CR4_UMIP,
    VMXE: hw.CR4_VMXE,
    FSGSBASE: hw.CR4_FSGSBASE,
    SMEP: hw.CR4_SMEP,
    SMAP: hw.CR4_SMAP,
  },
};
const maskOf = (register: Register, bits: Bits): bigint =>
  bits.reduce((mask, bit) => mask | (MASKS[register][bit] ?? 0n), 0n);
const ALL: Readonly<Record<Register, bigint>> = {
  cr0: Object.values(MASKS.cr0).reduce((all, mask) => all | mask),
  cr4: Object.values(MASKS.cr4).reduce((all, mask) => all | mask),
};

/** A register with these bits, and everything that has no name as it is. */
const valueWith = (current: bigint, register: Register, bits: Bits): bigint =>
  (current & ~ALL[register]) | maskOf(register, bits);

function answerOf(outcome: Outcome): Answer {
  switch (outcome.kind) {
    case 'fault':
    case 'dropped':
    case 'repaired':
    case 'exit':
      return outcome.kind;
    case 'internalError':
    case 'shutdown':
      return 'stopped';
    case 'value':
      return outcome.value === 0n ? 'ok' : 'refused';
    case 'vmFail':
    case 'ignored':
      return 'refused';
    default:
      return 'ok';
  }
}

/** The model's machine, and how to do to it what was done to the naive one. */
class Machine {
  readonly #revision: RevisionId;
  #state: State;

  constructor(
    revision: RevisionId,
    vmm: Vmm,
    kernelPins: boolean,
    intercepts: World['intercepts'],
  ) {
    this.#revision = revision;
    const kernel = { ...USUAL_SETUP.kernel, kexec: !kernelPins };
    this.#state = model.initial({ ...USUAL_SETUP, vmm, kernel, intercepts });
    this.do({ op: 'routine', vcpu: 0, routine: 'boot' });
  }

  get isDead(): boolean {
    return this.#state.dead !== null;
  }

  do(...operations: readonly Operation[]): Answer {
    let last: Answer = 'ok';
    for (const operation of operations) {
      const { state, outcome } = model.apply(this.#state, operation, this.#revision);
      this.#state = state;
      last = answerOf(outcome);
    }
    return last;
  }

  cpu(vcpu: number): hw.ControlState {
    const found = this.#state.vcpus[vcpu]?.cpu;
    if (found === undefined) throw new Error(`vcpu: no ${vcpu}`);
    return found;
  }

  mov(vcpu: number, register: Register, bits: Bits): Operation {
    const value = valueWith(this.cpu(vcpu)[register], register, bits);
    return { op: 'movToCr', vcpu, cr: register === 'cr0' ? 0 : 4, value };
  }

  /** A request for pins by the numbers of the revision. */
  pin(vcpu: number, register: Register, polarity: Polarity, bits: Bits): Answer {
    const { msrs, request } = featuresOf(this.#revision);
    const [low, high] =
      register === 'cr0' ? [msrs.cr0Low, msrs.cr0High] : [msrs.cr4Low, msrs.cr4High];
    const mask = maskOf(register, bits);
    if (request === 'mask-value' && low !== undefined) {
      const value = polarity === 'high' ? mask : 0n;
      const answer = this.do({ op: 'wrmsr', vcpu, msr: low, value });
      return answer === 'ok' ? this.do({ op: 'wrmsr', vcpu, msr: high, value: mask }) : answer;
    }
    // A number that no revision has, where this one has no such MSR.
    const msr = (polarity === 'low' ? low : high) ?? 0x4b56_4dff;
    return this.do({ op: 'wrmsr', vcpu, msr, value: mask });
  }

  leavePaging(): Answer {
    const vcpu = 0;
    const names = (without: readonly Bit[]): Bits =>
      namesOf('cr0', this.cpu(vcpu).cr0).filter((bit) => !without.includes(bit));
    this.do({ op: 'farJump', vcpu, l: false, d: true });
    const first = this.do(this.mov(vcpu, 'cr0', names(['PG'])));
    if (first === 'ok') return this.do(this.mov(vcpu, 'cr0', names(['PE'])));
    this.do({ op: 'farJump', vcpu, l: true, d: false });
    return first;
  }

  enterLongMode(vcpu: number, cr0: Bits, cr4: Bits): void {
    const efer = hw.EFER_SCE | hw.EFER_LME | hw.EFER_NXE;
    this.do(
      { op: 'lmsw', vcpu, value: hw.CR0_PE },
      { op: 'farJump', vcpu, l: false, d: true },
      { op: 'movToCr', vcpu, cr: 4, value: maskOf('cr4', ['PAE', ...cr4]) },
      { op: 'wrmsr', vcpu, msr: hw.MSR_EFER, value: efer },
      { op: 'movToCr', vcpu, cr: 0, value: maskOf('cr0', ['PE', 'PG', ...cr0]) },
    );
    if (hw.isPaging(this.cpu(vcpu))) this.do({ op: 'farJump', vcpu, l: true, d: false });
  }

  edit(cr0: Bits, cr4: Bits): void {
    const { image } = this.cpu(0).smm;
    if (image === null) throw new Error('SMM: expected a save area');
    const write = { op: 'smramWrite', vcpu: 0, size: 8 } as const;
    this.do(
      { ...write, offset: 0xff58, value: valueWith(image.cr0, 'cr0', cr0) },
      { ...write, offset: 0xff48, value: valueWith(image.cr4, 'cr4', cr4) },
    );
  }
}

const namesOf = (register: Register, value: bigint): Bits =>
  (Object.keys(MASKS[register]) as Bit[]).filter((bit) => (value & maskOf(register, [bit])) > 0n);

/** What both sides show of themselves. */
function shown(isDead: boolean, cpus: readonly Readonly<Record<string, unknown>>[]): string {
  return isDead ? 'dead' : JSON.stringify(cpus);
}
const sorted = (bits: Bits): Bits => [...bits].sort();
const ofWorld = ({ dead, cpus }: World): string =>
  shown(
    dead,
    cpus.map(({ cr0, cr4, nxe }) => ({ cr0: sorted(cr0), cr4: sorted(cr4), nxe })),
  );
const ofMachine = (machine: Machine): string =>
  shown(
    machine.isDead,
    [0, 1].map((vcpu) => {
      const { cr0, cr4, efer } = machine.cpu(vcpu);
      return {
        cr0: sorted(namesOf('cr0', cr0)),
        cr4: sorted(namesOf('cr4', cr4)),
        nxe: (efer & hw.EFER_NXE) > 0n,
      };
    }),
  );

/** One thing that somebody does: its name, and what it comes to on either side. */
interface Deed {
  readonly name: string;
  readonly naive: () => Answer;
  readonly model: () => Answer;
}

/** What random numbers say beside the kind of deed. */
interface Pick {
  readonly second: boolean;
  readonly register: Register;
  readonly polarity: Polarity;
  readonly flips: Readonly<Record<Register, Bits>>;
  readonly others: Readonly<Record<Register, Bits>>;
}

const flipped = (value: Bits, some: Bits): Bits => [
  ...value.filter((bit) => !some.includes(bit)),
  ...some.filter((bit) => !value.includes(bit)),
];

type Make = (world: World, machine: Machine, pick: Pick) => Deed | undefined;

/** A write of a register by a CPU that runs with or without paging. */
const write =
  (way: 'gadget' | 'function' | 'inner-mov'): Make =>
  (world, machine, { second, register, flips }) => {
    const vcpu = second ? 1 : 0;
    const cpu = world.cpus[vcpu];
    if (cpu.place === 'waits' || cpu.place === 'smm') return undefined;
    if (cpu.place === 'l2' && way !== 'gadget') return undefined;
    const to = flipped(cpu[register], flips[register]);
    return {
      name: `${way} ${register}`,
      naive: () => (way === 'gadget' ? naive.mov : naive.callKernel)(world, cpu, register, to),
      model: () => {
        const { value } = machine.mov(vcpu, register, to) as { readonly value: bigint };
        return machine.do({
          op: 'writeCr',
          vcpu,
          cr: register === 'cr0' ? 0 : 4,
          value,
          through: way,
        });
      },
    };
  };

/** A deed of the first CPU in some places. */
const inPlace =
  (
    places: readonly naive.Place[],
    make: (world: World, machine: Machine, cpu: Cpu, pick: Pick) => Deed,
  ): Make =>
  (world, machine, pick) => {
    const [cpu] = world.cpus;
    return places.includes(cpu.place) ? make(world, machine, cpu, pick) : undefined;
  };

const ANYWHERE = ['paging', 'no paging', 'smm', 'l2'] as const;
const OUTSIDE_SMM = ['paging', 'no paging', 'l2'] as const;
const vcpu = 0;

/** CR4.VMXE and VMXON, by a kernel that becomes L1. */
const turnVmxOn: Make = inPlace(['paging'], (world, machine, cpu) => ({
  name: 'VMXON',
  naive: () => {
    naive.mov(world, cpu, 'cr4', [...new Set<Bit>([...cpu.cr4, 'VMXE'])]);
    return naive.vmxon(cpu);
  },
  model: () => {
    const names = namesOf('cr4', machine.cpu(vcpu).cr4);
    return machine.do(
      machine.mov(vcpu, 'cr4', [...new Set<Bit>([...names, 'VMXE'])]),
      { op: 'wrmsr', vcpu, msr: hw.MSR_IA32_FEATURE_CONTROL, value: 5n },
      { op: 'vmxon', vcpu },
    );
  },
}));

/** L1 starts L2, with other bits than its own, and wants others back. */
const enterL2: Make = (world, machine, { flips, others }) => {
  const [cpu] = world.cpus;
  if (cpu.place !== 'paging' || !cpu.vmx) return undefined;
  const guest = { ...bothFlipped(cpu, flips), nxe: cpu.nxe };
  const wanted = { ...bothFlipped(cpu, others), nxe: cpu.nxe };
  const { cr0, cr4 } = machine.cpu(vcpu);
  return {
    name: 'enter L2',
    naive: () => naive.enterL2(cpu, guest, wanted),
    model: () =>
      machine.do({
        op: 'nestedEntry',
        vcpu,
        guestCr0: valueWith(cr0, 'cr0', guest.cr0),
        guestCr4: valueWith(cr4, 'cr4', guest.cr4),
        hostCr0: valueWith(cr0, 'cr0', wanted.cr0),
        hostCr4: valueWith(cr4, 'cr4', wanted.cr4),
        cr0Mask: 0n,
        cr4Mask: 0n,
      }),
  };
};

/** An interrupt for L1. */
const leaveL2: Make = inPlace(['l2'], (world, machine, cpu) => ({
  name: 'leave L2',
  naive: () => naive.leaveL2(world, cpu),
  model: () => machine.do({ op: 'nestedExit', vcpu }),
}));

/** An SMI. */
const interrupt: Make = inPlace(OUTSIDE_SMM, (_, machine, cpu) => ({
  name: 'SMI',
  naive: () => naive.smi(cpu),
  model: () => machine.do({ op: 'smi', vcpu }),
}));

/** The handler changes the save area. */
const edit: Make = inPlace(['smm'], (_, machine, cpu, { flips }) => ({
  name: 'edit',
  naive: () => {
    const { saved } = cpu;
    if (saved === null) return 'refused';
    saved.cr0 = flipped(saved.cr0, flips.cr0);
    saved.cr4 = flipped(saved.cr4, flips.cr4);
    return 'ok';
  },
  model: () => {
    const { saved } = cpu;
    if (saved !== null) machine.edit(saved.cr0, saved.cr4);
    return 'ok';
  },
}));

/** RSM. */
const resume: Make = inPlace(['smm'], (world, machine, cpu) => ({
  name: 'RSM',
  naive: () => naive.rsm(world, cpu),
  model: () => machine.do({ op: 'rsm', vcpu }),
}));

const DEEDS: readonly Make[] = [
  interrupt,
  edit,
  resume,
  turnVmxOn,
  enterL2,
  leaveL2,
  write('gadget'),
  write('gadget'),
  write('function'),
  write('inner-mov'),
  inPlace(ANYWHERE, (world, machine, cpu, { register, polarity, flips }) => ({
    name: 'pin',
    naive: () => naive.pin(world, cpu, register, polarity, flips[register]),
    model: () => machine.pin(vcpu, register, polarity, flips[register]),
  })),
  (world, machine, { second, register, polarity, flips }) => {
    const index = second ? 1 : 0;
    const cpu = world.cpus[index];
    // What is pinned already is repeated.
    const bits = [...new Set([...cpu.pins[register][polarity], ...flips[register].slice(0, 1)])];
    if (cpu.place === 'waits') return undefined;
    return {
      name: 'pin more',
      naive: () => naive.pin(world, cpu, register, polarity, bits),
      model: () => machine.pin(index, register, polarity, bits),
    };
  },
  inPlace(ANYWHERE, (world, machine, cpu, { register, flips }) => ({
    name: 'lock',
    naive: () => naive.lock(world, cpu, register, flips[register]),
    model: () => {
      const args = [register === 'cr0' ? 0n : 4n, maskOf(register, flips[register]), 0n];
      return machine.do({ op: 'hypercall', vcpu, nr: KVM_HC_LOCK_CR_UPDATE, arguments: args });
    },
  })),
  inPlace(OUTSIDE_SMM, (world, machine, cpu) => ({
    name: 'clear NXE',
    naive: () => naive.clearNxe(world, cpu),
    model: () => {
      const value = machine.cpu(vcpu).efer & ~hw.EFER_NXE;
      return machine.do({ op: 'wrmsr', vcpu, msr: hw.MSR_EFER, value });
    },
  })),
  inPlace(OUTSIDE_SMM, (world, machine, cpu, { second }) => ({
    name: 'lmsw',
    naive: () => naive.lmsw(world, cpu, second ? ['PE'] : []),
    model: () => machine.do({ op: 'lmsw', vcpu, value: second ? 1n : 0n }),
  })),
  inPlace(OUTSIDE_SMM, (world, machine, cpu) => ({
    name: 'clts',
    naive: () =>
      naive.writeStatus(
        world,
        cpu,
        cpu.cr0.filter((bit) => bit !== 'TS'),
        false,
      ),
    model: () => machine.do({ op: 'clts', vcpu }),
  })),
  inPlace(OUTSIDE_SMM, (world, machine, cpu) => ({
    name: 'task switch',
    naive: () => naive.taskSwitch(world, cpu),
    model: () => machine.do({ op: 'taskSwitch', vcpu }),
  })),
  inPlace(['paging'], (world, machine, cpu) => ({
    name: 'leave paging',
    naive: () => naive.leavePaging(world, cpu),
    model: () => machine.leavePaging(),
  })),
  (world, machine, { second, flips }) => {
    const index = second ? 1 : 0;
    const cpu = world.cpus[index];
    if (cpu.place !== 'no paging') return undefined;
    // All that the kernel has in one register, and nothing in the other; both; neither.
    const wanted = {
      cr0: flips.cr0.includes('WP') ? (['WP'] as const) : [],
      cr4: flips.cr4.includes('SMEP') ? (['SMEP', 'SMAP', 'UMIP', 'FSGSBASE'] as const) : [],
    };
    return {
      name: 'enter long mode',
      naive: () => {
        naive.enterLongMode(world, cpu, wanted.cr0, wanted.cr4);
        return 'ok';
      },
      model: () => {
        machine.enterLongMode(index, wanted.cr0, wanted.cr4);
        return 'ok';
      },
    };
  },
  (world, machine) => ({
    name: 'restart the other CPU',
    naive: () => {
      naive.restart(world, world.cpus[1]);
      return 'ok';
    },
    model: () => machine.do({ op: 'init', vcpu: 1 }, { op: 'sipi', vcpu: 1, vector: 0x10 }),
  }),
  (world, machine) => ({
    name: 'bring up',
    naive: () => {
      naive.bringUp(world);
      return world.dead ? 'stopped' : 'ok';
    },
    model: () => machine.do({ op: 'routine', vcpu: 1, routine: 'bring-up' }),
  }),
  (world, machine) => ({
    name: 'migrate',
    naive: () => {
      naive.migrate(world);
      return 'ok';
    },
    model: () => machine.do({ op: 'migrate', order: 'sregs-first', strict: false }),
  }),
];

function bothFlipped({ cr0, cr4 }: Cpu, flips: Readonly<Record<Register, Bits>>) {
  return { cr0: flipped(cr0, flips.cr0), cr4: flipped(cr4, flips.cr4) };
}

const reboot: Make = (world, machine) => ({
  name: 'reboot',
  naive: () => {
    naive.reboot(world);
    return world.dead ? 'stopped' : 'ok';
  },
  model: () => machine.do({ op: 'machineReset' }, { op: 'routine', vcpu: 0, routine: 'boot' }),
});

/** Bits that attackers turn around. */
const some: fc.Arbitrary<Readonly<Record<Register, Bits>>> = fc.record({
  cr0: fc.subarray<Bit>(['WP', 'AM', 'TS', 'MP'], { maxLength: 2 }),
  cr4: fc.subarray<Bit>(['SMEP', 'SMAP', 'UMIP', 'FSGSBASE'], { maxLength: 3 }),
});
const deed: fc.Arbitrary<readonly [kind: number, pick: Pick]> = fc.tuple(
  fc.noBias(fc.nat(9999)),
  fc.record<Pick>({
    second: fc.nat(3).map((one) => one === 0),
    register: fc.constantFrom('cr0', 'cr4'),
    polarity: fc.constantFrom('low', 'high', 'high'),
    flips: some,
    others: some,
  }),
);

/** What a chain is made of: some of the deeds, or few of them and what SMM or L2 needs. */
const kinds: fc.Arbitrary<readonly Make[]> = fc
  .tuple(
    fc.shuffledSubarray([...DEEDS], { minLength: 3 }),
    fc.constantFrom(
      [],
      [interrupt, edit, resume],
      [turnVmxOn, enterL2, enterL2, leaveL2],
      [turnVmxOn, enterL2, interrupt, edit, resume],
    ),
  )
  .map(([deeds, others]) => (others.length === 0 ? deeds : [...deeds.slice(0, 5), ...others]));

/** What has to happen in chains, and in how many percent of all of them at least. */
const OFTEN: Readonly<Record<string, number>> = {
  'gadget cr0 fault': 1.2,
  'gadget cr4 fault': 3,
  'gadget cr4 dropped': 0.1,
  'function cr0 repaired': 0.7,
  'function cr4 repaired': 2,
  'pin ok': 3,
  'pin fault': 8,
  'pin exit': 1,
  'lock ok': 0.5,
  'lock refused': 9,
  'lock exit': 1,
  'clear NXE fault': 0.1,
  'RSM ok': 12,
  'RSM stopped': 2,
  'leave L2 exit': 4,
  'leave paging ok': 6,
  'leave paging fault': 1.5,
  'enter long mode ok': 1.2,
  'bring up ok': 9,
  'bring up stopped': 0.8,
  'reboot ok': 1.7,
  'reboot stopped': 1.2,
};

test('chains of attacks leave the bits that the naive machine says', async () => {
  const labels = new LabelCoverage();
  const setups = fc.tuple(
    fc.constantFrom(...Object.keys(naive.DEFENCES)),
    fc.constantFrom(...VMM_KINDS),
    fc.nat(3).map((one) => one > 0),
    fc.constantFrom(...INTERCEPTS),
    kinds,
  );
  const chains = fc.array(deed, { minLength: 1, maxLength: 30, size: 'max' });
  const property = fc.property(
    setups,
    chains,
    ([revision, vmm, kernelPins, intercepts, makes], choices) => {
      const defence = naive.DEFENCES[revision] ?? {};
      const world = naive.booted(defence, vmm, kernelPins, intercepts);
      const machine = new Machine(revision, vmm, kernelPins, intercepts);
      const done: string[] = [];
      for (const [kind, pick] of choices) {
        const make = world.dead || kind === 0 ? reboot : makes[kind % makes.length];
        const one = make?.(world, machine, pick);
        if (one === undefined) continue;
        const expected = one.naive();
        const answer = one.model();
        done.push(`${one.name} ${expected}`);
        const [left, right] = [ofMachine(machine), ofWorld(world)];
        if (answer !== expected || left !== right) {
          throw new Error(`${done.join(', ')}; model: ${answer}\n${left}, expected\n${right}`);
        }
      }
      labels.count(done);
    },
  );
  await checkProperty('attack chains', property, { runs: 3000 });
  labels.require(OFTEN);
});
