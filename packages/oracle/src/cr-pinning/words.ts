// SPDX-License-Identifier: MIT
import { formatHex } from '@kernel-models/model-core';
import {
  featuresOf,
  runsL2,
  type Done,
  type Machine,
  type Operation,
  type Outcome,
  type Pins,
  type State,
} from '@kernel-models/cr-pinning';
import {
  CR0_WP,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  MSR_EFER,
  MSR_IA32_FEATURE_CONTROL,
} from '@kernel-models/hw-model/cpu';

/*
 * What happens in a scenario, in words.
 */

const ROUTINE_WORDS = {
  boot: 'boots',
  'bring-up': 'brings the vCPU up: INIT, SIPI, trampoline',
  'hibernate-restore': 'comes back from hibernation',
  kexec: 'starts another kernel by kexec',
} as const;

/** How code gets to a MOV to a control register. */
const WAY_WORDS = {
  function: (cr: 0 | 4) => `call native_write_cr${cr}()`,
  'inner-mov': (cr: 0 | 4) => `jump to the MOV inside native_write_cr${cr}()`,
  gadget: (cr: 0 | 4) => `MOV to CR${cr} outside native_write_cr${cr}()`,
} as const;

/** Who acts: the VMM, or what runs on a vCPU, as it stood before. */
export function actorOf(before: State, operation: Operation): string {
  if (!('vcpu' in operation) || operation.op.startsWith('host')) {
    return operation.op === 'kexecLoad' ? 'guest' : 'VMM';
  }
  const vcpu = before.vcpus[operation.vcpu];
  const place = `vCPU ${operation.vcpu}`;
  if (operation.op === 'init' || operation.op === 'sipi' || operation.op === 'smi') {
    return `to ${place}`;
  }
  if (vcpu === undefined) return place;
  if (vcpu.cpu.smm.active) return `${place}, SMM`;
  return runsL2(vcpu) ? `${place}, L2` : place;
}

/** What an operation is, in a few words. */
export function operationWords(operation: Operation, machine: Machine): string {
  switch (operation.op) {
    case 'routine':
      return `the kernel ${ROUTINE_WORDS[operation.routine]}`;
    case 'movToCr':
      return `MOV to CR${operation.cr}: ${formatHex(operation.value)}`;
    case 'movFromCr':
      return `MOV from CR${operation.cr}`;
    case 'writeCr': {
      const { cr, value, through } = operation;
      return `${WAY_WORDS[through](cr)}: ${formatHex(value)}`;
    }
    case 'wrmsr':
    case 'hostSetMsr':
      return `write ${msrName(operation.msr, machine)}: ${formatHex(operation.value)}`;
    case 'rdmsr':
    case 'hostGetMsr':
      return `read ${msrName(operation.msr, machine)}`;
    case 'hypercall': {
      const { nr, arguments: values } = operation;
      return `hypercall ${nr}(${values.map((one) => formatHex(one)).join(', ')})`;
    }
    case 'farJump':
      return `far jump to ${operation.l ? '64-bit' : operation.d ? '32-bit' : '16-bit'} code`;
    case 'lmsw':
      return `LMSW: ${formatHex(operation.value)}`;
    case 'taskSwitch':
      return 'hardware task switch';
    case 'smramWrite': {
      const { offset, value } = operation;
      return `write the save area at 0x${offset.toString(16)}: ${formatHex(value)}`;
    }
    case 'nestedEntry': {
      const { hostCr0, hostCr4 } = operation;
      return `L1 starts L2; wants back CR0 ${formatHex(hostCr0)}, CR4 ${formatHex(hostCr4)}`;
    }
    case 'nestedExit':
      return 'L2 exits to L1';
    case 'sipi':
      return `SIPI to page 0x${operation.vector.toString(16)}`;
    case 'machineReset':
      return 'reset of the machine';
    case 'migrate': {
      const { order, strict } = operation;
      return `migration, ${order.replace('-', ' ')}, ${strict ? 'strict' : 'lenient'}`;
    }
    case 'armKexec':
      return 'allow one kexec';
    case 'kexecLoad':
      return 'kexec_load(2)';
    default:
      return operation.op.toUpperCase();
  }
}

const MSR_WORDS: Readonly<Record<string, string>> = {
  cr0Allowed: 'CR0_PIN_ALLOWED',
  cr4Allowed: 'CR4_PIN_ALLOWED',
  cr0Low: 'CR0_PINNED_LOW',
  cr0High: 'CR0_PINNED_HIGH',
  cr4Low: 'CR4_PINNED_LOW',
  cr4High: 'CR4_PINNED_HIGH',
  eferHigh: 'EFER_PINNED_HIGH',
};

function msrName(msr: number, { revision }: Machine): string {
  if (msr === MSR_EFER) return 'EFER';
  if (msr === MSR_IA32_FEATURE_CONTROL) return 'FEATURE_CONTROL';
  const field = Object.entries(featuresOf(revision).msrs).find(([, number]) => number === msr);
  return MSR_WORDS[field?.[0] ?? ''] ?? `MSR 0x${msr.toString(16)}`;
}

/** What somebody saw of it. */
export function outcomeWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'fault':
      return outcome.errorCode === undefined
        ? `fault ${outcome.vector}`
        : `fault ${outcome.vector}(${outcome.errorCode})`;
    case 'value':
      return formatHex(outcome.value);
    case 'repaired':
      return `repaired to ${formatHex(outcome.value)}`;
    case 'exit':
      return `exit ${formatHex(outcome.reason)}`;
    case 'syscall':
    case 'errno':
      return outcome.errno;
    case 'internalError':
      return 'VM stopped: internal error';
    case 'shutdown':
      return 'VM stopped: shutdown';
    case 'aborted':
      return `aborted at MSR 0x${outcome.msr.toString(16)}`;
    default:
      return outcome.kind;
  }
}

/**
 * The registers of the vCPU that an operation was about, the first one's where it was about none.
 */
export interface RegisterWords {
  readonly cr0: string;
  readonly cr4: string;
  /** Which of the guarded bits are on. */
  readonly on: string;
  /** What is pinned: `SMEP` to 1, `!SMEP` to 0. */
  readonly pinned: string;
}

const GUARDED = [
  { name: 'WP', register: 'cr0', mask: CR0_WP },
  { name: 'SMEP', register: 'cr4', mask: CR4_SMEP },
  { name: 'SMAP', register: 'cr4', mask: CR4_SMAP },
  { name: 'UMIP', register: 'cr4', mask: CR4_UMIP },
] as const;

/** The registers after a step. */
export function registerWords({ operation, step: { state } }: Done): RegisterWords {
  const index = 'vcpu' in operation ? operation.vcpu : 0;
  const vcpu = state.vcpus[index];
  if (vcpu === undefined) return { cr0: '', cr4: '', on: '', pinned: '' };
  const { cpu, pins } = vcpu;
  const both = (register: 'cr0' | 'cr4', polarity: keyof Pins): bigint =>
    pins[register][polarity] | state.vmPins[register][polarity];
  const pinned = GUARDED.flatMap(({ name, register, mask }) => [
    ...((both(register, 'high') & mask) === 0n ? [] : [name]),
    ...((both(register, 'low') & mask) === 0n ? [] : [`!${name}`]),
  ]);
  const on = GUARDED.filter(({ register, mask }) => (cpu[register] & mask) !== 0n);
  return {
    cr0: formatHex(cpu.cr0),
    cr4: formatHex(cpu.cr4),
    on: on.map(({ name }) => name).join(' '),
    pinned: pinned.join(' '),
  };
}
