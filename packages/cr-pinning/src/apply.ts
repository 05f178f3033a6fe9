// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { ARCHITECTURE, applyTo } from '@kernel-models/hw-model/cpu';
import { cpuid } from './cpuid.ts';
import type { Features } from './features.ts';
import { hypercall } from './hypercall.ts';
import { kexecLoad, routine } from './kernel.ts';
import { clts, lmsw, movToCr, taskSwitch } from './mov-cr.ts';
import { writeCr } from './native-write-cr.ts';
import { afterGuestExit, leaveL2, nestedEntry, nestedExit } from './nested.ts';
import type { Operation } from './operation.ts';
import { hostGetMsr, hostSetMsr, rdmsr, wrmsr } from './pin-msr.ts';
import { init, sipi } from './reset.ts';
import { featuresOf } from './revisions.ts';
import { rsm, smi, smramWrite } from './smm.ts';
import { vcpuOf, type State } from './state.ts';
import { lift, step, type Step } from './step.ts';
import { armKexec, hostSetSregs, machineReset, migrate } from './vmm.ts';

/**
 * The transition function of a virtual machine.
 *
 * @throws RangeError where there is no such revision, or no such vCPU
 */
export function apply(state: State, operation: Operation, revision: RevisionId): Step {
  return applyFeatures(state, operation, featuresOf(revision));
}

function applyFeatures(state: State, operation: Operation, features: Features): Step {
  if (state.dead !== null && operation.op !== 'machineReset') {
    return step(state, { kind: 'stopped' }, 'vm.stopped');
  }
  switch (operation.op) {
    case 'hostSetMsr':
      return hostSetMsr(state, operation.vcpu, operation.msr, operation.value, features);
    case 'hostGetMsr':
      return hostGetMsr(state, operation.vcpu, operation.msr, features);
    case 'hostSetSregs':
      return hostSetSregs(state, operation.vcpu, operation.sregs);
    case 'machineReset':
      return machineReset(state, features);
    case 'migrate':
      return migrate(state, operation.order, operation.strict, features);
    case 'armKexec':
      return armKexec(state, features);
    case 'kexecLoad':
      return kexecLoad(state);
    case 'nestedExit':
      return nestedExit(state, operation.vcpu, features);
    case 'smi':
      return smi(state, operation.vcpu);
    case 'smramWrite':
      return smramWrite(state, operation.vcpu, operation.offset, operation.size, operation.value);
    case 'init':
      return init(state, operation.vcpu, features);
    case 'sipi':
      return sipi(state, operation.vcpu, operation.vector);
    case 'routine':
      return routine(state, operation.vcpu, operation.routine, features, (next, one) =>
        applyFeatures(next, one, features),
      );
    default:
      return execute(state, operation, features);
  }
}

/** What runs on a vCPU, and therefore needs one that executes. */
type Executed = Exclude<
  Operation,
  {
    readonly op:
      | 'hostSetMsr'
      | 'hostGetMsr'
      | 'hostSetSregs'
      | 'machineReset'
      | 'migrate'
      | 'armKexec'
      | 'kexecLoad'
      | 'nestedExit'
      | 'smi'
      | 'smramWrite'
      | 'init'
      | 'sipi'
      | 'routine';
  }
>;

function execute(state: State, operation: Executed, features: Features): Step {
  const { vcpu } = operation;
  if (vcpuOf(state, vcpu).cpu.activity !== 'active') {
    return step(state, { kind: 'ignored' }, 'cpu.not-executing');
  }
  const left = leaveL2(state, operation, features);
  if (left !== undefined) return left;
  switch (operation.op) {
    case 'movToCr': {
      const { cr, value, emulated = false } = operation;
      return movToCr(state, vcpu, cr, value, features, emulated);
    }
    case 'lmsw':
      return lmsw(state, vcpu, operation.value, features, operation.emulated ?? false);
    case 'clts':
      return clts(state, vcpu, features, operation.emulated ?? false);
    case 'taskSwitch':
      return taskSwitch(state, vcpu, features);
    case 'wrmsr':
      return wrmsr(state, vcpu, operation.msr, operation.value, features);
    case 'rdmsr':
      return rdmsr(state, vcpu, operation.msr, features);
    case 'rsm':
      return rsm(state, vcpu, features);
    case 'writeCr':
      return writeCr(state, vcpu, operation.cr, operation.value, operation.through, features);
    case 'hypercall':
      return hypercall(state, vcpu, operation.nr, operation.arguments, features);
    case 'cpuid':
      return cpuid(state, features);
    case 'nestedEntry':
      return nestedEntry(state, operation, features);
    default: {
      const hardware = applyTo(vcpuOf(state, vcpu).cpu, operation, ARCHITECTURE);
      return afterGuestExit(state, lift(state, vcpu, hardware), vcpu, features);
    }
  }
}
