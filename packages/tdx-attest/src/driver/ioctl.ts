// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { TDREPORT_OFFSET, TDREPORT_SIZE, REPORTDATA_SIZE } from '@kernel-models/hw-model/tdx';
import { viewOf } from '../bytes.ts';
import type { Features } from '../revisions.ts';
import { inOrder } from '../trails.ts';
import type { DriverOperation, UserBuffer } from './operation.ts';
import type { DriverOutcome } from './outcome.ts';
import type { DriverRule } from './rules.ts';
import type { DriverState } from './state.ts';
import { refuse, step, type DriverStep } from './step.ts';
import { mcallGetReport0, type ReportResult } from './tdreport.ts';

type Ioctl = Extract<DriverOperation, { readonly op: 'ioctl' }>;

const before = inOrder<DriverRule>(
  'ioctl.no-node',
  'ioctl.unknown-command',
  'ioctl.first-allocation',
  'ioctl.second-allocation',
  'ioctl.interrupted',
  'ioctl.copy-in',
  'ioctl.tdcall',
  'ioctl.copy-out',
  'ioctl.success',
);

/**
 * The ioctl, opened and closed around it. Mirrors tdx_attest_ioctl() of the posting and
 * tdx_guest_ioctl(), drivers/virt/coco/tdx-guest/tdx-guest.c.
 */
export function ioctl(state: DriverState, operation: Ioctl, features: Features): DriverStep {
  if (!state.node) return refuse(state, 'ENOENT', 'ioctl.no-node', before('ioctl.no-node'));
  const cmd = Number(operation.cmd & 0xffff_ffffn);
  if (cmd !== features.command) return unknownCommand(state, cmd, features);
  return getReport(state, operation, features);
}

function unknownCommand(state: DriverState, cmd: number, features: Features): DriverStep {
  const trail = before('ioctl.unknown-command');
  // The format is %d: the command reads as a signed number.
  const log = [`x86/tdx: attest: cmd ${cmd | 0} not supported`];
  switch (features.unknownCommand) {
    case 'success':
      return step(state, { kind: 'value', value: 0n, log }, 'ioctl.unknown-command', trail);
    case 'EINVAL': {
      const outcome: DriverOutcome = { kind: 'errno', errno: 'EINVAL', tdcalls: 0, log };
      return step(state, outcome, 'ioctl.unknown-command', trail);
    }
    case 'ENOTTY': {
      const outcome: DriverOutcome = { kind: 'errno', errno: 'ENOTTY', tdcalls: 0 };
      return step(state, outcome, 'ioctl.unknown-command', trail);
    }
  }
}

/** Mirrors tdx_get_tdreport() of the posting, tdx_get_report0() of 6.2, tdx_do_report() of 6.16. */
function getReport(
  state: DriverState,
  { buffer, allocationFails, interrupted = false }: Ioctl,
  features: Features,
): DriverStep {
  const fail = (errno: Errno, rule: DriverRule): DriverStep =>
    step(state, { kind: 'errno', errno, tdcalls: 0 }, rule, before(rule));

  if (features.reportBuffer === 'per-call') {
    if (allocationFails === 'first') return fail('ENOMEM', 'ioctl.first-allocation');
    if (allocationFails === 'second') return fail('ENOMEM', 'ioctl.second-allocation');
  } else if (interrupted) return fail('EINTR', 'ioctl.interrupted');

  if (buffer.mapped < REPORTDATA_SIZE) return fail('EFAULT', 'ioctl.copy-in');
  const copied = withSlot(state, buffer.reportData);
  const result = mcallGetReport0(copied, buffer.reportData, features);
  if (result.kind === 'error') return tdcallFailed(copied, buffer, result, features);

  const report = result.kind === 'report' ? result.report : new Uint8Array(TDREPORT_SIZE);
  const td = result.kind === 'report' ? result.td : copied.td;
  const reportBuffer = copied.reportBuffer === null ? null : report;
  return copyOut({ ...copied, td, reportBuffer }, buffer, report, result, features);
}

/**
 * Since Linux 6.16 REPORTDATA lies at its place in the static buffer, whatever the TDCALL answers.
 */
function withSlot(state: DriverState, reportData: Uint8Array): DriverState {
  if (state.reportBuffer === null) return state;
  const reportBuffer = state.reportBuffer.slice();
  reportBuffer.set(reportData, TDREPORT_OFFSET.reportData);
  return { ...state, reportBuffer };
}

function tdcallFailed(
  state: DriverState,
  buffer: UserBuffer,
  { errno, status }: Extract<ReportResult, { readonly kind: 'error' }>,
  { statusToUser, losesStatusFault }: Features,
): DriverStep {
  const trail = before('ioctl.tdcall');
  if (!statusToUser || !buffer.writable) {
    const faults = statusToUser && !losesStatusFault;
    const outcome: DriverOutcome = { kind: 'errno', errno: faults ? 'EFAULT' : errno, tdcalls: 1 };
    return step(state, outcome, 'ioctl.tdcall', trail);
  }
  const memory = contentOf(buffer);
  viewOf(memory).setBigUint64(0, status, true);
  const outcome: DriverOutcome = { kind: 'errno', errno, tdcalls: 1, buffer: memory };
  return step(state, outcome, 'ioctl.tdcall', trail);
}

/** Writes the report. Of a buffer that ends too early, what is there is written. */
function copyOut(
  state: DriverState,
  buffer: UserBuffer,
  report: Uint8Array,
  { kind }: ReportResult,
  { layout }: Features,
): DriverStep {
  const offset = layout === 'overlaid' ? 0 : REPORTDATA_SIZE;
  const memory = contentOf(buffer);
  const room = Math.max(0, Math.min(TDREPORT_SIZE, buffer.mapped - offset));
  if (buffer.writable) memory.set(report.subarray(0, room), Math.min(offset, memory.length));
  const written = buffer.writable && room > 0 ? { buffer: memory } : {};
  if (!buffer.writable || room < TDREPORT_SIZE) {
    const outcome: DriverOutcome = { kind: 'errno', errno: 'EFAULT', tdcalls: 1, ...written };
    return step(state, outcome, 'ioctl.copy-out', before('ioctl.copy-out'));
  }
  const { reportData } = TDREPORT_OFFSET;
  const echo = report.slice(reportData, reportData + REPORTDATA_SIZE);
  return step(
    state,
    { kind: 'report', tdcalls: 1, echo, ...written },
    kind === 'masked' ? 'ioctl.masked-status' : 'ioctl.success',
    before('ioctl.success'),
  );
}

function contentOf({ mapped, reportData }: UserBuffer): Uint8Array {
  const memory = new Uint8Array(mapped);
  memory.set(reportData.subarray(0, mapped));
  return memory;
}
