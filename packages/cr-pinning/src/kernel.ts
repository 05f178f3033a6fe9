// SPDX-License-Identifier: MIT
import {
  CR0_AM,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_CET,
  CR4_FSGSBASE,
  CR4_LA57,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  isRealMode,
  MSR_EFER,
} from '@kernel-models/hw-model/cpu';
import { allowedOf } from './active.ts';
import { kvmFeatures } from './cpuid.ts';
import type { Features } from './features.ts';
import { KVM_HC_KEXEC_UNPIN } from './hypercall.ts';
import type { Operation, Routine } from './operation.ts';
import type { KernelConfig } from './setup.ts';
import { vcpuOf, type Kernel, type State } from './state.ts';
import { done, step, type Step } from './step.ts';

/*
 * The guest kernel: how it starts, brings CPUs up, comes back from hibernation and starts another
 * kernel, each as the sequence of writes that it makes. Reads beside
 * arch/x86/boot/compressed/head_64.S, arch/x86/kernel/head_64.S,
 * arch/x86/realmode/rm/trampoline_64.S, arch/x86/power/hibernate_asm_64.S,
 * arch/x86/kernel/relocate_kernel_64.S (Linux 5.8) and patches 1, 3 and 4 of the posting of June
 * 2020.
 */

/** CR0_STATE, arch/x86/include/uapi/asm/processor-flags.h, Linux 5.8: what a running kernel has. */
export const CR0_STATE: bigint = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
const EARLY_EFER = EFER_SCE | EFER_LME | EFER_NXE;
/** What a running kernel turns on in CR4, as far as the CPU has it. */
const KERNEL_CR4 =
  CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_SMEP | CR4_SMAP;
const EARLY_CR4 = CR4_PAE | CR4_PGE;

/** Whether the kernel pins by itself what it can: on by default, unless it can kexec. */
export function pinsParavirtually(
  { kexec, pvCrPin }: KernelConfig,
  features: Pick<Features, 'pvCrPin'>,
): boolean {
  return !kexec || (pvCrPin && features.pvCrPin);
}

/** One step of a routine: an operation, or something that the kernel notes. */
type RoutineStep = (state: State, vcpu: number, features: Features) => Operation | Kernel;

const movCr0 =
  (value: bigint): RoutineStep =>
  (_, vcpu) => ({ op: 'movToCr', vcpu, cr: 0, value });
const movCr4 =
  (value: bigint): RoutineStep =>
  (state, vcpu) => ({ op: 'movToCr', vcpu, cr: 4, value: value & cr4Valid(state, vcpu) });
const efer: RoutineStep = (_, vcpu) => ({ op: 'wrmsr', vcpu, msr: MSR_EFER, value: EARLY_EFER });
const jumpTo =
  (l: boolean): RoutineStep =>
  (_, vcpu) => ({ op: 'farJump', vcpu, l, d: !l });

function cr4Valid(state: State, vcpu: number): bigint {
  return vcpuOf(state, vcpu).cpu.features.cr4Valid;
}

/** The boot CPU turns its features on and remembers them: cr4_set_bits_and_update_boot(). */
const noteFeatures: RoutineStep = ({ kernel, ...state }, vcpu) => ({
  ...kernel,
  mmuCr4Features: vcpuOf({ kernel, ...state }, vcpu).cpu.cr4,
});

/** setup_cr_pinning() of the native kind: the live CR4 is what counts from now on. */
const pinNatively: RoutineStep = (state, vcpu, { native, nativeCr4Mask }) => ({
  ...state.kernel,
  pinning: native !== 'none',
  cr4PinnedBits: vcpuOf(state, vcpu).cpu.cr4 & nativeCr4Mask,
});

/** The paravirtual half of setup_cr_pinning(): kexec is given up for it. */
const giveUpKexec: RoutineStep = ({ kernel }, _, { request, pvCrPin, kexecToken }) =>
  request !== 'none' && kernel.kexec && kernel.pvCrPin && pvCrPin && !kexecToken
    ? { ...kernel, kexecLoadDisabled: true }
    : kernel;

/** Whether a kernel that pins by itself finds the feature: without it no MSR is touched. */
function pinsByMsrs(state: State, features: Features): boolean {
  const isOffered = ((kvmFeatures(state, features) >> BigInt(features.featureBit)) & 1n) === 1n;
  return isOffered && pinsParavirtually(state.kernel, features);
}

/**
 * The two MSR writes, or hypercalls, by which a CPU pins what it has. LOW is never used by Linux.
 */
const pinCr =
  (cr: 0 | 4): RoutineStep =>
  (state, vcpu, features) => {
    const { kernel } = state;
    if (!pinsParavirtually(kernel, features)) return kernel;
    const wanted = cr === 0 ? CR0_WP : vcpuOf(state, vcpu).cpu.cr4 & features.allowedCr4;
    if (features.request === 'hypercall') {
      return { op: 'hypercall', vcpu, nr: 13, arguments: [BigInt(cr), wanted, 0n] };
    }
    if (features.request === 'none' || !pinsByMsrs(state, features)) return kernel;
    const { msrs } = features;
    const value = wanted & allowedOf(state, features)[cr === 0 ? 'cr0' : 'cr4'];
    return { op: 'wrmsr', vcpu, msr: cr === 0 ? msrs.cr0High : msrs.cr4High, value };
  };

/** In the mask-and-value design the value comes before the mask. */
const valueOf =
  (cr: 0 | 4): RoutineStep =>
  (state, vcpu, features) => {
    const { kernel } = state;
    const msr = cr === 0 ? features.msrs.cr0Low : features.msrs.cr4Low;
    if (features.request !== 'mask-value' || msr === undefined || !pinsByMsrs(state, features)) {
      return kernel;
    }
    const value = cr === 0 ? CR0_WP : vcpuOf(state, vcpu).cpu.cr4 & features.allowedCr4;
    return { op: 'wrmsr', vcpu, msr, value };
  };

