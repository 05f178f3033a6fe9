// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { report } from '@kernel-models/hw-model/tdx';
import { driver } from '@kernel-models/tdx-attest';

/*
 * The guest driver once more, naively: flags that are set and cleared, and one paragraph a call, for
 * every kernel. What the TDX module answers is asked of its own model. Shares no code with the
 * driver's model, and no table of what the kernels do.
 */

/** What the kernels do differently. */
interface Kernel {
  readonly cmd: bigint;
  /** Bytes of the caller's buffer before the report. */
  readonly reportAt: 0 | 64;
  readonly isPlatformDriver: boolean;
  readonly outsideTd: Errno;
  readonly otherCmd: 'EINVAL' | 'ENOTTY' | 'success';
  /** Errnos by the upper half of a status; EIO for the others. */
  readonly errnos: ReadonlyMap<bigint, Errno>;
  /** Of a status the upper half counts alone, and the caller is told it. */
  readonly masksAndTells: boolean;
  /** One buffer for all reports, filled when the driver is loaded. */
  readonly isStatic: boolean;
  readonly hasQuotes: boolean;
}

const INVALID = 0xc000_0100n;
const BUSY = 0x8000_0200n;

const POSTED: Kernel = {
  cmd: 0xc008_5401n,
  reportAt: 0,
  isPlatformDriver: true,
  outsideTd: 'EIO',
  otherCmd: 'success',
  errnos: new Map(),
  masksAndTells: true,
  isStatic: false,
  hasQuotes: false,
};
const FIRST_MERGED: Kernel = {
  ...POSTED,
  cmd: 0xc440_5401n,
  reportAt: 64,
  isPlatformDriver: false,
  outsideTd: 'ENODEV',
  otherCmd: 'ENOTTY',
  errnos: new Map([[INVALID, 'EINVAL']]),
  masksAndTells: false,
};
const WITH_QUOTES: Kernel = { ...FIRST_MERGED, hasQuotes: true };
const WITH_MEASUREMENTS: Kernel = {
  ...WITH_QUOTES,
  isStatic: true,
  errnos: new Map<bigint, Errno>([
    [INVALID, 'ENXIO'],
    [BUSY, 'EBUSY'],
  ]),
};
const KERNELS: Readonly<Record<string, Kernel>> = {
  'posted-v4': POSTED,
  'reviewed-v4': { ...POSTED, otherCmd: 'EINVAL', masksAndTells: false },
  'linux-6.2': FIRST_MERGED,
  'linux-6.7': WITH_QUOTES,
  'linux-6.12': WITH_QUOTES,
  'linux-6.16': WITH_MEASUREMENTS,
  'linux-7.0': WITH_MEASUREMENTS,
  'linux-7.0-fixed': WITH_MEASUREMENTS,
};

/** The kernels that the reference plays. */
export const REFERENCE_DRIVERS: readonly string[] = Object.keys(KERNELS);

type Answer = driver.DriverOutcome;
type Failure = Extract<Answer, { readonly kind: 'errno' }>;

const zero: Extract<Answer, { readonly kind: 'value' }> = { kind: 'value', value: 0n };
const failed = (errno: Errno, more: Omit<Failure, 'kind' | 'errno'> = {}): Failure => ({
  kind: 'errno',
  errno,
  ...more,
});
const WARNS = ['WARNING: misc_deregister() of a device that is not registered'];

/** A driver, and who loads it. */
export class ReferenceDriver {
  isLoaded = false;
  hasNode = false;
  /** What TDCALLs answer: 0, the module's own. */
  tdcall = 0n;
  private isBound = false;
  private hasDevice = false;
  private readonly kernel: Kernel;
  private readonly world: driver.Setup;
  private readonly td: ReturnType<typeof driver.tdNamed>;

  constructor(kernel: string, world: driver.Setup) {
    const known = KERNELS[kernel];
    if (known === undefined) throw new RangeError(`reference: ${kernel} is not played`);
    this.kernel = known;
    this.world = world;
    this.td = driver.tdNamed(world.platform);
  }

  do(operation: driver.DriverOperation): Answer {
    const { kernel } = this;
    switch (operation.op) {
      case 'load':
        if (this.isLoaded) return failed('EEXIST');
        if (!this.world.tdxGuest) return failed(kernel.outsideTd);
        return kernel.isPlatformDriver ? this.loadPlatform(operation) : this.loadMisc(operation);
      case 'unload':
        if (!this.isLoaded) return failed('ENOENT');
        this.isLoaded = this.hasNode = this.isBound = this.hasDevice = false;
        return zero;
      case 'bind':
        if (!this.isLoaded || !kernel.isPlatformDriver) return failed('ENOENT');
        return this.isBound ? failed('EBUSY') : this.probe(false);
      case 'unbind':
        if (!this.isLoaded || !kernel.isPlatformDriver) return failed('ENOENT');
        if (!this.isBound) return failed('ENODEV');
        // The pointer to the device stays: nobody can bind again.
        this.isBound = this.hasNode = false;
        return zero;
      case 'device-call':
        if (!this.hasNode) return failed('ENOENT');
        return failed(operation.call === 'lseek' ? 'ESPIPE' : 'EINVAL');
      case 'set-tdcall-status':
        this.tdcall = operation.status;
        return zero;
      case 'ioctl':
        return this.ioctl(operation);
    }
  }

