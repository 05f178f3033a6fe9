// SPDX-License-Identifier: MIT
import { tsm } from '@kernel-models/tdx-attest';
import type { InitramfsEntry } from '../probe/cpio.ts';
import { kernelTransport } from '../probe/kernel.ts';
import { probeTarget, type ProbeSubsystem } from '../probe/probe-target.ts';
import type { Target } from '../target.ts';
import { moduleFiles, type DriverKernel } from './fake-module.ts';
import { revisionOf } from './guest-target.ts';
import { asObject } from './wire.ts';

/** The model's name, and its probe's. */
const TSM = 'tdx-attest.tsm';

/** The driver waits for half a minute, and a case may have it wait several times. */
const WATCHDOG_MS = 120_000;

/**
 * The guest driver, tsm and configfs of a kernel that boots under qemu, on a fake TDX module and a
 * scripted host: every instruction of Linux is the kernel's own, TDCALL is ours. Not hardware.
 *
 * @throws Unavailable where a piece of the kernel is missing, or the modules do not build
 */
export async function driverTarget(
  kernel: DriverKernel,
): Promise<Target<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome>> {
  const files = Object.entries(await moduleFiles(kernel)).map(([name, bytes]): InitramfsEntry => ({
    kind: 'file',
    path: `modules/${name}.ko`,
    mode: 0o600,
    bytes,
  }));
  const transport = kernelTransport(TSM, kernel.image, {
    files: [{ kind: 'dir', path: 'modules', mode: 0o700 }, ...files],
    virtualClock: true,
    watchdogMs: WATCHDOG_MS,
  });
  const driver =
    kernel.source === undefined
      ? 'its own tdx-guest.ko'
      : 'drivers/virt/coco/tdx-guest/tdx-guest.c of its source package';
  return probeTarget({ ...SUBSYSTEM, configOf: () => `${driver}; ${FAKE}` }, transport);
}

const FAKE = 'fake TDX module and scripted host of ours, under qemu; not hardware';

const SUBSYSTEM: Omit<ProbeSubsystem<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome>, 'configOf'> = {
  model: TSM,
  decodeOutcome: (json) => tsm.model.codec.decodeOutcome(json),
  encodeSetup: (setup) => asObject(tsm.model.codec.encodeSetup(setup)),
  encodeOperation: (operation) => asObject(tsm.model.codec.encodeOperation(operation)),
  revisionOf: ({ release }) => revisionOf(release),
};
