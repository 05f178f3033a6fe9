// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  crPinningModel,
  KVM_HC_KEXEC_UNPIN,
  smallSetup,
  type Operation,
  type Setup,
  type State,
} from '@kernel-models/cr-pinning';
import {
  cpuModel,
  MSR_EFER,
  type ControlState,
  type CpuOperation,
} from '@kernel-models/hw-model/cpu';
import { covered } from '../support/rule-coverage.ts';
import { DIRECTED, type Directed } from '../hw-model/cpu/directed.ts';

const model = covered(crPinningModel);

/** A machine whose only vCPU has this hardware. */
function machineOf(cpu: ControlState): State {
  const state = model.initial(smallSetup(1));
  return { ...state, vcpus: state.vcpus.map((vcpu) => ({ ...vcpu, cpu })) };
}

/**
 * The operation of the machine that does what one of the hardware does; undefined where none does.
 */
function onMachine(operation: CpuOperation): Operation | undefined {
  const vcpu = 0;
  switch (operation.op) {
    case 'setSregs':
      return { op: 'hostSetSregs', vcpu, sregs: operation.sregs };
    case 'hostRdmsr':
      return { op: 'hostGetMsr', vcpu, msr: operation.msr };
    case 'hostWrmsr':
      return { op: 'hostSetMsr', vcpu, msr: operation.msr, value: operation.value };
    case 'guestExit':
      return { op: 'nestedExit', vcpu };
    case 'raise':
    case 'nmi':
    case 'reset':
    case 'hostSaveWrite':
    case 'memoryWrite':
      return undefined;
    default:
      return { ...operation, vcpu };
  }
}

describe('the rules of the hardware decide in a machine too', () => {
  const own = DIRECTED.filter(({ operations }) =>
    operations.every((operation) => onMachine(operation) !== undefined),
  );

  test.each(own)('$rule', ({ rule, start, operations }) => {
    let state = machineOf(start);
    let last = '';
    for (const operation of operations) {
      const translated = onMachine(operation);
      if (translated === undefined) continue;
      const step = model.apply(state, translated, 'linux-5.2');
      state = step.state;
      last = step.rule;
    }
    expect(last).toBe(rule);
  });

  test.each([
    ['vmexit.host-cr0', 0x8001_0033n | 0x2000_0000n, 0x20n],
    ['vmexit.host-long-mode', 0x8001_0033n, 0n],
    ['vmexit.host-cr4', 0x8001_0033n, 0x8020n],
  ])('%s, from a VMCB of L1', (rule, hostCr0, hostCr4) => {
    const running = DIRECTED.find((one) => one.rule === 'vmrun.done')?.start;
    if (running === undefined) throw new Error('directed: expected a running CPU');
    const entry: Operation = {
      op: 'nestedEntry',
      vcpu: 0,
      guestCr0: running.cr0,
      guestCr4: running.cr4,
      hostCr0,
      hostCr4,
      cr0Mask: 0n,
      cr4Mask: 0n,
    };
    const inside = model.apply(machineOf(running), entry, 'posted-2020-06').state;
    const exit = model.apply(inside, { op: 'nestedExit', vcpu: 0 }, 'posted-2020-06');
    expect([exit.rule, exit.state.dead]).toEqual([rule, 'shutdown']);
  });

  test.each(['vmexit.host-efer', 'vmexit.host-pdpte', 'vmexit.abort'])(
    '%s, where memory was written over',
    (rule) => {
      const guest = guestOf(DIRECTED.find((one) => one.rule === rule));
      const exit = model.apply(machineOf(guest), { op: 'nestedExit', vcpu: 0 }, 'linux-5.2');
      expect([exit.rule, exit.state.dead]).toEqual([rule, 'shutdown']);
    },
  );
});

/** The hardware before the last operation of a history. */
function guestOf(directed: Directed | undefined): ControlState {
  if (directed === undefined) throw new Error('directed: expected a history, got none');
  let state = directed.start;
  for (const operation of directed.operations.slice(0, -1)) {
    ({ state } = cpuModel.apply(state, operation, 'architecture'));
  }
  return state;
}

describe('rules of the policy', () => {
  const usual: Setup = {
    vcpus: 1,
    cpu: 'bochs-icelake',
    intercepts: 'vmx',
    host: 'patched',
    vmm: 'good',
    kernel: { kexec: true, pvCrPin: true, crashkernel: false },
  };
  const boot: Operation = { op: 'routine', vcpu: 0, routine: 'boot' };
  const call = (...args: readonly bigint[]): Operation => ({
    op: 'hypercall',
    vcpu: 0,
    nr: 13,
    arguments: args,
  });
  const dropPrivilege: Operation = { op: 'iret', vcpu: 0, l: true, d: false, cpl: 3 };

  test.each<{
    readonly rule: string;
    readonly revision: string;
    readonly setup?: Partial<Setup>;
    readonly operations: readonly Operation[];
  }>([
    {
      rule: 'pin.efer',
      revision: 'design-efer',
      operations: [boot, { op: 'wrmsr', vcpu: 0, msr: MSR_EFER, value: 0x101n }],
    },
    {
      rule: 'native.repaired',
      revision: 'linux-5.8',
      operations: [boot, { op: 'writeCr', vcpu: 0, cr: 4, value: 0x20n, through: 'function' }],
    },
    {
      rule: 'pin-msr.hidden',
      revision: 'reviewed-2020-06',
      setup: { hidesFeature: true },
      operations: [{ op: 'rdmsr', vcpu: 0, msr: 0x4b56_4d08 }],
    },
    {
      rule: 'hypercall.needs-cpl0',
      revision: 'posted-2024-05',
      operations: [boot, dropPrivilege, call()],
    },
    { rule: 'hypercall.version', revision: 'posted-2024-05', operations: [call(0n, 0n, 1n)] },
    {
      rule: 'hypercall.nothing-to-pin',
      revision: 'posted-2024-05',
      operations: [call(0n, 0n, 0n)],
    },
    { rule: 'hypercall.register', revision: 'posted-2024-05', operations: [call(3n, 1n, 0n)] },
    { rule: 'hypercall.bits', revision: 'posted-2024-05', operations: [call(0n, 1n, 0n)] },
    {
      rule: 'hypercall.kexec-unpinned',
      revision: 'design-kexec-token',
      operations: [
        boot,
        { op: 'armKexec' },
        { op: 'hypercall', vcpu: 0, nr: KVM_HC_KEXEC_UNPIN, arguments: [] },
      ],
    },
    {
      rule: 'reset.keeps-pins',
      revision: 'posted-2020-06',
      setup: { vmm: 'no-clear-on-reset' },
      operations: [boot, { op: 'machineReset' }],
    },
    {
      rule: 'migration.aborted',
      revision: 'posted-2020-06',
      setup: { vmm: 'old-host' },
      operations: [boot, { op: 'migrate', order: 'msrs-first', strict: true }],
    },
  ])('$rule', ({ rule, revision, setup, operations }) => {
    let state = model.initial({ ...usual, ...setup });
    let last = '';
    for (const operation of operations) {
      const step = model.apply(state, operation, revision);
      state = step.state;
      last = step.rule;
    }
    expect(last).toBe(rule);
  });
});
