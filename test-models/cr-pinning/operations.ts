// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  CR0_STATE,
  CR4_PIN_ALLOWED,
  runsL2,
  smallOperations,
  smallSetup,
  type Operation,
  type Setup,
  type State,
} from '@kernel-models/cr-pinning';
import { CR0_DEFINED, CR0_WP, MSR_EFER } from '@kernel-models/hw-model/cpu';

/** A number from which an operation is made, once the state is known. */
export type Choice = readonly [kind: number, value: bigint];

/** Any choice. */
export const choice: fc.Arbitrary<Choice> = fc.tuple(fc.nat(9999), fc.bigInt(0n, (1n << 64n) - 1n));

const HOST_WITHOUT_UMIP = { cr0: 0x8005_0033n, cr4: 0x30_0020n };

/** Machines of one and two vCPUs under each kind of interception. */
export const SETUPS: readonly Setup[] = [
  smallSetup(1),
  smallSetup(2),
  { ...smallSetup(1), intercepts: 'svm' },
  { ...smallSetup(1), intercepts: 'always' },
  { ...smallSetup(2), hostRegisters: HOST_WITHOUT_UMIP },
  { ...smallSetup(2), running: { cr0: CR0_STATE, cr4: 0x30_0020n, efer: 0xd01n } },
  { ...smallSetup(1), running: { cr0: CR0_STATE, cr4: 0x30_0020n, efer: 0xd01n } },
];

/** The MSRs of the interface, and two numbers beside it. */
const MSRS = [
  0x4b56_4d08, 0x4b56_4d09, 0x4b56_4d0a, 0x4b56_4d0b, 0x4b56_4d0c, 0x4b56_4d0d, 0x4b56_4d07,
];

/** Subsets of what may be pinned, and now and then something else. */
function pinValue(msr: number, value: bigint): bigint {
  if (value % 16n === 0n) return value;
  return msr === 0x4b56_4d0a || msr === 0x4b56_4d0b ? value & CR0_WP : value & CR4_PIN_ALLOWED;
}

/**
 * The operation that a choice means: half of the time one of the small world's. What few histories
 * meet by chance is preferred where it can be: an SMI while L2 runs, and the way back from it.
 */
export function operationOf(state: State, [kind, value]: Choice): Operation {
  const vcpu = kind % state.vcpus.length;
  const chosen = state.vcpus[vcpu];
  if (chosen !== undefined && value % 5n === 0n) {
    if (chosen.cpu.smm.active) return { op: 'rsm', vcpu };
    if (runsL2(chosen)) return { op: 'smi', vcpu };
  }
  const small = smallOperations(state);
  const one = small[Math.floor(kind / 2) % small.length];
  if (one === undefined || kind % 2 === 0) return wideOperation(state, kind, value);
  return one;
}

function wideOperation(state: State, kind: number, value: bigint): Operation {
  const vcpu = kind % state.vcpus.length;
  const cpu = state.vcpus[vcpu]?.cpu;
  const cr0 = cpu?.cr0 ?? CR0_STATE;
  const cr4 = cpu?.cr4 ?? 0n;
  const emulated = value % 8n === 0n;
  const guards = value & CR4_PIN_ALLOWED;
  const msr = MSRS[Math.floor(kind / 16) % MSRS.length] ?? 0;
  const choices: readonly (() => Operation)[] = [
    () => ({ op: 'movToCr', vcpu, cr: 4, value: (cr4 & ~CR4_PIN_ALLOWED) | guards, emulated }),
    () => ({ op: 'movToCr', vcpu, cr: 4, value: cr4, emulated: true }),
    () => ({ op: 'movToCr', vcpu, cr: 4, value: cr4 ^ (1n << (value % 34n)) }),
    () => ({ op: 'movToCr', vcpu, cr: 0, value: cr0 ^ CR0_WP, emulated }),
    () => ({ op: 'movToCr', vcpu, cr: 0, value: cr0 ^ (value & CR0_DEFINED & (value >> 9n)) }),
    () => ({ op: 'movToCr', vcpu, cr: Number(value % 16n), value: cr0 }),
    () => ({ op: 'wrmsr', vcpu, msr, value: pinValue(msr, value) }),
    () => ({ op: 'wrmsr', vcpu, msr, value: pinValue(msr, value) }),
    () => ({ op: 'rdmsr', vcpu, msr }),
    () => ({ op: 'hostSetMsr', vcpu, msr, value: pinValue(msr, value) }),
    () => ({ op: 'hostGetMsr', vcpu, msr }),
    () => ({ op: 'lmsw', vcpu, value: value % 16n, emulated }),
    () => ({ op: 'clts', vcpu, emulated }),
    () => ({ op: 'taskSwitch', vcpu }),
    () => ({ op: 'smi', vcpu }),
    () => ({ op: 'rsm', vcpu }),
    () => ({ op: 'smramWrite', vcpu, offset: 0xff48, size: 8, value: cr4 ^ guards }),
    () => ({ op: 'farJump', vcpu, l: value % 2n === 0n, d: value % 2n === 1n }),
    () => ({ op: 'iret', vcpu, l: cpu?.cs.l ?? false, d: cpu?.cs.d ?? false, cpl: 0 }),
    () => ({ op: 'wrmsr', vcpu, msr: MSR_EFER, value: (cpu?.efer ?? 0n) ^ (value & 0x801n) }),
    () => ({ op: 'writeCr', vcpu, cr: 4, value: cr4 ^ guards, through: 'function' }),
    () => ({ op: 'writeCr', vcpu, cr: 0, value: cr0 ^ CR0_WP, through: 'inner-mov' }),
    () => ({ op: 'cpuid', vcpu }),
    () => ({ op: 'hypercall', vcpu, nr: 13, arguments: [0n, CR0_WP, 0n] }),
    () => ({ op: 'init', vcpu }),
    () => ({ op: 'sipi', vcpu, vector: kind % 256 }),
    () => nested(state, vcpu, value),
    () => ({ op: 'nestedExit', vcpu }),
    () => ({ op: 'migrate', order: 'sregs-first', strict: value % 2n === 0n }),
    () => ({ op: 'kexecLoad' }),
    () => ({ op: 'routine', vcpu, routine: 'hibernate-restore' }),
  ];
  const make = choices[Math.floor(kind / 2) % choices.length];
  return make === undefined ? { op: 'kexecLoad' } : make();
}

/** An entry of L1 with any guards in the four registers; from L2 an exit. */
function nested(state: State, vcpu: number, value: bigint): Operation {
  const one = state.vcpus[vcpu];
  if (one === undefined || runsL2(one)) return { op: 'nestedExit', vcpu };
  const { cr0, cr4 } = one.cpu;
  return {
    op: 'nestedEntry',
    vcpu,
    guestCr0: cr0 ^ (value & CR0_WP),
    guestCr4: cr4 ^ (value & CR4_PIN_ALLOWED),
    hostCr0: cr0 ^ ((value >> 5n) & CR0_WP),
    hostCr4: cr4 ^ ((value >> 5n) & CR4_PIN_ALLOWED),
    cr0Mask: 0n,
    cr4Mask: value % 4n === 0n ? CR4_PIN_ALLOWED : 0n,
  };
}
