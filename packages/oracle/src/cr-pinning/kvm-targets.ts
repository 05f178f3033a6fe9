// SPDX-License-Identifier: MIT
import type { Operation, Outcome, Setup } from '@kernel-models/cr-pinning';
import type { CpuOperation, CpuOutcome, CpuSetup } from '@kernel-models/hw-model/cpu';
import type { RevisionId } from '@kernel-models/model-core';
import { Unavailable } from '../probe/index.ts';
import { TargetError, type Answer, type Availability, type Case, type Target } from '../target.ts';
import { maxCases } from '../bochs/firmware.ts';
import { kvmSource, requireKvm, runKvm } from './kvm.ts';
import {
  decodeAnswer,
  encodeCase,
  READS,
  TRANSITIONS,
  unsupported,
  type CpuCase,
} from './transitions.ts';

/** The CPU that KVM without hardware virtualization shows. */
export const KVM_PRESET = 'kvm-pvm-6.18';

/** A case of the pinning model. */
export type PinningCase = Case<Setup, Operation>;

/**
 * Register transitions on KVM. Where the host has VMX or SVM, another CPU answers than the one that
 * the recorded preset describes; the cases are those of {@link KVM_PRESET}, and the revision that
 * describes a host without either names what it does differently.
 */
export function cpuKvmTarget(): Target<CpuSetup, CpuOperation, CpuOutcome> {
  return batchTarget('hw-model.cpu', 'linux-6.18-pvm', async function* (cases: readonly CpuCase[]) {
    const own = cases
      .filter((one) => lacksOnKvm(one) === undefined)
      .slice(0, maxCases(TRANSITIONS));
    const lines = await runKvm(own.map(encodeCase), []);
    const answers = new Map(own.map((one, index) => [one, decodeAnswer(lines[index], one)]));
    for (const one of cases) {
      yield answers.get(one) ?? { outcomes: [], lacks: lacksOnKvm(one) ?? 'no room in the image' };
    }
  });
}

function lacksOnKvm(one: CpuCase): string | undefined {
  return one.setup.cpu === KVM_PRESET ? unsupported(one) : 'a CPU that this KVM does not show';
}

/**
 * The MSR half of pinning on KVM: the guest's RDMSR and WRMSR exit to user space, which answers by
 * the posting's rules, and KVM injects the #GP. The other half needs a KVM with the posting: there
 * is no exit for control registers in the interface.
 */
export function pinningKvmTarget(): Target<Setup, Operation, Outcome> {
  return batchTarget(
    'cr-pinning',
    'posted-2020-06',
    async function* (cases: readonly PinningCase[]) {
      const own = cases.filter((one) => pinningUnsupported(one) === undefined);
      const records = own.flatMap(({ operations }) => operations.map(asCpuCase));
      const lines = await runKvm(
        records.map(encodeCase),
        own.map(({ operations }) => operations.length),
      );
      let next = 0;
      for (const one of cases) {
        const lacks = pinningUnsupported(one);
        if (lacks !== undefined) {
          yield { outcomes: [], lacks };
          continue;
        }
        yield joined(records, lines, next, one.operations.length);
        next += one.operations.length;
      }
    },
  );
}

/** Why a case cannot be put to KVM: only the MSRs of a patched host can. */
export function pinningUnsupported({ setup, operations }: PinningCase): string | undefined {
  const isMsr = ({ op }: Operation): boolean => op === 'rdmsr' || op === 'wrmsr';
  if (operations.length === 0 || !operations.every(isMsr)) {
    return 'an operation other than RDMSR and WRMSR: KVM has no exit for control registers';
  }
  return setup.vcpus === 1 && setup.host === 'patched' && setup.running !== undefined
    ? undefined
    : 'a machine other than one vCPU that runs on a patched host';
}

/** An MSR access as a case of its own, from 64-bit mode. */
function asCpuCase(operation: Operation): CpuCase {
  if (operation.op !== 'rdmsr' && operation.op !== 'wrmsr') {
    throw new RangeError(`operation: expected rdmsr or wrmsr, got ${operation.op}`);
  }
  const { msr } = operation;
  const instruction: CpuOperation =
    operation.op === 'rdmsr' ? { op: 'rdmsr', msr } : { op: 'wrmsr', msr, value: operation.value };
  const setup: CpuSetup = {
    cpu: KVM_PRESET,
    cr0: 0x8000_0011n,
    cr3: 0x1_0000n,
    cr4: 0x20n,
    efer: 0x500n,
    csL: true,
  };
  return { setup, operations: [instruction, ...READS] };
}

/** The first outcomes of several answers as one answer. */
function joined(
  records: readonly CpuCase[],
  lines: readonly string[],
  first: number,
  count: number,
): Answer<Outcome> {
  const outcomes: Outcome[] = [];
  for (let index = first; index < first + count; index += 1) {
    const record = records[index];
    if (record === undefined) break;
    const answer = decodeAnswer(lines[index], record);
    const [outcome] = answer.outcomes;
    if (outcome === undefined) {
      return { outcomes, failure: answer.failure ?? answer.lacks ?? 'no answer' };
    }
    outcomes.push(outcome);
  }
  return { outcomes };
}

function batchTarget<TargetSetup, TargetOperation, TargetOutcome>(
  model: string,
  revision: RevisionId,
  answer: (
    cases: readonly Case<TargetSetup, TargetOperation>[],
  ) => AsyncGenerator<Answer<TargetOutcome>>,
): Target<TargetSetup, TargetOperation, TargetOutcome> {
  return {
    name: 'kvm',
    models: [model],
    touches: 'starts virtual machines on /dev/kvm, one at a time',
    available: () => available(revision),
    run: async function* (setup, operations) {
      for await (const { outcomes, failure, lacks } of answer([{ setup, operations }])) {
        const missing = failure ?? lacks;
        if (missing !== undefined) throw new TargetError(`kvm: ${missing}`);
        yield* outcomes;
      }
    },
    runBatch: (cases) => answer([...cases]),
    close: async () => undefined,
  };
}

async function available(revision: RevisionId): Promise<Availability> {
  try {
    await requireKvm();
    const tool = 'packages/oracle/probes/bochs/kvm-machine.c';
    return { ok: true, source: { kind: 'kernel', kernel: await kvmSource(), tool }, revision };
  } catch (error) {
    if (error instanceof Unavailable) return { ok: false, skip: error.message };
    throw error;
  }
}
