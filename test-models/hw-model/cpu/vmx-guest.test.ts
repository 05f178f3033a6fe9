// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, test } from 'vitest';
import {
  cpuModel,
  CPU_PRESETS,
  initialState,
  type ControlState,
  type CpuOutcome,
  type CpuPreset,
  type Vmcs,
} from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { vmcsOf } from './vmcs-of.ts';
import {
  FEATURE_CONTROL,
  perform,
  TABLE,
  type Machine,
  type VmxOperation,
} from './vmx-reference.ts';

/*
 * Histories of a hypervisor of VMX and its guests: after every operation the outcome and every
 * register are those of the naive machine.
 */

const model = covered(cpuModel);

/** A hypervisor in each mode that VMX operation allows: PG, WP, NE, ET, PE; VMXE. */
const MODES = {
  '64-bit': { cr0: 0x8001_0031n, cr4: 0x2020n, efer: 0x500n, csL: true, csD: false },
  PAE: { cr0: 0x8001_0031n, cr4: 0x2020n, efer: 0n, csL: false, csD: true },
  '32-bit': { cr0: 0x8001_0031n, cr4: 0x2000n, efer: 0n, csL: false, csD: true },
} as const;
type Mode = keyof typeof MODES;

const BITS = [0, 4, 5, 16, 17, 23, 29, 30, 31, 32, 40, 63].map((bit) => 1n << BigInt(bit));
const EFER_BITS = [0, 1, 8, 10, 11, 40].map((bit) => 1n << BigInt(bit));
const CR3S = [0x1000n, 0x101fn, 0x2000n, 1n << 39n, 1n << 40n, 1n << 51n, 1n << 52n, 1n << 62n];
const GUESTS: readonly Partial<Vmcs>[] = [
  {},
  { ia32eModeGuest: false, guestEfer: 0n, guestCsL: false },
  { ia32eModeGuest: false, guestEfer: 0n, guestCsL: false, guestCr4: 0x2000n },
  { ia32eModeGuest: false, guestEfer: 0n, guestCsL: false, guestCr0: 0x31n },
  { ia32eModeGuest: false, guestEfer: 0n, guestCsL: false, guestCr0: 0x30n },
];

type Change = (vmcs: Vmcs) => Partial<Vmcs>;
const registers = ['guestCr0', 'guestCr4', 'hostCr0', 'hostCr4'] as const;
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...registers), fc.constantFrom(...BITS))
      .map(([name, bit]): Change => (vmcs) => ({ [name]: vmcs[name] ^ bit })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('guestEfer', 'hostEfer'), fc.constantFrom(...EFER_BITS))
      .map(([name, bit]): Change => (vmcs) => ({ [name]: vmcs[name] ^ bit })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('guestCr3', 'hostCr3'), fc.constantFrom(...CR3S))
      .map(([name, cr3]): Change => () => ({ [name]: cr3 })),
  },
  fc
    .constantFrom('ia32eModeGuest', 'hostAddressSpaceSize', 'unrestrictedGuest', 'guestCsL')
    .map((name): Change => (vmcs) => ({ [name]: !vmcs[name] })),
  // CET and the WP that it needs, in guest or host.
  fc
    .constantFrom<readonly ['guestCr0' | 'hostCr0', 'guestCr4' | 'hostCr4']>(
      ['guestCr0', 'guestCr4'],
      ['hostCr0', 'hostCr4'],
    )
    .map(([cr0, cr4]): Change => (vmcs) => ({
      [cr0]: vmcs[cr0] ^ 0x1_0000n,
      [cr4]: vmcs[cr4] | 0x80_0000n,
    })),
  fc.constant<Change>(() => ({
    crExiting: {
      loadCr3: false,
      storeCr3: false,
      loadCr8: false,
      storeCr8: false,
      cr3Targets: [1n, 2n, 3n, 4n, 5n],
    },
  })),
);

/** What a VMCS changes in the one whose guest and host are as the hypervisor is. */
interface Asked {
  readonly guest: Partial<Vmcs>;
  readonly changes: readonly Change[];
}
const asked: fc.Arbitrary<Asked> = fc.record({
  guest: fc.constantFrom(...GUESTS),
  changes: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(change, { minLength: 1, maxLength: 2 }) },
  ),
});

function vmcs(state: ControlState, { guest, changes }: Asked): Vmcs {
  const is64Bit = (state.efer & 0x400n) !== 0n;
  const own: Vmcs = {
    ...vmcsOf(state),
    guestCr3: BigInt(TABLE),
    hostCr3: BigInt(TABLE),
    ia32eModeGuest: is64Bit,
    hostAddressSpaceSize: is64Bit,
    guestCsL: is64Bit,
    ...guest,
  };
  return changes.reduce<Vmcs>((one, each) => ({ ...one, ...each(one) }), own);
}

