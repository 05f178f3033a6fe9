// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';
import { TSM_RULES } from '../tsm/rules.ts';

const OWN = {
  'mr.no-file': [
    'The files are there while a driver that has them is loaded.',
    'sysfs; tdx_attr_groups, tdx-guest.c, Linux 6.16',
  ],
  'mr.access': [
    'The file of a register that never changes does not open for writing, for root, too.',
    'kernfs_fop_open(), fs/kernfs/file.c',
  ],
  'mr.beyond-end': [
    'A write at the end of a file or beyond is too big.',
    'sysfs_kf_bin_write(), fs/sysfs/file.c',
  ],
  'mr.nothing': [
    'A write of nothing succeeds and does not reach the driver.',
    'sysfs_kf_bin_write(), fs/sysfs/file.c',
  ],
  'mr.partial-write': [
    'A register is written whole: 48 bytes at offset 0.',
    'tm_digest_write(), tsm-mr.c, Linux 6.16',
  ],
  'mr.interrupted': [
    'A signal ends the wait for the report buffer.',
    'tdx_do_extend(), tdx-guest.c, Linux 6.16',
  ],
  'mr.extend-failed': [
    'An extend that the module refuses is an error, and the cache counts as stale.',
    'tdx_do_extend(), tdx-guest.c; tm_digest_write(), tsm-mr.c, Linux 6.16',
  ],
  'mr.extended': [
    'The register is extended by what was written.',
    'tdx_do_extend(), tdx-guest.c, Linux 6.16',
  ],
  'mr.read-beyond-end': [
    'A read at the end of a file or beyond is empty.',
    'sysfs_kf_bin_read(), fs/sysfs/file.c',
  ],
  'mr.refresh-failed': [
    'A report that fails wins over the bytes that are there.',
    'tm_digest_read(), tsm-mr.c, Linux 6.16',
  ],
  'mr.refreshed': [
    'A stale run-time register is read from a new report.',
    'tm_digest_read(), tsm-mr.c, Linux 6.16',
  ],
  'mr.cached': [
    'Other registers, and fresh ones, are read from the last report.',
    'tm_digest_read(), tsm-mr.c, Linux 6.16',
  ],
} as const;

/** The id of a rule of the measurement files alone. */
export type MeasurementRule = keyof typeof OWN;

/** Every rule that can decide an outcome: the driver's that Linux 6.16 has, and its own. */
export const MEASUREMENT_RULES: readonly Rule[] = [
  ...TSM_RULES.filter(({ id }) =>
    /^(load|unload|bind|unbind|ioctl|device-call|platform)\./.test(id),
  ),
  ...Object.entries(OWN).map(([id, [sentence, origin]]) => ({ id, sentence, origin })),
];
