// SPDX-License-Identifier: MIT
import { DIGEST_SIZE, TDINFO_OFFSET, TDREPORT_OFFSET } from '@kernel-models/hw-model/tdx';

/**
 * The files of /sys/devices/virtual/misc/tdx_guest/measurements. Origin: tdx_mrs,
 * drivers/virt/coco/tdx-guest/tdx-guest.c, Linux 6.16.
 */
export type RegisterName =
  | 'rtmr0:sha384'
  | 'rtmr1:sha384'
  | 'rtmr2:sha384'
  | 'rtmr3:sha384'
  | 'mrtd:sha384'
  | 'mrconfigid'
  | 'mrowner'
  | 'mrownerconfig';

/** One measurement register. */
export interface Register {
  /** Where a TDREPORT has it. */
  readonly offset: number;
  /** Which RTMR it is; undefined: it never changes, and its file is not writable. */
  readonly rtmr: number | undefined;
}

const inTdInfo = (offset: number): number => TDREPORT_OFFSET.tdInfo + offset;
const rtmr = (index: number): Register => ({
  offset: inTdInfo(TDINFO_OFFSET.rtmr) + index * DIGEST_SIZE,
  rtmr: index,
});
const fixed = (offset: number): Register => ({ offset: inTdInfo(offset), rtmr: undefined });

/** The registers by the names of their files. Files of RTMRs have mode 0644, the others 0444. */
export const REGISTERS: Readonly<Record<RegisterName, Register>> = {
  'rtmr0:sha384': rtmr(0),
  'rtmr1:sha384': rtmr(1),
  'rtmr2:sha384': rtmr(2),
  'rtmr3:sha384': rtmr(3),
  'mrtd:sha384': fixed(TDINFO_OFFSET.mrTd),
  mrconfigid: fixed(TDINFO_OFFSET.mrConfigId),
  mrowner: fixed(TDINFO_OFFSET.mrOwner),
  mrownerconfig: fixed(TDINFO_OFFSET.mrOwnerConfig),
};

export const REGISTER_FILES: readonly RegisterName[] = [
  'rtmr0:sha384',
  'rtmr1:sha384',
  'rtmr2:sha384',
  'rtmr3:sha384',
  'mrtd:sha384',
  'mrconfigid',
  'mrowner',
  'mrownerconfig',
];