type Choice = (state: ControlState) => VmxOperation;
const MSRS = [0x1fff, 0x2000, 0x4b56_4d0d, 0xbfff_ffff, 0xc000_1fff, 0xc000_2000, 0xc001_0000];
const flip = (cr: 0 | 4, bits: readonly bigint[]): fc.Arbitrary<Choice> =>
  fc.constantFrom(...bits).map((bit): Choice => (state) => ({
    op: 'movToCr',
    cr,
    value: (cr === 0 ? state.cr0 : state.cr4) ^ bit,
  }));
const step: fc.Arbitrary<Choice> = fc.oneof(
  {
    weight: 6,
    arbitrary: asked.map((one): Choice => (state) => ({ op: 'vmEntry', vmcs: vmcs(state, one) })),
  },
  { weight: 4, arbitrary: fc.constant<Choice>(() => ({ op: 'guestExit' })) },
  { weight: 2, arbitrary: fc.constant<Choice>(() => ({ op: 'vmxon' })) },
  fc.constant<Choice>(() => ({ op: 'vmxoff' })),
  {
    weight: 2,
    arbitrary: flip(0, [1n, 8n, 0x20n, 0x1_0000n, 0x8000_0000n, 0x4000_0000n, 0x6000_0000n]),
  },
  {
    weight: 2,
    arbitrary: flip(4, [0x10n, 0x20n, 0x80n, 0x2000n, 0x2_0000n, 0x10_0000n, 0x80_0000n]),
  },
  fc
    .constantFrom(0n, 1n, 4n, 5n, 8n)
    .map((value): Choice => () => ({ op: 'wrmsr', msr: FEATURE_CONTROL, value })),
  fc.constantFrom(...MSRS).map((msr): Choice => () => ({ op: 'rdmsr', msr })),
  fc.constantFrom(...MSRS).map((msr): Choice => () => ({ op: 'wrmsr', msr, value: 0n })),
  // Compatibility mode and back, where there is a protected mode to jump in.
  fc.constant<Choice>(({ cr0, cs, efer }) =>
    (cr0 & 1n) === 0n || (efer & 0x400n) === 0n
      ? { op: 'vmxon' }
      : { op: 'farJump', l: !cs.l, d: cs.l },
  ),
  fc.constantFrom(1 as const, 3 as const).map(
    (cpl): Choice =>
      ({ cr0, cs, cpl: current }) =>
        (cr0 & 1n) === 0n || current > 0
          ? { op: 'guestExit' }
          : { op: 'iret', l: cs.l, d: cs.d, cpl },
  ),
  fc
    .constantFrom(0n, 0x2001n, 0x2003n, 0x2021n, 0x2002n)
    .map((value): Choice => () => ({ op: 'memoryWrite', address: TABLE, value })),
);

function outcomeText(outcome: CpuOutcome): string {
  switch (outcome.kind) {
    case 'fault':
      return `fault ${outcome.vector} ${outcome.errorCode}`;
    case 'exit':
      return `exit ${outcome.reason.toString(16)} ${outcome.qualification}`;
    case 'vmFail':
      return `vmFail ${outcome.error}`;
    default:
      return outcome.kind;
  }
}

const hex = (words: readonly bigint[]): string => words.map((word) => word.toString(16)).join(' ');
function machineText(machine: Machine): string {
  const { cr0, cr3, cr4, efer, dr7, rflags, cpl, l, d, pdpte, isShutDown, vmx } = machine;
  const mode = typeof vmx === 'object' ? 'guest' : vmx;
  const words = hex([cr0, cr3, cr4, efer, dr7, rflags, pdpte]);
  return `${words} ${cpl} ${l} ${d} ${isShutDown ? 'shutdown' : 'active'} ${mode}`;
}
function stateText(state: ControlState): string {
  const { cr0, cr3, cr4, efer, dr7, rflags, cpl, cs, pdptes, activity, virtualization } = state;
  const vmx = virtualization?.kind === 'vmx' ? virtualization : null;
  const mode = vmx === null ? 'off' : vmx.vmcs === null ? 'root' : 'guest';
  const words = hex([cr0, cr3, cr4, efer, dr7, rflags, pdptes[0]]);
  return `${words} ${cpl} ${cs.l} ${cs.d} ${activity} ${mode}`;
}

/** Model and reference beside each other. */
class Pair {
  readonly #machine: Machine;
  state: ControlState;

