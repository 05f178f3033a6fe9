// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';

/**
 * In what the kernels differ, for the models of the guest's side: driver, report items,
 * measurements, GetQuote. One code path reads these.
 */
export interface Features {
  /**
   * What the driver is: a platform driver that registers a misc device in probe, or a misc device.
   */
  readonly registration: 'platform-driver' | 'misc';
  /** The ioctl's number. Its encoded size is 8 in the posting, the request's 1088 since. */
  readonly command: number;
  /** Where the report goes: over the 64 bytes of input, or behind them. */
  readonly layout: 'overlaid' | 'request';
  readonly unknownCommand: 'success' | 'EINVAL' | 'ENOTTY';
  /** What loading answers outside a TD. */
  readonly withoutTdx: 'EIO' | 'ENODEV';
  /**
   * Errnos of a TDCALL that did not succeed. `EIO` alone, or with those of invalid and busy
   * operands.
   */
  readonly tdcallErrno: 'EIO' | 'EINVAL-EIO' | 'ENXIO-EBUSY-EIO';
  /** The status of a failed TDCALL is written to the user's buffer. */
  readonly statusToUser: boolean;
  /** That the status could not be written there is not said: the errno of the TDCALL wins. */
  readonly losesStatusFault: boolean;
  /** Bits 31:0 of the status are masked away before it is looked at. */
  readonly masksStatus: boolean;
  /** A failed probe deregisters the device that it could not register. */
  readonly deregistersUnregistered: boolean;
  /** remove() clears the pointer that allows one device alone. */
  readonly clearsPdev: boolean;
  /** Loading fails where probe fails. */
  readonly loadSeesProbe: boolean;
  /** The TDREPORT's memory: made for each call, or one static buffer under a mutex. */
  readonly reportBuffer: 'per-call' | 'static';

  /** Quotes through configfs-tsm. */
  readonly tsm: boolean;
  /** Bytes of the shared GetQuote buffer. */
  readonly quoteBufferSize: number;
  /** Most bytes of an outblob that configfs hands out. */
  readonly outblobMax: number;
  /** An out_len beyond the buffer is refused. */
  readonly checksOutLen: boolean;
  /** out_len is read from shared memory twice: for the check and for the copy. */
  readonly readsOutLenTwice: boolean;
  /** The final status of a request is looked at. */
  readonly checksStatus: boolean;
  /** The wait takes "answered in the last second" for a timeout, and a timeout for an answer. */
  readonly timeoutOffByOne: boolean;
  /** A request that the host still holds keeps a new one from being made. */
  readonly checksInFlight: boolean;
  /** Closing a file whose only write failed commits an empty inblob. */
  readonly failedWriteCommits: boolean;
  /** When a written inblob counts. */
  readonly commitAt: 'close' | 'write';
  /** A new inblob makes the outblob stale. */
  readonly invalidatesCache: boolean;

  /** Measurement registers in sysfs. */
  readonly measurements: boolean;
}

/** `_IOWR('T', 1, __u64)`. Origin: arch/x86/include/uapi/asm/tdx.h of the posting. */
export const TDX_CMD_GET_TDREPORT = 0xc008_5401;
/** `_IOWR('T', 1, struct tdx_report_req)`. Origin: include/uapi/linux/tdx-guest.h, Linux 6.2. */
export const TDX_CMD_GET_REPORT0 = 0xc440_5401;

const POSTED_V4: Features = {
  registration: 'platform-driver',
  command: TDX_CMD_GET_TDREPORT,
  layout: 'overlaid',
  unknownCommand: 'success',
  withoutTdx: 'EIO',
  tdcallErrno: 'EIO',
  statusToUser: true,
  losesStatusFault: true,
  masksStatus: true,
  deregistersUnregistered: true,
  clearsPdev: false,
  loadSeesProbe: false,
  reportBuffer: 'per-call',
  tsm: false,
  quoteBufferSize: 0,
  outblobMax: 0,
  checksOutLen: false,
  readsOutLenTwice: false,
  checksStatus: false,
  timeoutOffByOne: false,
  checksInFlight: true,
  failedWriteCommits: true,
  commitAt: 'close',
  invalidatesCache: true,
  measurements: false,
};

