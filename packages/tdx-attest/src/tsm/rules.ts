// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';
import { DRIVER_RULES, type DriverRule } from '../driver/rules.ts';

/** Every rule of the report items: its sentence and its origin. */
const TABLE = {
  'mkdir.top': [
    'Nothing can be made beside the report directory.',
    'tsm_root_group, drivers/virt/coco/tsm.c, Linux 6.7',
  ],
  'mkdir.exists': ['An item of the name exists.', 'configfs_mkdir(), fs/configfs/dir.c'],
  'mkdir.no-provider': [
    'Without a provider there are no items.',
    'tsm_report_make_item(), drivers/virt/coco/tsm.c, Linux 6.7',
  ],
  'mkdir.success': ['The item is there.', 'tsm_report_make_item(), drivers/virt/coco/tsm.c'],
  'rmdir.missing': ['There is no such item.', 'configfs_rmdir(), fs/configfs/dir.c'],
  'rmdir.success': [
    'The item is gone, even while its files are open.',
    'tsm_report_item_release(), drivers/virt/coco/tsm.c',
  ],
  'open.missing': ['There is no such item.', 'open(2), ENOENT'],
  'open.hidden': [
    'A TDX guest shows neither privilege levels nor service and auxiliary blobs.',
    'tdx_report_attr_visible(), drivers/virt/coco/tdx-guest/tdx-guest.c',
  ],
  'open.access': [
    'A file opens in its one direction alone, for root, too.',
    '__configfs_open_file(), fs/configfs/file.c',
  ],
  'open.success': ['The file is open.', '__configfs_open_file(), fs/configfs/file.c'],
  'file.bad-descriptor': [
    'The descriptor is not open, or not in that direction.',
    'read(2), write(2), EBADF',
  ],
  'file.blocked': [
    'A read that waits for the host holds off everything that touches an item or its own file.',
    'tsm_rwsem, drivers/virt/coco/tsm.c; f_pos_lock in fdget_pos(), fs/file.c',
  ],
  'file.item-gone': [
    'A file of a removed item has nothing to read.',
    'configfs_bin_read_iter(), fs/configfs/file.c',
  ],
  'file.no-seek': [
    'The files of an item that hold bytes do not seek.',
    'configfs_bin_file_operations, fs/configfs/file.c',
  ],
  'file.rewound': [
    'The files of an item that are text do.',
    'configfs_file_operations, fs/configfs/file.c',
  ],
  'write.too-big': [
    'An inblob is 64 bytes at most.',
    'configfs_bin_write_iter(), fs/configfs/file.c',
  ],
  'write.nothing': [
    'A write of nothing is a fault.',
    'configfs_bin_write_iter(), fs/configfs/file.c',
  ],
  'write.success': [
    'The bytes are in the file’s buffer, and nowhere else yet.',
    'configfs_bin_write_iter(), fs/configfs/file.c',
  ],
  'close.nothing': [
    'A close without anything to commit.',
    'configfs_release_bin_file(), fs/configfs/file.c',
  ],
  'commit.wrapped': [
    'A write generation must not catch up with the read one; nobody hears of it.',
    'try_advance_write_generation(), drivers/virt/coco/tsm.c',
  ],
  'commit.success': [
    'The whole buffer becomes the inblob, and the generation is one more.',
    'tsm_report_inblob_write(), drivers/virt/coco/tsm.c',
  ],
  'read.snapshot': [
    'A file shows from its first read on what it fetched then.',
    'configfs_bin_read_iter(), fs/configfs/file.c',
  ],
  'read.no-inblob': [
    'Without an inblob there is no outblob.',
    'tsm_report_read(), drivers/virt/coco/tsm.c',
  ],
  'read.cached': [
    'The outblob of this generation is there.',
    'tsm_report_read(), drivers/virt/coco/tsm.c',
  ],
  'read.too-big': [
    'configfs hands out no more than its limit.',
    'configfs_bin_read_iter(), fs/configfs/file.c; TSM_OUTBLOB_MAX',
  ],
  'read.no-provider': [
    'Nobody is there to make a report.',
    'tsm_report_read(), drivers/virt/coco/tsm.c',
  ],
  'report-new.in-flight': [
    'While the host owns the buffer there is no new request.',
    'tdx_report_new(), tdx-guest.c, Linux 6.7',
  ],
  'report-new.inblob-size': ['REPORTDATA is 64 bytes.', 'tdx_report_new(), tdx-guest.c, Linux 6.7'],
  'report-new.tdcall': [
    'Without a TDREPORT there is no request.',
    'tdx_report_new(), tdx-guest.c, Linux 6.7',
  ],
  'report-new.hypercall': [
    'A hypercall that is not accepted is an error, RETRY included.',
    'tdx_report_new(), tdx-guest.c, Linux 6.7',
  ],
  'report-new.waiting': [
    'The host has the buffer: the driver looks once a second.',
    'wait_for_quote_completion(), tdx-guest.c, Linux 6.7',
  ],
  'report-new.interrupted': [
    'A signal ends the wait; the buffer stays with the host.',
    'wait_for_quote_completion(), tdx-guest.c, Linux 6.7',
  ],
  'report-new.timeout': [
    'The wait took all of its seconds.',
    'wait_for_quote_completion(), tdx-guest.c, Linux 6.7',
  ],
  'report-new.status': [
    'A request that did not end in success has no quote.',
    'tdx_report_new_locked(), tdx-guest.c, Linux 7.0',
  ],
  'report-new.out-len': [
    'out_len lies within the buffer.',
    'tdx_report_new(), tdx-guest.c, Linux 6.12.117',
  ],
  'report-new.no-memory': [
    'No kernel allocates 2 GiB for a quote.',
    'kvmalloc(), mm/util.c, INT_MAX',
  ],
  'report-new.success': [
    'What the host left is the outblob.',
    'tdx_report_new(), tdx-guest.c, Linux 6.7',
  ],
  'generation.value': [
    'The generation is the count of commits.',
    'tsm_report_generation_show(), drivers/virt/coco/tsm.c',
  ],
  'provider.none': [
    'There is no provider to name.',
    'tsm_report_provider_show(), drivers/virt/coco/tsm.c',
  ],
  'provider.name': [
    'The provider is the driver.',
    'tsm_report_provider_show(), drivers/virt/coco/tsm.c',
  ],
  'tick.nobody': ['Nobody waits for the host.', 'This model'],
  'host.acts': [
    'The host does what it likes with what it shares.',
    'Guest-Host-Communication Interface, GetQuote',
  ],
} as const;

/** The id of a rule of the report items. */
export type TsmRule = keyof typeof TABLE | DriverRule;

/** What only the posting's platform driver can meet, which no kernel with items has. */
const PLATFORM_DRIVER_ALONE: ReadonlySet<string> = new Set<DriverRule>([
  'load.platform-driver',
  'load.platform-device',
  'load.probe-failed',
  'bind.bound',
  'bind.second-device',
  'bind.misc-register',
  'bind.success',
  'unbind.not-bound',
  'unbind.success',
  'ioctl.masked-status',
]);

/**
 * Every rule that can decide an outcome: the driver's that a kernel with items has, and its own.
 */
export const TSM_RULES: readonly Rule[] = [
  ...DRIVER_RULES.filter(({ id }) => !PLATFORM_DRIVER_ALONE.has(id)),
  ...Object.entries(TABLE).map(([id, [sentence, origin]]) => ({ id, sentence, origin })),
];