const pinEfer: RoutineStep = (state, vcpu, features) => {
  const { msrs, allowedEfer } = features;
  return msrs.eferHigh === undefined || !pinsByMsrs(state, features)
    ? state.kernel
    : { op: 'wrmsr', vcpu, msr: msrs.eferHigh, value: allowedEfer };
};

const PIN: readonly RoutineStep[] = [valueOf(0), pinCr(0), valueOf(4), pinCr(4), pinEfer];

/** From 64-bit mode on: what the start of a kernel and a kexec have in common. */
const START_64: readonly RoutineStep[] = [
  movCr4(EARLY_CR4),
  movCr0(CR0_STATE),
  movCr4(KERNEL_CR4),
  noteFeatures,
  pinNatively,
  giveUpKexec,
  ...PIN,
];

const lmswPe: RoutineStep = (_, vcpu) => ({ op: 'lmsw', vcpu, value: CR0_PE });
const withKernelCr4: RoutineStep = (state, vcpu) => ({
  op: 'movToCr',
  vcpu,
  cr: 4,
  value: state.kernel.mmuCr4Features,
});
const withTrampolineCr4: RoutineStep = (state, vcpu) => ({
  op: 'movToCr',
  vcpu,
  cr: 4,
  value: (state.kernel.mmuCr4Features | CR4_PAE) & ~CR4_PCIDE,
});

const RELOCATE_CLEARS = CR0_AM | CR0_WP | CR0_TS | CR0_EM;

const ROUTINE_STEPS: Readonly<Record<Routine, readonly RoutineStep[]>> = {
  boot: [
    movCr0(CR0_PE | CR0_ET),
    jumpTo(false),
    movCr4(CR4_PAE),
    efer,
    movCr0(CR0_PG | CR0_PE | CR0_ET),
    jumpTo(true),
    ...START_64,
  ],
  'bring-up': [
    (_, vcpu) => ({ op: 'init', vcpu }),
    (_, vcpu) => ({ op: 'sipi', vcpu, vector: 0x98 }),
    lmswPe,
    jumpTo(false),
    withTrampolineCr4,
    efer,
    movCr0(CR0_PG | CR0_WP | CR0_PE),
    jumpTo(true),
    movCr0(CR0_STATE),
    withKernelCr4,
    ...PIN,
  ],
  'hibernate-restore': [
    (state, vcpu) => ({
      op: 'movToCr',
      vcpu,
      cr: 4,
      value: state.kernel.mmuCr4Features & ~CR4_PGE,
    }),
    withKernelCr4,
  ],
  kexec: [
    (state, vcpu, { kexecToken }) =>
      kexecToken && state.vmm.kexecToken
        ? { op: 'hypercall', vcpu, nr: KVM_HC_KEXEC_UNPIN, arguments: [] }
        : state.kernel,
    (state, vcpu) => ({
      op: 'movToCr',
      vcpu,
      cr: 4,
      value: vcpuOf(state, vcpu).cpu.cr4 & ~CR4_CET,
    }),
    (state, vcpu) => ({
      op: 'movToCr',
      vcpu,
      cr: 0,
      value: (vcpuOf(state, vcpu).cpu.cr0 & ~RELOCATE_CLEARS) | CR0_PG | CR0_PE,
    }),
    (state, vcpu) => ({
      op: 'movToCr',
      vcpu,
      cr: 4,
      value: CR4_PAE | (vcpuOf(state, vcpu).cpu.cr4 & CR4_LA57),
    }),
    ({ kernel }) => ({ ...kernel, pinning: false, cr4PinnedBits: 0n, kexecLoaded: false }),
    ...START_64,
  ],
};

/**
 * Runs a routine. A fault on the way comes before there is an interrupt table, or while there is
 * none any more: a triple fault, which stops the VM. So does a far jump in real mode, where its
 * selector leads nowhere: the write that should have set PE was dropped.
 *
 * @param run executes one operation on the machine
 */
export function routine(
  state: State,
  vcpu: number,
  name: Routine,
  features: Features,
  run: (state: State, operation: Operation) => Step,
): Step {
  if (name === 'kexec' && !state.kernel.kexecLoaded) {
    return step(state, { kind: 'syscall', errno: 'ENOSYS' }, 'kexec.nothing-loaded');
  }
  let current = state;
  for (const next of ROUTINE_STEPS[name]) {
    const what = next(current, vcpu, features);
    if (!('op' in what)) {
      current = { ...current, kernel: what };
      continue;
    }
    const taken = run(current, what);
    const { kind } = taken.outcome;
    const isLost = what.op === 'farJump' && isRealMode(vcpuOf(current, vcpu).cpu);
    if (kind === 'fault' || kind === 'ignored' || kind === 'latched' || isLost) {
      const dead = { ...taken.state, dead: 'shutdown' } as const;
      return step(dead, { kind: 'shutdown' }, 'routine.triple-fault', [taken.rule]);
    }
    current = taken.state;
  }
  return done(current, 'routine.completed');
}

/** kexec_load(2). */
export function kexecLoad(state: State): Step {
  const { kernel } = state;
  if (!kernel.kexec) return step(state, { kind: 'syscall', errno: 'ENOSYS' }, 'kexec.not-built');
  if (kernel.kexecLoadDisabled) {
    return step(state, { kind: 'syscall', errno: 'EPERM' }, 'kexec.load-disabled');
  }
  return done({ ...state, kernel: { ...kernel, kexecLoaded: true } }, 'kexec.loaded');
}
