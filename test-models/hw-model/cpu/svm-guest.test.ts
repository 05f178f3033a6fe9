// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, test } from 'vitest';
import {
  cpuModel,
  CPU_PRESETS,
  initialState,
  type ControlState,
  type CpuFeatures,
  type CpuOutcome,
  type HostSave,
  type Vmcb,
} from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { area, areaOf, CHANGES, controls, history, hostPart, MODES } from './svm-operations.ts';
import { perform, type Machine, type SvmOperation } from './svm-reference.ts';

/*
 * Histories of a host of SVM and its guests: after every operation the outcome and every control
 * register, of the guest and of the host that waits, are those of the naive machine.
 */

const model = covered(cpuModel);

const CPUS: Readonly<Record<string, CpuFeatures>> = {
  everything: CPU_PRESETS.everything,
  ryzen: CPU_PRESETS['bochs-ryzen'],
  'no LAM, with CET': {
    vendor: 'amd',
    maxPhyAddr: 48,
    cr4Valid: CPU_PRESETS.everything.cr4Valid & ~0x1_1000_2000n,
    eferValid: CPU_PRESETS.everything.eferValid,
  },
};

/** Outcome and registers as text, for both sides. */
function outcomeText(outcome: CpuOutcome): string {
  const { kind } = outcome;
  if (kind === 'fault') return `fault ${outcome.vector} ${String(outcome.errorCode)}`;
  if (kind === 'value') return `value ${outcome.value.toString(16)}`;
  if (kind === 'exit') {
    const { reason, qualification, saved } = outcome;
    const { cr2, dr6, dr7, cpl, vTpr } = saved ?? {};
    const others = [cr2, dr6, dr7, cpl, vTpr].map((word) => word?.toString(16)).join(' ');
    return `exit ${reason.toString(16)} ${qualification} saved ${saveText(saved)}, ${others}`;
  }
  return kind;
}

function saveText(save: HostSave | undefined): string {
  if (save === undefined) return 'none';
  const { cr0, cr3, cr4, efer, csL, csD } = save;
  const words = [cr0, cr3, cr4, efer].map((word) => word.toString(16));
  return [...words, Number(csL), Number(csD)].join(' ');
}

function machineText(machine: Machine): string {
  const { cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, cpl, l, d, isShutDown, guest } = machine;
  const current = saveText({ cr0, cr3, cr4, efer, csL: l, csD: d });
  const words = [cr2, cr8, dr6, dr7, machine.pdpte].map((word) => word.toString(16)).join(' ');
  const others = `${words} ${cpl} ${isShutDown ? 'shutdown' : 'active'} v_tpr ${guest?.vTpr}`;
  return `${current}, ${others}, host ${saveText(guest?.host)}`;
}

function stateText(state: ControlState): string {
  const { cr2, cr8, dr6, dr7, cpl, activity, virtualization, cs, pdptes } = state;
  const current = saveText({ ...state, csL: cs.l, csD: cs.d });
  const guest = virtualization?.kind === 'svm' ? virtualization : undefined;
  const words = [cr2, cr8, dr6, dr7, pdptes[0]].map((word) => word.toString(16)).join(' ');
  const others = `${words} ${cpl} ${activity} v_tpr ${guest?.vTpr}`;
  return `${current}, ${others}, host ${saveText(guest?.host)}`;
}

function machineOf(state: ControlState): Machine {
  const { features, cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, cpl, cs } = state;
  return {
    ...{ features, cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, cpl, l: cs.l, d: cs.d },
    pdpte: state.pdptes[0],
    memory: state.memory && { address: BigInt(TABLE), entry: state.memory[TABLE] ?? 0n },
    isShutDown: false,
    guest: null,
  };
}

/** Where CR3 of every mode points. */
const TABLE = 0x1000;
/** No memory, a PDPTE that is right, and one with a reserved bit. */
const TABLES = [undefined, 0x2001n, 0x2003n];

