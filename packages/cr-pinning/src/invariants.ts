// SPDX-License-Identifier: MIT
import { deepEqual, type Invariant } from '@kernel-models/model-core';
import {
  checkMovCr0,
  checkMovCr4,
  CR0_DEFINED,
  CR0_ET,
  CR0_VALUE_CHECKS,
  CR4_CET,
  CR4_PAE,
  CR4_VALUE_CHECKS,
  isConsistent,
} from '@kernel-models/hw-model/cpu';
import {
  AGAINST_L2,
  anyPins,
  hasLegalCr4,
  isPinRefusal,
  isSeen,
  isUnambiguous,
  isViolated,
  movValue,
  pinWrite,
  POLARITIES,
  REGISTERS,
  shouldCount,
  STOPS_AFTER_RSM,
  UNPINS,
  vcpuIn,
} from './invariant-terms.ts';
import { promisedBy } from './known-defects.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { violatedBits } from './pins.ts';
import { featuresOf } from './revisions.ts';
import { runsL2, type State } from './state.ts';

type PinningInvariant = Invariant<State, Operation, Outcome>;

const TABLE: readonly Omit<PinningInvariant, 'revisions'>[] = [
  {
    id: 'pins.never-both-ways',
    sentence: 'No bit is pinned to 1 and to 0.',
    holds: ({ before, step: { state } }) =>
      (state.vcpus === before.vcpus && state.vmPins === before.vmPins) ||
      (isUnambiguous(state.vmPins) && state.vcpus.every(({ pins }) => isUnambiguous(pins))),
  },
  {
    id: 'pins.within-allowed',
    sentence: 'Only allowed bits are pinned.',
    holds: ({ before, step: { state }, revision }) => {
      if (state.vcpus === before.vcpus && state.allowed === before.allowed) return true;
      const { allowedCr0, allowedCr4 } = featuresOf(revision);
      const { cr0 = allowedCr0, cr4 = allowedCr4 } = state.allowed ?? {};
      return state.vcpus.every(
        ({ pins }) =>
          ((pins.cr0.low | pins.cr0.high) & ~cr0) === 0n &&
          ((pins.cr4.low | pins.cr4.high) & ~cr4) === 0n,
      );
    },
  },
  {
    id: 'pins.guest-never-unpins',
    sentence: 'A guest adds pins and takes none away, but by INIT.',
    holds: ({ before, operation, step }) =>
      before.vcpus === step.state.vcpus ||
      UNPINS.has(operation.op) ||
      vcpuIn(before, operation)?.cpu.latched.init === true ||
      before.vcpus.every(({ pins }, index) => {
        const after = step.state.vcpus[index]?.pins;
        if (after === undefined || after === pins) return after !== undefined;
        return REGISTERS.every((register) =>
          POLARITIES.every((one) => (pins[register][one] & ~after[register][one]) === 0n),
        );
      }),
  },
  {
    id: 'pins.accepted-write-respects',
    sentence: 'A MOV that KVM sees and lets pass leaves the register as it is pinned.',
    holds: ({ before, operation, step }) => {
      if (operation.op !== 'movToCr' || step.outcome.kind !== 'done') return true;
      const vcpu = vcpuIn(before, operation);
      const after = vcpuIn(step.state, operation);
      if (vcpu === undefined || after === undefined) return true;
      const value = movValue(operation, vcpu);
      if (value === undefined || !shouldCount(before, vcpu) || runsL2(vcpu)) return true;
      const register = operation.cr === 0 ? 'cr0' : 'cr4';
      if (operation.emulated !== true && !isSeen(before, vcpu, register, value)) return true;
      return violatedBits(after.cpu[register], anyPins(step.state, after, register)) === 0n;
    },
  },
  {
    id: 'pins.fault-changes-nothing',
    sentence: 'A fault leaves the whole machine as it was.',
    holds: ({ before, step }) =>
      step.outcome.kind !== 'fault' || step.state === before || deepEqual(step.state, before),
  },
  {
    id: 'pins.kept-while-active',
    sentence:
      'Where the pins hold, nothing that a guest does outside SMM and L2 makes them not hold.',
    holds: ({ before, operation, step }) => {
      if (operation.op === 'wrmsr' || operation.op === 'hostSetSregs') return true;
      if (step.state === before || UNPINS.has(operation.op)) return true;
      const vcpu = vcpuIn(before, operation);
      const after = vcpuIn(step.state, operation);
      if (vcpu === undefined || after === undefined) return true;
      const wasHeld = shouldCount(before, vcpu) && !runsL2(vcpu) && !isViolated(before, vcpu);
      const counts = shouldCount(step.state, after) && !runsL2(after) && step.state.dead === null;
      return !wasHeld || !counts || !isViolated(step.state, after);
    },
  },
  {
    id: 'pins.kept-over-rsm',
    sentence: 'After an RSM to L1 the pins hold, or the VM has stopped.',
    holds: ({ before, operation, step }) => {
      if (operation.op !== 'rsm' || step.outcome.kind !== 'done') return true;
      const after = vcpuIn(step.state, operation);
      if (after === undefined) return true;
      if (!shouldCount(step.state, after) || runsL2(after) || step.state.dead !== null) return true;
      return vcpuIn(before, operation)?.cpu.smm.active !== true || !isViolated(step.state, after);
    },
  },
  {
    id: 'pins.kept-over-nested-exit',
    sentence: 'After a nested exit the pins hold, whatever L1 asked for.',
    holds: ({ before, operation, step }) => {
      if (step.outcome.kind !== 'exit') return true;
      const vcpu = vcpuIn(before, operation);
      const after = vcpuIn(step.state, operation);
      if (vcpu === undefined || after === undefined) return true;
      if (before.host !== 'patched' || runsL2(after) || vcpu.exempt) return true;
      return !isViolated(step.state, after);
    },
  },
  {
    id: 'pins.requests-leave-registers',
    sentence: 'Pinning changes no control register.',
    holds: ({ before, operation, step, revision }) =>
      step.state === before ||
      step.outcome.kind === 'exit' ||
      pinWrite(operation, revision) === undefined ||
      step.state.vcpus.every(({ cpu }, index) => cpu === before.vcpus[index]?.cpu),
  },
  {
    id: 'pins.belong-to-one-vcpu',
    sentence: 'A vCPU that has pinned nothing is refused nothing.',
    holds: ({ before, operation, step }) => {
      if (!isPinRefusal(step.rule)) return true;
      const vcpu = vcpuIn(before, operation);
      if (vcpu === undefined) return true;
      const { cr0, cr4 } = vcpu.pins;
      return (cr0.low | cr0.high | cr4.low | cr4.high) !== 0n;
    },
  },
  {
    id: 'pins.refusal-has-a-violation',
    sentence: 'A write that is refused for the pins has a bit other than it is pinned.',
    holds: ({ before, operation, step }) => {
      if (!isPinRefusal(step.rule)) return true;
      const vcpu = vcpuIn(before, operation);
      if (vcpu === undefined) return true;
      const value = movValue(operation, vcpu);
      const register = step.rule === 'pin.cr0' ? 'cr0' : 'cr4';
      return value === undefined || violatedBits(value, anyPins(before, vcpu, register)) !== 0n;
    },
  },
  {
    id: 'pins.l2-is-free',
    sentence: 'L1’s pins neither refuse L2’s writes nor stop a VM that returns from SMM to L2.',
    holds: ({ before, operation, step }) => {
      if (STOPS_AFTER_RSM.has(step.rule)) {
        const after = vcpuIn(step.state, operation);
        return after === undefined || !runsL2(after);
      }
      if (!AGAINST_L2.has(step.rule)) return true;
      const vcpu = vcpuIn(before, operation);
      return vcpu === undefined || !runsL2(vcpu);
    },
  },
  {
    id: 'pins.l2-asks-l1',
    sentence: 'What L2 asks for reaches L1, and no pin of L1 changes by it.',
    holds: ({ before, operation, step }) => {
      if (operation.op !== 'wrmsr' && operation.op !== 'hypercall') return true;
      const vcpu = vcpuIn(before, operation);
      const after = vcpuIn(step.state, operation);
      if (vcpu === undefined || after === undefined || !runsL2(vcpu)) return true;
      return vcpu.pins === after.pins && before.vmPins === step.state.vmPins;
    },
  },
  {
    id: 'pins.rsm-loads-the-image',
    sentence: 'RSM loads CR0 and CR4 as the save area has them, or does not load them.',
    holds: ({ before, operation, step }) => {
      if (operation.op !== 'rsm' || step.outcome.kind !== 'done') return true;
      const image = vcpuIn(before, operation)?.cpu.smm.image;
      const after = vcpuIn(step.state, operation);
      if (image === null || image === undefined || after === undefined) return true;
      if (after.cpu.smm.active || after.cpu.activity === 'wait-for-sipi') return true;
      const latched = vcpuIn(before, operation)?.cpu.latched;
      if (latched?.init === true || latched?.smi === true) return true;
      const cr0 = (image.cr0 & CR0_DEFINED) | CR0_ET;
      return after.cpu.cr0 === cr0 && after.cpu.cr4 === image.cr4;
    },
  },
  {
    id: 'pins.accepted-write-is-stored',
    sentence: 'A request that succeeds pins exactly what it says.',
    holds: ({ before, operation, step, revision }) => {
      if (operation.op !== 'wrmsr' || step.outcome.kind !== 'done') return true;
      const target = pinWrite(operation, revision);
      const after = vcpuIn(step.state, operation);
      if (target === undefined || after === undefined || before.host !== 'patched') return true;
      const { register, polarity } = target;
      return (
        after.pins[register][polarity] === operation.value || featuresOf(revision).scope === 'vm'
      );
    },
  },
  {
    id: 'pins.legal-request-is-accepted',
    sentence:
      'A request for allowed bits that repeats what is pinned and contradicts nothing succeeds.',
    holds: ({ before, operation, step, revision }) => {
      if (operation.op !== 'wrmsr' || step.outcome.kind === 'done') return true;
      const target = pinWrite(operation, revision);
      const vcpu = vcpuIn(before, operation);
      if (target === undefined || vcpu === undefined) return true;
      const features = featuresOf(revision);
      if (before.host !== 'patched' || vcpu.cpu.cpl > 0 || vcpu.cpu.activity !== 'active')
        return true;
      if (before.dead !== null || (features.cpuidGated && before.hidesFeature)) return true;
      if (runsL2(vcpu)) return true;
      const allowed =
        before.allowed?.[target.register] ??
        (target.register === 'cr0' ? features.allowedCr0 : features.allowedCr4);
      const pins = anyPins(before, vcpu, target.register);
      const other = pins[target.polarity === 'high' ? 'low' : 'high'];
      const isLegal =
        (operation.value & ~allowed) === 0n &&
        (operation.value & other) === 0n &&
        (pins[target.polarity] & ~operation.value) === 0n;
      return !isLegal;
    },
  },
  {
    id: 'pins.completed-write-has-effect',
    sentence: 'A MOV that completes has written: it is not silently dropped.',
    holds: ({ operation, step }) => operation.op !== 'movToCr' || step.outcome.kind !== 'dropped',
  },
  {
    id: 'pins.reserved-bits-decide-first',
    sentence: 'The pins are named as the reason only where the value is legal by itself.',
    holds: ({ before, operation, step }) => {
      if (!isPinRefusal(step.rule)) return true;
      const vcpu = vcpuIn(before, operation);
      const value = vcpu === undefined ? undefined : movValue(operation, vcpu);
      if (vcpu === undefined || value === undefined) return true;
      const [broken, checks] =
        step.rule === 'pin.cr0'
          ? [checkMovCr0(vcpu.cpu, value), CR0_VALUE_CHECKS]
          : [checkMovCr4(vcpu.cpu, value), CR4_VALUE_CHECKS];
      return !checks.some(({ id }) => broken.includes(id));
    },
  },
  {
    id: 'pins.refusal-names-every-rule',
    sentence: 'A refusal says everything that is wrong with the value, the pins last.',
    holds: ({ before, operation, step: { outcome, rule } }) => {
      if (!isPinRefusal(rule) || outcome.kind !== 'fault') return true;
      const vcpu = vcpuIn(before, operation);
      const value = vcpu === undefined ? undefined : movValue(operation, vcpu);
      if (vcpu === undefined || value === undefined) return true;
      const check = rule === 'pin.cr0' ? checkMovCr0 : checkMovCr4;
      return deepEqual(outcome.violations, [...check(vcpu.cpu, value), rule]);
    },
  },
  {
    id: 'pins.lmsw-never-faults',
    sentence: 'LMSW, CLTS and task switches do not fault for the pins.',
    holds: ({ operation, step }) =>
      !isPinRefusal(step.rule) || !['lmsw', 'clts', 'taskSwitch'].includes(operation.op),
  },
  {
    id: 'pins.repeating-is-accepted',
    sentence: 'Writing the value that a register has is accepted where the pins hold.',
    holds: ({ before, operation, step }) => {
      if (operation.op !== 'movToCr' || !isPinRefusal(step.rule)) return true;
      const vcpu = vcpuIn(before, operation);
      if (vcpu === undefined) return true;
      const value = movValue(operation, vcpu);
      const register = operation.cr === 0 ? 'cr0' : 'cr4';
      if (value === undefined || value !== vcpu.cpu[register] || vcpu.cpu.cpl > 0) return true;
      if (!isConsistent(vcpu.cpu) || isViolated(before, vcpu)) return true;
      if (before.dead !== null || vcpu.cpu.activity !== 'active' || vcpu.exempt) return true;
      return runsL2(vcpu);
    },
  },
  {
    id: 'guest.bring-up-never-faults',
    sentence: 'A kernel brings its other CPUs up, whatever they had pinned before.',
    holds: ({ before, operation, step }) => {
      if (operation.op !== 'routine' || operation.routine !== 'bring-up') return true;
      const vcpu = vcpuIn(before, operation);
      if (vcpu === undefined || operation.vcpu === 0 || before.dead !== null) return true;
      const { mmuCr4Features } = before.kernel;
      const isUsable =
        !vcpu.cpu.smm.active &&
        vcpu.cpu.virtualization === null &&
        (mmuCr4Features & (CR4_PAE | CR4_CET)) === CR4_PAE &&
        hasLegalCr4(vcpu, mmuCr4Features);
      return !isUsable || step.outcome.kind === 'done';
    },
  },
  {
    id: 'reset.clears-pins',
    sentence: 'After a reset by a good VMM nothing is pinned.',
    holds: ({ before, operation, step: { state } }) =>
      operation.op !== 'machineReset' ||
      before.vmm.kind !== 'good' ||
      state.vcpus.every((vcpu) =>
        REGISTERS.every((register) => {
          const { low, high } = anyPins(state, vcpu, register);
          return (low | high) === 0n;
        }),
      ),
  },
  {
    id: 'migration.keeps-pins',
    sentence:
      'A migration by a good VMM between equal hosts keeps the pins, in any order of restoring.',
    holds: ({ before, operation, step }) =>
      operation.op !== 'migrate' ||
      step.outcome.kind !== 'done' ||
      before.vmm.kind !== 'good' ||
      before.host !== 'patched' ||
      before.vcpus.every(
        (vcpu, index) =>
          deepEqual(vcpu.pins, step.state.vcpus[index]?.pins) &&
          deepEqual(before.vmPins, step.state.vmPins),
      ),
  },
];

/** What every step of a virtual machine promises, with the revisions that keep it. */
export const INVARIANTS: readonly PinningInvariant[] = TABLE.map((invariant) => ({
  ...invariant,
  revisions: promisedBy(invariant.id),
}));
