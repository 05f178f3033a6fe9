// SPDX-License-Identifier: MIT

/*
 * The guest-side functions of the TDX module. Origin: Intel TDX Module ABI specification,
 * "Guest-Side (TDCALL) Interface Functions"; which module has which: Intel TDX Module 1.0 and
 * 1.5.01 source.
 */

/** TDCALL leaf numbers, RAX bits 15:0. */
export const TDCALL_LEAF = {
  'TDG.VP.VMCALL': 0,
  'TDG.VP.INFO': 1,
  'TDG.MR.RTMR.EXTEND': 2,
  'TDG.VP.VEINFO.GET': 3,
  'TDG.MR.REPORT': 4,
  'TDG.VP.CPUIDVE.SET': 5,
  'TDG.MEM.PAGE.ACCEPT': 6,
  'TDG.VM.RD': 7,
  'TDG.VM.WR': 8,
  'TDG.VP.RD': 9,
  'TDG.VP.WR': 10,
  'TDG.SYS.RD': 11,
  'TDG.SYS.RDALL': 12,
  'TDG.SERVTD.RD': 18,
  'TDG.SERVTD.WR': 20,
  'TDG.MR.VERIFYREPORT': 22,
  'TDG.MEM.PAGE.ATTR.RD': 23,
  'TDG.MEM.PAGE.ATTR.WR': 24,
  'TDG.VP.ENTER': 25,
  'TDG.VP.INVEPT': 26,
  'TDG.VP.INVVPID': 27,
} as const;

/** The name of a TDCALL leaf. */
export type LeafName = keyof typeof TDCALL_LEAF;

/** The highest leaf of the TDX 1.0 module. */
const LAST_LEAF_1_0 = 8;

/** Leaves whose effect is modelled. The others touch metadata that attestation never looks at. */
export type ModelledLeaf =
  | 'TDG.VP.VMCALL'
  | 'TDG.VP.INFO'
  | 'TDG.MR.RTMR.EXTEND'
  | 'TDG.VP.VEINFO.GET'
  | 'TDG.MR.REPORT'
  | 'TDG.MEM.PAGE.ACCEPT'
  | 'TDG.MR.VERIFYREPORT';

/** The modelled leaves by number. */
export const MODELLED_LEAVES: ReadonlyMap<number, ModelledLeaf> = new Map([
  [0, 'TDG.VP.VMCALL'],
  [1, 'TDG.VP.INFO'],
  [2, 'TDG.MR.RTMR.EXTEND'],
  [3, 'TDG.VP.VEINFO.GET'],
  [4, 'TDG.MR.REPORT'],
  [6, 'TDG.MEM.PAGE.ACCEPT'],
  [22, 'TDG.MR.VERIFYREPORT'],
]);

const LEAF_NUMBERS: ReadonlySet<number> = new Set(Object.values(TDCALL_LEAF));

/** Whether a module has a leaf. */
export function hasLeaf(leaf: number, moduleVersion: '1.0' | '1.5'): boolean {
  return LEAF_NUMBERS.has(leaf) && (moduleVersion === '1.5' || leaf <= LAST_LEAF_1_0);
}