const REVIEWED_V4: Features = {
  ...POSTED_V4,
  unknownCommand: 'EINVAL',
  statusToUser: false,
  losesStatusFault: false,
  masksStatus: false,
};

const LINUX_6_2: Features = {
  ...REVIEWED_V4,
  registration: 'misc',
  command: TDX_CMD_GET_REPORT0,
  layout: 'request',
  unknownCommand: 'ENOTTY',
  withoutTdx: 'ENODEV',
  tdcallErrno: 'EINVAL-EIO',
  deregistersUnregistered: false,
  clearsPdev: true,
  loadSeesProbe: true,
};

const LINUX_6_7: Features = {
  ...LINUX_6_2,
  tsm: true,
  quoteBufferSize: 8 * 1024,
  outblobMax: 32 * 1024,
  readsOutLenTwice: true,
  timeoutOffByOne: true,
};

const LINUX_6_12: Features = { ...LINUX_6_7, checksOutLen: true, readsOutLenTwice: false };

const LINUX_6_16: Features = {
  ...LINUX_6_7,
  tdcallErrno: 'ENXIO-EBUSY-EIO',
  reportBuffer: 'static',
  measurements: true,
};

const LINUX_7_0: Features = {
  ...LINUX_6_16,
  quoteBufferSize: 128 * 1024,
  outblobMax: 16 * 1024 * 1024,
  checksOutLen: true,
  readsOutLenTwice: false,
  checksStatus: true,
};

const LINUX_7_0_FIXED: Features = {
  ...LINUX_7_0,
  timeoutOffByOne: false,
  failedWriteCommits: false,
};