  constructor(cpu: CpuPreset, mode: Mode) {
    const memory = [{ address: TABLE, value: 0x2001n }];
    const start = initialState({ cpu, ...MODES[mode], cr3: BigInt(TABLE), memory });
    // What breakpoints and flags a hypervisor has, so that a VM exit has something to clear.
    this.state = { ...start, dr7: 0x703n, rflags: 0x246n };
    const { features, cr0, cr3, cr4, efer, dr7, rflags, cpl, cs, pdptes } = this.state;
    this.#machine = {
      ...{ features, cr0, cr3, cr4, efer, dr7, rflags, cpl, l: cs.l, d: cs.d },
      featureControl: 0n,
      entry: 0x2001n,
      pdpte: pdptes[0],
      isShutDown: false,
      vmx: 'off',
    };
  }

  /** Does an operation to both; the reference's path. Throws where they differ. */
  apply(operation: VmxOperation): string {
    const side = typeof this.#machine.vmx === 'object' ? 'guest' : this.#machine.vmx;
    const before = machineText(this.#machine);
    const { outcome, path } = perform(this.#machine, operation);
    const { state, outcome: modelled, rule } = model.apply(this.state, operation, 'architecture');
    this.state = state;
    const naive = `${outcomeText(outcome)}; ${machineText(this.#machine)}`;
    const real = `${outcomeText(modelled)}; ${stateText(state)}`;
    if (naive !== real) {
      const lines = [fc.stringify(operation), before, `${path}: ${naive}`, `${rule}: ${real}`];
      throw new Error(lines.join('\n'));
    }
    return `${side}: ${path}`;
  }
}

/** Each answer of the manual, and its least share of the histories in percent. */
const PATHS: Readonly<Record<string, number>> = {
  'off: vmxon': 10,
  'off: vmxon: no vmxe': 0.15,
  'off: vmxon: cpl': 0.15,
  'off: vmxon: fixed bits': 0.15,
  'off: vmxon: feature control': 1.5,
  'off: vmxoff: no vmx': 0.5,
  'off: entry: no vmx': 2.5,
  'root: vmxon again': 2.5,
  'root: vmxoff': 1,
  'root: vmxoff: cpl': 0.1,
  'root: entry: cpl': 0.5,
  'root: entry: no vmx': 0.15,
  'root: guest runs': 15,
  'root: cr3 targets': 0.25,
  'root: host: cr0': 0.5,
  'root: host: cr4': 0.5,
  'root: host: cr3': 0.25,
  'root: host: address space': 0.25,
  'root: host: efer': 0.15,
  'root: host: lma and lme': 0.25,
  'root: guest: cr0': 0.5,
  'root: guest: high half of cr0': 0.15,
  'root: guest: pg without pe': 0.15,
  'root: guest: cr4': 0.5,
  'root: guest: cr3': 0.25,
  'root: guest: ia-32e mode': 0.25,
  'root: guest: pcide': 0.02,
  'root: guest: efer': 0.15,
  'root: guest: lma': 0.25,
  'root: guest: lme': 0.05,
  'root: guest: pdpte': 0.05,
  'root: mov to cr0: fixed bits': 0.25,
  'root: mov to cr4: fixed bits': 0.25,
  'guest: interrupt': 5,
  'guest: abort': 0.03,
  'guest: vmxon in a guest': 1.5,
  'guest: vmxoff in a guest': 1,
  'guest: entry in a guest': 2.5,
  'guest: msr outside the bitmaps': 1,
  'guest: no such msr': 0.5,
  'guest: mov to cr0: fixed bits': 0.25,
  'guest: cr0 written': 1,
  'guest: cr4 written': 1,
};
const CET_PATHS: Readonly<Record<string, number>> = {
  'root: host: cet': 0.15,
  'root: guest: cet': 0.15,
};

describe.each<CpuPreset>(['everything', 'bochs-tigerlake', 'bochs-icelake'])('VMX on %s', (cpu) => {
  test('answers and registers are those of the naive machine', async () => {
    const labels = new LabelCoverage();
    const modes = fc.constantFrom(...(Object.keys(MODES) as Mode[]));
    const histories = fc.tuple(
      fc.nat(9).map((one) => one > 0),
      fc.array(step, { minLength: 1, maxLength: 14, size: 'max' }),
    );
    const property = fc.property(modes, histories, (mode, [isOn, choices]) => {
      const pair = new Pair(cpu, mode);
      const paths: string[] = [];
      if (isOn) {
        paths.push(pair.apply({ op: 'wrmsr', msr: FEATURE_CONTROL, value: 5n }));
        paths.push(pair.apply({ op: 'vmxon' }));
      }
      for (const choice of choices) paths.push(pair.apply(choice(pair.state)));
      labels.count(paths);
    });
    await checkProperty(`VMX on ${cpu}`, property, { runs: 2000 });
    const hasCet = (CPU_PRESETS[cpu].cr4Valid & 0x80_0000n) !== 0n;
    labels.require({ ...PATHS, ...(hasCet && CET_PATHS) });
  });
});