/** Model and reference beside each other. */
class Pair {
  readonly machine: Machine;
  #state: ControlState;

  constructor(cpu: CpuFeatures, of: string, entry?: bigint) {
    const start = areaOf({ of, changes: [] }, cpu);
    const memory = entry === undefined ? {} : { memory: [{ address: TABLE, value: entry }] };
    this.#state = initialState({ cpu, ...hostPart(start), ...memory });
    this.machine = machineOf(this.#state);
  }

  /** Does an operation to both; the reference's path. Throws where they differ. */
  apply(operation: SvmOperation): string {
    const side = this.machine.guest === null ? 'host' : 'guest';
    const before = machineText(this.machine);
    const { outcome, path } = perform(this.machine, operation);
    const { state, outcome: modelled, rule } = model.apply(this.#state, operation, 'architecture');
    this.#state = state;
    const naive = `${outcomeText(outcome)}; ${machineText(this.machine)}`;
    const real = `${outcomeText(modelled)}; ${stateText(state)}`;
    if (naive !== real) {
      const lines = [fc.stringify(operation), before, `${path}: ${naive}`, `${rule}: ${real}`];
      throw new Error(lines.join('\n'));
    }
    return `${side}: ${path}`;
  }
}

const NO_INTERCEPTS = {
  interceptCrWrites: 0,
  interceptCrReads: 0,
  selectiveCr0Write: false,
  interceptMsrs: false,
  virtualTpr: false,
};
const START_MODES = Object.keys(MODES).filter((of) => of !== 'real');

const has = ({ cr4Valid }: CpuFeatures, bit: bigint): boolean => (cr4Valid & bit) !== 0n;

/** Each answer of the manual, and its least share of the histories in percent. */
const PATHS: Readonly<Record<string, number>> = {
  'guest: no such cr': 5,
  'guest: cpl': 2,
  'guest: cr0 value': 1,
  'guest: cr3 value': 0.03,
  'guest: cr4 value': 2,
  'guest: efer value': 0.5,
  'guest: read of cr0': 0.5,
  'guest: read of cr2': 0.5,
  'guest: read of cr3': 0.5,
  'guest: read of cr4': 0.5,
  'guest: write of cr0': 2,
  'guest: write of cr2': 0.3,
  'guest: write of cr3': 0.5,
  'guest: write of cr4': 0.3,
  'guest: selective write of cr0': 3,
  'guest: selective lmsw': 2,
  'guest: clts': 0.3,
  'guest: lmsw': 1,
  'guest: smsw': 0.3,
  'guest: vmrun in a guest': 10,
  'guest: no svm': 2,
  'guest: interrupt': 5,
  'guest: pe forced': 0.1,
  'guest: cr0 read': 1,
  'guest: cr2 read': 1,
  'guest: cr3 read': 1,
  'guest: cr4 read': 1,
  'guest: efer read': 2,
  'guest: msw read': 1,
  'guest: cr0 written': 5,
  'guest: cr0 written, ts and mp': 2,
  'guest: cr2 written': 2,
  'guest: cr3 written': 2,
  'guest: cr4 written': 2,
  'guest: efer written': 2,
  'guest: msw loaded': 2,
  'guest: ts cleared': 1,
  'guest: host changed': 3,
  'guest: rdmsr outside the map': 1,
  'guest: wrmsr outside the map': 1,
  'guest: no such msr': 2,
  'host: guest runs, cpl forced': 0.3,
  'host: guest runs': 50,
  'host: no guest': 10,
  'host: no svm': 0.2,
  'host: cpl': 2,
  'host: shut down': 0.2,
};

/** CR8 is rare where only 64-bit mode has it. */
const CR8_PATHS: Readonly<Record<string, number>> = {
  'guest: cr8 value': 0.3,
  'guest: read of cr8': 0.3,
  'guest: write of cr8': 0.3,
  'guest: cr8 read': 1,
  'guest: cr8 written': 1,
  'guest: v_tpr read': 1,
  'guest: v_tpr written': 1,
};

/** The same of every VMCB and host save area with two changes. */
const CONSISTENCY: Readonly<Record<string, number>> = {
  'host: guest: svme is clear': 1,
  'host: guest: nw without cd': 1,
  'host: guest: high half of cr0': 1,
  'host: guest: reserved bit of cr3': 1,
  'host: guest: reserved bit of cr4': 1,
  'host: guest: reserved bit of efer': 1,
  'host: guest: high half of dr6 or dr7': 1,
  'host: guest: reserved bit of a pdpte': 1,
  'host: guest: long mode without pae': 1,
  'host: guest: long mode without pe': 0.5,
  'host: guest: cs.l and cs.d': 0.5,
  'host: guest runs': 20,
  'guest: host: cr0': 1,
  'guest: host: long mode without pae': 1,
  'guest: host: reserved bit of cr4': 1,
  'guest: host: reserved bit of efer': 1,
  'guest: host: reserved bit of a pdpte': 0.3,
  'guest: interrupt': 10,
  'guest: pe forced': 1,
  'host: shut down': 10,
};
const CET_CHECKS: Readonly<Record<string, number>> = {
  'host: guest: cet without wp': 0.1,
  'guest: host: cet without wp': 0.1,
  'guest: host: pcide outside long mode': 0.5,
};

describe.each(Object.entries(CPUS))('SVM on a CPU with %s', (name, cpu) => {
  test('answers and registers are those of the naive machine', async () => {
    const labels = new LabelCoverage();
    const start = fc.constantFrom(...START_MODES);
    const table = fc.constantFrom(...TABLES);
    const property = fc.property(
      start,
      table,
      area,
      controls,
      history,
      (of, entry, first, others, choices) => {
        const pair = new Pair(cpu, of, entry);
        const vmcb: Vmcb = { save: areaOf(first, cpu), ...others };
        const paths = [pair.apply({ op: 'vmrun', vmcb })];
        for (const choice of choices) paths.push(pair.apply(choice(pair.machine)));
        labels.count(paths);
      },
    );
    await checkProperty(`SVM on ${name}`, property, { runs: 1500 });
    labels.require({
      ...PATHS,
      ...(cpu.vendor === 'amd' && CR8_PATHS),
      ...(has(cpu, 0x800n) && { 'guest: umip': 0.3 }),
      ...(has(cpu, 0x2_0000n) && { 'guest: cr3 written, no flush': 0.1 }),
    });
  });

  test('every check of a VMCB and of the host save area, broken alone and in pairs', () => {
    const labels = new LabelCoverage();
    const some = CHANGES.map((_, index) => index);
    for (const of of Object.keys(MODES)) {
      for (const one of some) {
        for (const other of some.slice(one)) {
          const save = areaOf({ of, changes: [one, other] }, cpu);
          const legal = areaOf({ of, changes: [] }, cpu);
          // A quarter of all meets a page-directory-pointer table with a reserved bit.
          const entry = (one + other) % 4 === 0 ? 0x2003n : 0x2001n;
          const [guest, host] = [new Pair(cpu, '64-bit', entry), new Pair(cpu, '64-bit', entry)];
          labels.count([
            guest.apply({ op: 'vmrun', vmcb: { save, ...NO_INTERCEPTS } }),
            host.apply({ op: 'vmrun', vmcb: { save: legal, ...NO_INTERCEPTS } }),
            host.apply({ op: 'hostSaveWrite', host: hostPart(save) }),
            host.apply({ op: 'guestExit' }),
            host.apply({ op: 'clts' }),
          ]);
        }
      }
    }
    labels.require({ ...CONSISTENCY, ...(has(cpu, 0x80_0000n) && CET_CHECKS) });
  });
});
