// SPDX-License-Identifier: MIT
import { DIGEST_SIZE, extend, REPORTDATA_SIZE, TDREPORT_OFFSET } from '@kernel-models/hw-model/tdx';
import { mcallGetReport0, tdcallErrno } from '../driver/tdreport.ts';
import type { Features } from '../revisions.ts';
import { inOrder } from '../trails.ts';
import { REGISTERS } from './registers.ts';
import type { MeasurementRule } from './rules.ts';
import {
  failure,
  type MeasurementOperation,
  type MeasurementOutcome,
  type MeasurementState,
  type MeasurementStep,
} from './state.ts';

/*
 * The measurement registers as files. Reads beside tm_digest_read() and tm_digest_write(),
 * drivers/virt/coco/guest/tsm-mr.c, and tdx_do_report() and tdx_do_extend(), tdx-guest.c, Linux
 * 6.16.
 */

const WRITE_ORDER = inOrder<MeasurementRule>(
  'mr.no-file',
  'mr.access',
  'mr.beyond-end',
  'mr.nothing',
  'mr.partial-write',
  'mr.interrupted',
  'mr.extend-failed',
  'mr.extended',
);

/**
 * A write. sysfs cuts what reaches over the end of the file, so 49 bytes at 0 are 48 that count.
 */
export function writeRegister(
  state: MeasurementState,
  operation: Extract<MeasurementOperation, { readonly op: 'mr-write' }>,
  features: Features,
): MeasurementStep {
  const answer = (
    outcome: MeasurementOutcome,
    rule: MeasurementRule,
    after = state,
  ): MeasurementStep => ({
    state: after,
    outcome,
    rule,
    trail: WRITE_ORDER(rule),
  });
  const { driver } = state;
  const { rtmr } = REGISTERS[operation.register];
  if (driver.reportBuffer === null) return answer(failure('ENOENT', 0), 'mr.no-file');
  if (rtmr === undefined) return answer(failure('EACCES', 0), 'mr.access');
  if (operation.offset >= DIGEST_SIZE) return answer(failure('EFBIG', 0), 'mr.beyond-end');
  const content = operation.content.slice(0, DIGEST_SIZE - operation.offset);
  if (content.length === 0) return answer({ kind: 'value', value: 0n }, 'mr.nothing');
  if (operation.offset !== 0 || content.length !== DIGEST_SIZE) {
    return answer(failure('EINVAL', 0), 'mr.partial-write');
  }

  const stale = { ...state, inSync: false };
  if (operation.interrupted === true) return answer(failure('EINTR', 0), 'mr.interrupted', stale);
  // The slot of REPORTDATA, free between two reports, lends its alignment to the operand.
  const reportBuffer = driver.reportBuffer.slice();
  reportBuffer.set(content, TDREPORT_OFFSET.reportData);
  const prepared = { ...driver, reportBuffer };
  if (driver.tdcallStatus !== 0n) {
    const errno = tdcallErrno(driver.tdcallStatus, features);
    return answer(failure(errno, 1), 'mr.extend-failed', { ...stale, driver: prepared });
  }
  const extended = { ...prepared, td: extend(driver.td, rtmr, content) };
  const written = { kind: 'value', value: BigInt(DIGEST_SIZE) } as const;
  return answer(written, 'mr.extended', { ...stale, driver: extended });
}

const READ_ORDER = inOrder<MeasurementRule>(
  'mr.no-file',
  'mr.read-beyond-end',
  'mr.refresh-failed',
  'mr.refreshed',
  'mr.cached',
);

/**
 * A read. Only registers that can change make the driver ask, and only where something was
 * written.
 */
export function readRegister(
  state: MeasurementState,
  { register, offset, size }: Extract<MeasurementOperation, { readonly op: 'mr-read' }>,
  features: Features,
): MeasurementStep {
  const answer = (
    outcome: MeasurementOutcome,
    rule: MeasurementRule,
    after = state,
  ): MeasurementStep => ({
    state: after,
    outcome,
    rule,
    trail: READ_ORDER(rule),
  });
  const { driver } = state;
  if (driver.reportBuffer === null) return answer(failure('ENOENT', 0), 'mr.no-file');
  const end = Math.min(DIGEST_SIZE, offset + size);
  if (offset >= end) {
    return answer({ kind: 'bytes', bytes: new Uint8Array(), tdcalls: 0 }, 'mr.read-beyond-end');
  }
  const { offset: start, rtmr } = REGISTERS[register];
  if (rtmr === undefined || state.inSync) {
    const bytes = driver.reportBuffer.slice(start + offset, start + end);
    return answer({ kind: 'bytes', bytes, tdcalls: 0 }, 'mr.cached');
  }
  // The new report is over whatever the slot of REPORTDATA holds: a nonce, or a digest.
  const slot = TDREPORT_OFFSET.reportData;
  const made = mcallGetReport0(
    driver,
    driver.reportBuffer.slice(slot, slot + REPORTDATA_SIZE),
    features,
  );
  if (made.kind !== 'report') {
    const errno = made.kind === 'error' ? made.errno : 'EIO';
    return answer(failure(errno, 1), 'mr.refresh-failed');
  }
  const bytes = made.report.slice(start + offset, start + end);
  const refreshed = { ...driver, td: made.td, reportBuffer: made.report };
  const after = { driver: refreshed, inSync: true };
  return answer({ kind: 'bytes', bytes, tdcalls: 1 }, 'mr.refreshed', after);
}
