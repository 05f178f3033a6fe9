// SPDX-License-Identifier: MIT
import type { Invariant, RevisionId, Transition } from '@kernel-models/model-core';
import { TDREPORT_SIZE, REPORTDATA_SIZE } from '@kernel-models/hw-model/tdx';
import { areEqual } from '../bytes.ts';
import { featuresOf, REVISIONS, type Features } from '../revisions.ts';
import type { DriverOperation } from './operation.ts';
import type { DriverOutcome } from './outcome.ts';
import type { DriverState } from './state.ts';

type DriverInvariant = Invariant<DriverState, DriverOperation, DriverOutcome>;
type DriverTransition = Transition<DriverState, DriverOperation, DriverOutcome>;

/** Revisions that are no bug variants and have a property. */
function kernelsThat(have: (features: Features) => boolean): readonly RevisionId[] {
  return REVISIONS.filter((one) => !('base' in one) && have(one.features as Features)).map(
    ({ id }) => id,
  );
}

/** The 1024 bytes that were handed out as a report. */
function reportOf({ operation, step, revision }: DriverTransition): Uint8Array | undefined {
  if (operation.op !== 'ioctl' || step.outcome.kind !== 'report') return undefined;
  const offset = featuresOf(revision).layout === 'overlaid' ? 0 : REPORTDATA_SIZE;
  return step.outcome.buffer?.subarray(offset, offset + TDREPORT_SIZE);
}

function isKnown(cmd: bigint, revision: RevisionId): boolean {
  return (cmd & 0xffff_ffffn) === BigInt(featuresOf(revision).command);
}

/** Every invariant of the driver; `revisions` names the kernels that keep it. */
export const DRIVER_INVARIANTS: readonly DriverInvariant[] = [
  {
    id: 'driver.unknown-cmd-is-error',
    sentence: 'An ioctl command that the driver does not have is an error.',
    revisions: kernelsThat(({ unknownCommand }) => unknownCommand !== 'success'),
    holds: ({ operation, step, revision }) =>
      operation.op !== 'ioctl' || isKnown(operation.cmd, revision) || step.outcome.kind === 'errno',
  },
  {
    id: 'driver.success-implies-report',
    sentence:
      'An ioctl that succeeds has handed out a report of type 0x81 with the REPORTDATA in it.',
    revisions: kernelsThat(({ masksStatus }) => !masksStatus),
    holds: (transition) => {
      const { operation, step } = transition;
      if (operation.op !== 'ioctl' || step.outcome.kind !== 'report') return true;
      const report = reportOf(transition);
      return (
        report !== undefined &&
        report[0] === 0x81 &&
        areEqual(report.subarray(128, 192), operation.buffer.reportData)
      );
    },
  },
  {
    id: 'driver.efault-before-tdcall',
    sentence: 'Input that cannot be read is a fault before any TDCALL.',
    holds: ({ operation, step: { outcome } }) =>
      operation.op !== 'ioctl' ||
      operation.buffer.mapped >= REPORTDATA_SIZE ||
      outcome.kind !== 'errno' ||
      (outcome.tdcalls ?? 0) === 0,
  },
  {
    id: 'driver.no-write-on-tdcall-error',
    sentence: 'A TDCALL that fails leaves the caller’s buffer as it was.',
    revisions: kernelsThat(({ statusToUser }) => !statusToUser),
    holds: ({ operation, step: { outcome, rule } }) =>
      operation.op !== 'ioctl' ||
      rule !== 'ioctl.tdcall' ||
      outcome.kind !== 'errno' ||
      outcome.buffer === undefined,
  },
  {
    id: 'driver.status-fault-is-efault',
    sentence: 'A driver that could not write a failed TDCALL’s status to its caller says EFAULT.',
    revisions: kernelsThat(({ losesStatusFault }) => !losesStatusFault),
    holds: ({ operation, step: { outcome, rule }, revision }) =>
      operation.op !== 'ioctl' ||
      rule !== 'ioctl.tdcall' ||
      operation.buffer.writable ||
      !featuresOf(revision).statusToUser ||
      (outcome.kind === 'errno' && outcome.errno === 'EFAULT'),
  },
  {
    id: 'driver.rebind-works',
    sentence: 'A device that was unbound can be bound again where its name is free.',
    revisions: kernelsThat(({ registration, clearsPdev }) => registration === 'misc' || clearsPdev),
    holds: ({ before, operation, step, revision }) =>
      operation.op !== 'bind' ||
      !before.loaded ||
      before.bound ||
      before.nameTaken ||
      featuresOf(revision).registration === 'misc' ||
      step.state.node,
  },
  {
    id: 'driver.load-success-implies-node',
    sentence: 'A load that succeeds has made the device node.',
    revisions: kernelsThat(({ loadSeesProbe }) => loadSeesProbe),
    holds: ({ operation, step }) =>
      operation.op !== 'load' || step.outcome.kind !== 'value' || step.state.node,
  },
  {
    id: 'driver.no-warning',
    sentence: 'Nothing that user space or the administrator does makes the kernel warn.',
    revisions: kernelsThat(({ deregistersUnregistered }) => !deregistersUnregistered),
    holds: ({ step: { outcome } }) =>
      outcome.kind === 'report' || !(outcome.log ?? []).some((line) => line.startsWith('WARNING')),
  },
];
