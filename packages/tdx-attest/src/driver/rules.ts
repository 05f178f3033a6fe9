// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

/** Every rule of the driver: its sentence and its origin. */
const TABLE = {
  'load.loaded': ['A module that is there cannot be loaded again.', 'init_module(2), EEXIST'],
  'load.no-tdx': [
    'The driver loads in a TD alone: EIO in the posting, ENODEV since.',
    'tdx_attest_init() of the posting; tdx_guest_init(), tdx-guest.c, Linux 6.2',
  ],
  'load.platform-driver': [
    'A platform driver that cannot be registered fails the load.',
    'tdx_attest_init() of the posting',
  ],
  'load.platform-device': [
    'A platform device that cannot be registered takes the driver with it.',
    'tdx_attest_init() of the posting',
  ],
  'load.measurements': [
    'The first report fills the measurements; without it there is no driver.',
    'tdx_mr_init(), tdx-guest.c, Linux 6.16',
  ],
  'load.misc-register': [
    'A misc device that cannot be registered fails the load.',
    'tdx_guest_init(), tdx-guest.c, Linux 6.2',
  ],
  'load.probe-failed': [
    'A probe that fails does not fail the load: there is a driver and no device.',
    'tdx_attest_init() of the posting',
  ],
  'load.quote-buffer': [
    'Without shared memory for quotes there is no driver.',
    'tdx_guest_init(), tdx-guest.c, Linux 6.7',
  ],
  'load.report-provider': [
    'One report provider, and only while no report item exists.',
    'tsm_register(), drivers/virt/coco/tsm.c, Linux 6.7',
  ],
  'load.success': ['The device is there.', 'tdx_guest_init(), tdx-guest.c, Linux 6.2'],
  'unload.not-loaded': ['What is not loaded cannot be unloaded.', 'delete_module(2), ENOENT'],
  'unload.success': ['The device is gone.', 'tdx_guest_exit(), tdx-guest.c, Linux 6.2'],
  'bind.no-driver': ['There is no such driver in sysfs.', 'sysfs, /sys/bus/platform/drivers'],
  'bind.bound': ['A bound device cannot be bound.', 'device_driver_attach(), drivers/base/dd.c'],
  'bind.second-device': [
    'Probe allows one device, and nothing takes the first one back.',
    'tdx_attest_probe(), tdx_attest_remove() of the posting',
  ],
  'bind.misc-register': [
    'A misc device that cannot be registered fails probe.',
    'tdx_attest_probe() of the posting',
  ],
  'bind.success': ['The device is there again.', 'tdx_attest_probe() of the posting'],
  'unbind.no-driver': ['There is no such driver in sysfs.', 'sysfs, /sys/bus/platform/drivers'],
  'unbind.not-bound': [
    'An unbound device cannot be unbound.',
    'unbind_store(), drivers/base/bus.c',
  ],
  'unbind.success': ['The device is gone.', 'tdx_attest_remove() of the posting'],
  'ioctl.no-node': ['There is no device node to open.', 'open(2), ENOENT'],
  'ioctl.unknown-command': [
    'The driver has one command.',
    'tdx_attest_ioctl() of the posting; tdx_guest_ioctl(), tdx-guest.c, Linux 6.2',
  ],
  'ioctl.first-allocation': [
    'Memory for REPORTDATA.',
    'tdx_get_tdreport() of the posting; tdx_get_report0(), tdx-guest.c, Linux 6.2',
  ],
  'ioctl.second-allocation': [
    'Memory for the TDREPORT.',
    'tdx_get_tdreport() of the posting; tdx_get_report0(), tdx-guest.c, Linux 6.2',
  ],
  'ioctl.interrupted': [
    'A signal ends the wait for the report buffer.',
    'tdx_do_report(), tdx-guest.c, Linux 6.16',
  ],
  'ioctl.copy-in': [
    'REPORTDATA is read before any TDCALL.',
    'tdx_get_tdreport() of the posting; tdx_get_report0(), tdx-guest.c, Linux 6.2',
  ],
  'ioctl.tdcall': [
    'A TDCALL that does not succeed is an error.',
    'tdx_mcall_tdreport() of the posting; tdx_mcall_get_report0(), arch/x86/coco/tdx/tdx.c',
  ],
  'ioctl.copy-out': [
    'A report that cannot be written is a fault, after the TDCALL.',
    'tdx_get_tdreport() of the posting; tdx_get_report0(), tdx-guest.c, Linux 6.2',
  ],
  'ioctl.success': [
    'The report is handed out.',
    'tdx_get_tdreport() of the posting; tdx_get_report0(), tdx-guest.c, Linux 6.2',
  ],
  'ioctl.masked-status': [
    'A status of which the mask leaves nothing hands out an untouched page.',
    'tdx_mcall_tdreport() of the posting',
  ],
  'device-call.no-node': ['There is no device node to open.', 'open(2), ENOENT'],
  'device-call.no-method': [
    'The device has neither read nor write, and does not seek.',
    'tdx_attest_fops of the posting; tdx_guest_fops, tdx-guest.c, Linux 6.2',
  ],
  'platform.scripted': ['What TDCALLs answer is given from outside.', 'This model'],
} as const;

/** The id of a rule of the driver. */
export type DriverRule = keyof typeof TABLE;

/** Every rule of the driver that can decide an outcome. */
export const DRIVER_RULES: readonly Rule[] = Object.entries(TABLE).map(
  ([id, [sentence, origin]]) => ({ id, sentence, origin }),
);