/**
 * Every kernel, then the bugs. `linux-6.12` is the stable series with the bound on out_len, as
 * 6.12.117 has it. The posting builds the driver in; its module life was observed by building it
 * as a module.
 */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'posted-v4',
    source: 'The patch quoted in Message-ID 1168a7cc-9e41-ee2d-8b3d-8dbd1ab85609@linux.intel.com',
    date: '2022-04-22',
    features: POSTED_V4,
  },
  {
    id: 'reviewed-v4',
    source: 'Changes agreed in Message-ID 1168a7cc-9e41-ee2d-8b3d-8dbd1ab85609@linux.intel.com',
    date: '2022-04-26',
    features: REVIEWED_V4,
  },
  {
    id: 'linux-6.2',
    source: 'drivers/virt/coco/tdx-guest/tdx-guest.c, Linux 6.2',
    date: '2023-02-19',
    features: LINUX_6_2,
  },
  {
    id: 'linux-6.7',
    source: 'drivers/virt/coco/tdx-guest/tdx-guest.c, drivers/virt/coco/tsm.c, Linux 6.7',
    date: '2024-01-07',
    features: LINUX_6_7,
  },
  {
    id: 'linux-6.12',
    source: 'drivers/virt/coco/tdx-guest/tdx-guest.c, drivers/virt/coco/tsm.c, Linux 6.12.117',
    date: '2024-11-17',
    features: LINUX_6_12,
  },
  {
    id: 'linux-6.16',
    source: 'drivers/virt/coco/tdx-guest/tdx-guest.c, drivers/virt/coco/guest/tsm-mr.c, Linux 6.16',
    date: '2025-07-27',
    features: LINUX_6_16,
  },
  {
    id: 'linux-7.0',
    source: 'drivers/virt/coco/tdx-guest/tdx-guest.c, Linux 7.0',
    date: '2026-04',
    features: LINUX_7_0,
  },
  {
    id: 'linux-7.0-fixed',
    source: 'Linux 7.0, with a timeout that is one and a failed write that commits nothing',
    date: '2026-04',
    features: LINUX_7_0_FIXED,
  },
  {
    id: 'bug:default-returns-0',
    base: 'reviewed-v4',
    features: { unknownCommand: 'success' },
    story: 'An unknown command is logged and answered with success. Found in the review of v4.',
    caughtBy: ['driver.unknown-cmd-is-error'],
  },
  {
    id: 'bug:mask-hides-status',
    base: 'reviewed-v4',
    features: { masksStatus: true },
    story: 'A status of bits 31:0 alone is masked to success: 1024 zero bytes are the report.',
    caughtBy: ['driver.success-implies-report'],
  },
  {
    id: 'bug:err-clobbers-input',
    base: 'reviewed-v4',
    features: { statusToUser: true },
    story: 'A failed TDCALL’s status is put over the caller’s REPORTDATA.',
    caughtBy: ['driver.no-write-on-tdcall-error'],
  },
  {
    id: 'bug:put-user-fault-lost',
    base: 'reviewed-v4',
    features: { statusToUser: true, losesStatusFault: true },
    story: 'A fault while the status is put to the user is lost: EIO is put over its EFAULT.',
    caughtBy: ['driver.status-fault-is-efault'],
  },
  {
    id: 'bug:rebind-ebusy',
    base: 'linux-6.2',
    features: { registration: 'platform-driver', clearsPdev: false },
    story:
      'remove() leaves the pointer to the only device set: bind after unbind is EBUSY for ever.',
    caughtBy: ['driver.rebind-works'],
  },
  {
    id: 'bug:deregister-unregistered',
    base: 'linux-6.2',
    features: { registration: 'platform-driver', deregistersUnregistered: true },
    story:
      'A failed misc_register() in probe leads to misc_deregister() of what is not registered.',
    caughtBy: ['driver.no-warning'],
  },
  {
    id: 'bug:load-without-device',
    base: 'linux-6.2',
    features: { registration: 'platform-driver', loadSeesProbe: false },
    story: 'A failing probe does not make loading fail: the driver is there, its device is not.',
    caughtBy: ['driver.load-success-implies-node'],
  },
  {
    id: 'bug:timeout-off-by-one',
    base: 'linux-7.0-fixed',
    features: { timeoutOffByOne: true },
    story: 'An answer in the last second is ETIMEDOUT, and no answer is not. In Linux 6.7 to 7.0.',
    caughtBy: ['tsm.timeout-means-timeout', 'getquote.timeout-means-timeout'],
  },
  {
    id: 'bug:status-ignored',
    base: 'linux-7.0-fixed',
    features: { checksStatus: false },
    story: 'The final status is never looked at, so what a failed request left is handed out.',
    caughtBy: ['tsm.never-hand-out-unfinished', 'getquote.never-hand-out-unfinished'],
  },
  {
    id: 'bug:out-len-unchecked',
    base: 'linux-7.0-fixed',
    features: { checksOutLen: false },
    story: 'The host says how many bytes behind the buffer the kernel copies: kernel memory leaks.',
    caughtBy: ['tsm.bounded-copy', 'getquote.bounded-copy'],
  },
  {
    id: 'bug:out-len-double-read',
    base: 'linux-7.0-fixed',
    features: { readsOutLenTwice: true },
    story: 'out_len is read from shared memory for the check and again for the copy.',
    caughtBy: ['getquote.bounded-copy'],
  },
  {
    id: 'bug:empty-commit-on-failed-write',
    base: 'linux-7.0-fixed',
    features: { failedWriteCommits: true },
    story:
      'Closing a file whose only write failed commits an empty inblob, as merged: the nonce is lost.',
    caughtBy: ['tsm.failed-write-commits-nothing'],
  },
  {
    id: 'bug:cache-not-invalidated',
    base: 'linux-7.0-fixed',
    features: { invalidatesCache: false },
    story:
      'A new inblob does not make the outblob stale: a quote over the old nonce is handed out.',
    caughtBy: ['tsm.cache-coherent'],
  },
  {
    id: 'bug:generation-at-write',
    base: 'linux-7.0-fixed',
    features: { commitAt: 'write' },
    story: 'Every write() commits, so an inblob written in two parts is two generations.',
    caughtBy: ['tsm.commit-at-close'],
  },
  {
    id: 'bug:in-flight-not-checked',
    base: 'linux-7.0-fixed',
    features: { checksInFlight: false },
    story: 'A new request is made while the host still owns the buffer.',
    caughtBy: ['tsm.no-new-request-while-in-flight', 'getquote.no-new-request-while-in-flight'],
  },
];

/**
 * The features of a kernel.
 *
 * @throws RangeError where the revision is unknown
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions(
  'tdx-attest',
  REVISIONS,
);

/** The revisions of a model: kernels that have what it is about, and the bugs on top of them. */
export function revisionsWith(has: (features: Features) => boolean): readonly Revision<Features>[] {
  return REVISIONS.filter(({ id }) => has(featuresOf(id)));
}