  /** The errno of a TDCALL that answers a status, or undefined: it succeeded. */
  errnoOf(status: bigint): Errno | undefined {
    const counted = this.kernel.masksAndTells ? (status >> 32n) << 32n : status;
    return counted === 0n ? undefined : (this.kernel.errnos.get(counted >> 32n) ?? 'EIO');
  }

  private loadPlatform({ fails, tdcallStatus = 0n }: LoadOperation): Answer {
    if (fails === 'platform-driver' || fails === 'platform-device') return failed('ENOMEM');
    this.isLoaded = true;
    this.tdcall = tdcallStatus;
    const probed = this.probe(fails === 'misc-register');
    // Nobody looks at what became of it.
    return probed.kind === 'errno' ? { ...zero, log: WARNS } : zero;
  }

  private probe(fails: boolean): Answer {
    if (this.hasDevice) return failed('EBUSY');
    this.hasDevice = true;
    if (fails || this.world.nameTaken) {
      return failed(this.world.nameTaken ? 'EEXIST' : 'ENOMEM', { log: WARNS });
    }
    this.isBound = this.hasNode = true;
    return zero;
  }

  private loadMisc({ fails, tdcallStatus = 0n }: LoadOperation): Answer {
    const { hasQuotes, isStatic } = this.kernel;
    const errno = isStatic ? this.errnoOf(tdcallStatus) : undefined;
    if (errno !== undefined) return failed(errno);
    if (this.world.nameTaken) return failed('EEXIST');
    if (fails === 'misc-register') return failed('ENOMEM');
    if (hasQuotes && fails === 'quote-buffer') return failed('ENOMEM');
    if (hasQuotes && fails === 'report-provider') return failed('EBUSY');
    this.isLoaded = this.hasNode = true;
    this.tdcall = tdcallStatus;
    return zero;
  }

  private ioctl({ cmd, buffer, allocationFails, interrupted }: IoctlOperation): Answer {
    const { kernel } = this;
    if (!this.hasNode) return failed('ENOENT');
    const low = cmd % (1n << 32n);
    if (low !== kernel.cmd) return this.otherCmd(low);
    if (kernel.isStatic ? interrupted === true : allocationFails !== undefined) {
      return failed(kernel.isStatic ? 'EINTR' : 'ENOMEM', { tdcalls: 0 });
    }
    const { mapped, writable, reportData } = buffer;
    if (mapped < 64) return failed('EFAULT', { tdcalls: 0 });

    const memory = new Uint8Array(mapped);
    memory.set(reportData);
    const errno = this.errnoOf(this.tdcall);
    if (errno !== undefined) {
      const refused = failed(errno, { tdcalls: 1 });
      if (!kernel.masksAndTells || !writable) return refused;
      memory.fill(0, 0, 4);
      for (let byte = 4; byte < 8; byte += 1) {
        memory[byte] = Number((this.tdcall >> BigInt(8 * byte)) & 0xffn);
      }
      return { ...refused, buffer: memory };
    }

    const made = this.tdcall === 0n ? report(this.td, reportData).report : new Uint8Array(TDREPORT);
    const copied = writable ? Math.min(TDREPORT, mapped - kernel.reportAt) : 0;
    memory.set(made.subarray(0, copied), kernel.reportAt);
    const written = copied > 0 ? { buffer: memory } : {};
    if (copied < TDREPORT) return failed('EFAULT', { tdcalls: 1, ...written });
    return { kind: 'report', tdcalls: 1, echo: made.slice(128, 192), ...written };
  }

  private otherCmd(cmd: bigint): Answer {
    const log = [`x86/tdx: attest: cmd ${BigInt.asIntN(32, cmd)} not supported`];
    switch (this.kernel.otherCmd) {
      case 'success':
        return { ...zero, log };
      case 'EINVAL':
        return failed('EINVAL', { tdcalls: 0, log });
      case 'ENOTTY':
        return failed('ENOTTY', { tdcalls: 0 });
    }
  }
}

const TDREPORT = 1024;
type LoadOperation = Extract<driver.DriverOperation, { readonly op: 'load' }>;
type IoctlOperation = Extract<driver.DriverOperation, { readonly op: 'ioctl' }>;
