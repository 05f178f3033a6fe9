// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, test } from 'vitest';
import {
  cpuModel,
  initialState,
  type ControlState,
  type CpuOutcome,
  type CpuSetup,
} from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { perform, type EventOperation, type Machine } from './events-reference.ts';

/*
 * Histories of what happens to a CPU from outside: after every event the outcome and every register
 * are those of the naive machine, and what was kept is delivered when it may be.
 */

const model = covered(cpuModel);

const LONG = { cpu: 'everything', cr0: 0x8001_003bn, cr3: 0x7000n, cr4: 0x30_0020n } as const;
const SETUPS: Readonly<Record<string, CpuSetup>> = {
  'in 64-bit mode': { ...LONG, efer: 0xd01n, csL: true },
  'in compatibility mode': { ...LONG, efer: 0xd01n, csD: true },
  'in a 64-bit process': { ...LONG, efer: 0xd01n, csL: true, cpl: 3 },
  'in protected mode': { cpu: 'bochs-tigerlake', cr0: 0x6001_0033n, cr4: 0n, csD: true },
  'in real mode': { cpu: 'bochs-ryzen', cr0: 0x10n },
  'after power-on': { cpu: 'everything' },
  'that is not started': { cpu: 'everything', applicationProcessor: true },
};

/** A CPU that has something in every register that an event changes. */
function startOf(setup: CpuSetup): ControlState {
  const state = initialState(setup);
  if (state.activity !== 'active') return state;
  const debug = { dr6: 0xffff_0ff1n, dr7: 0x703n } as const;
  return { ...state, ...debug, cr2: 0x1234n, cr8: 5n, rip: 0x40_1000n, rflags: 0x246n };
}

function machineOf(state: ControlState, isBootstrap: boolean): Machine {
  const { features, cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, rflags, rip, cpl, cs } = state;
  const { selector, base, l, d } = cs;
  return {
    ...{ features, cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, rflags, rip, cpl },
    ...{ selector, base, l, d, isBootstrap, smbase: state.smm.smbase, activity: state.activity },
    ...{ saved: null, isNmiBlocked: false, pending: { smi: false, init: false, nmi: false } },
  };
}

const words = (values: readonly unknown[]): string => values.map(String).join(' ');

function machineText(machine: Machine): string {
  const { cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, rflags, rip, cpl, selector, base, l, d } =
    machine;
  const { smi, init, nmi } = machine.pending;
  const { smbase, activity, saved, isNmiBlocked } = machine;
  return words([
    ...[cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, rflags, rip, cpl, selector, base, l, d],
    ...[smbase, activity, saved !== null, isNmiBlocked, 'kept', smi, init, nmi],
  ]);
}

function stateText(state: ControlState): string {
  const { cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, rflags, rip, cpl, cs, smm, latched } = state;
  return words([
    ...[cr0, cr2, cr3, cr4, cr8, efer, dr6, dr7, rflags, rip, cpl],
    ...[cs.selector, cs.base, cs.l, cs.d, smm.smbase, state.activity, smm.active],
    ...[state.nmiBlocked, 'kept', latched.smi, latched.init, latched.nmi],
  ]);
}

function outcomeText(outcome: CpuOutcome): string {
  if (outcome.kind !== 'fault') return outcome.kind;
  return `fault ${outcome.vector} ${outcome.errorCode}`;
}

const flag = fc.boolean();
const BITS = [0, 5, 7, 8, 16, 17, 23, 29, 30, 31, 32, 40].map((bit) => 1n << BigInt(bit));
const event: fc.Arbitrary<(state: ControlState) => EventOperation> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(() => ({ op: 'smi' as const })) },
  { weight: 5, arbitrary: fc.constant(() => ({ op: 'rsm' as const })) },
  { weight: 4, arbitrary: fc.constant(() => ({ op: 'nmi' as const })) },
  { weight: 2, arbitrary: fc.constant(() => ({ op: 'init' as const })) },
  { weight: 3, arbitrary: fc.nat(255).map((vector) => () => ({ op: 'sipi' as const, vector })) },
  fc.constant(() => ({ op: 'reset' as const })),
  fc.constant(() => ({ op: 'hlt' as const })),
  {
    weight: 2,
    arbitrary: fc
      .tuple(flag, flag, fc.constantFrom(0 as const, 1 as const, 3 as const))
      .map(([l, d, cpl]) => () => ({ op: 'iret' as const, l, d, cpl })),
  },
  fc.tuple(flag, flag).map(([l, d]) => () => ({ op: 'farJump' as const, l, d })),
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          ...([
            [0xff58, 'cr0'],
            [0xff48, 'cr4'],
            [0xfed0, 'efer'],
            [0xff60, 'dr7'],
            [0xff68, 'dr6'],
            [0xff00, 'smbase'],
          ] as const),
        ),
        fc.constantFrom(...BITS),
      )
      .map(([[offset, field], bit]) => ({ smm }: ControlState) => {
        const value = (smm.image?.[field] ?? 0n) ^ bit;
        return { op: 'smramWrite' as const, offset, size: 8 as const, value };
      }),
  },
);

const PATHS: Readonly<Record<string, number>> = {
  smi: 25,
  'smi in smm': 10,
  'smi before sipi': 0.5,
  nmi: 7.5,
  'nmi blocked': 7.5,
  'nmi before sipi': 0.25,
  init: 5,
  'init in smm': 5,
  'sipi not heard': 10,
  sipi: 1,
  'sipi, then smi': 0.15,
  reset: 5,
  'not executing': 5,
  'rsm outside smm': 10,
  rsm: 5,
  'rsm, then smi': 1.5,
  'rsm, then init': 1,
  'rsm, then nmi': 1,
  'rsm: high half': 0.5,
  'rsm: cr4': 0.5,
  'rsm: pg without pe': 0.03,
  'rsm: efer': 0.15,
  'rsm: pcide': 0.02,
  iret: 1,
  'iret in real mode': 2.5,
  'iret to more privilege': 0.1,
  'l and d': 0.15,
  jump: 1,
  'jump in real mode': 1.5,
  hlt: 2.5,
  'hlt: cpl': 0.1,
};

describe('what happens to a CPU from outside', () => {
  test('leaves the registers of the naive machine', async () => {
    const labels = new LabelCoverage();
    const property = fc.property(
      fc.constantFrom(...Object.keys(SETUPS)),
      fc.array(event, { minLength: 1, maxLength: 20, size: 'max' }),
      (name, events) => {
        const setup = SETUPS[name] ?? { cpu: 'everything' };
        let state = startOf(setup);
        const machine = machineOf(state, setup.applicationProcessor !== true);
        const paths: string[] = [];
        for (const make of events) {
          const operation = make(state);
          const before = machineText(machine);
          const { outcome, path } = perform(machine, operation);
          const step = model.apply(state, operation, 'architecture');
          state = step.state;
          paths.push(path);
          const naive = `${outcomeText(outcome)}; ${machineText(machine)}`;
          const real = `${outcomeText(step.outcome)}; ${stateText(state)}`;
          if (naive !== real) {
            throw new Error(
              [fc.stringify(operation), before, `${path}: ${naive}`, `${step.rule}: ${real}`].join(
                '\n',
              ),
            );
          }
        }
        labels.count(paths);
      },
    );
    await checkProperty('events of a CPU', property, { runs: 3000 });
    labels.require(PATHS);
  });
});
