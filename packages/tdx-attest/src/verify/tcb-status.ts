// SPDX-License-Identifier: MIT

/**
 * Statuses of a TCB, in order of severity. The two of a relaunch stand apart: the platform is
 * fine, and the TD would be after a new start. Origin: Intel SGX and TDX Provisioning
 * Certification Service API, "TCB Info"; Intel TDX DCAP Quote Verification Library.
 */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;

/** The status of a TCB. */
export type TcbStatus = (typeof TCB_STATUSES)[number];

/** How bad a status is: 0 for UpToDate. */
export function severity(status: TcbStatus): number {
  return TCB_STATUSES.indexOf(status);
}

/**
 * The status of a platform after that of a part of it: an out-of-date part makes an out-of-date
 * whole that still needs its configuration, a revoked part a revoked one.
 */
export function converge(platform: TcbStatus, part: TcbStatus): TcbStatus {
  if (part === 'Revoked' || platform === 'Revoked') return 'Revoked';
  if (part !== 'OutOfDate') return platform;
  switch (platform) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
    case 'TDRelaunchAdvised':
      return 'OutOfDate';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
    case 'TDRelaunchAdvisedConfigurationNeeded':
      return 'OutOfDateConfigurationNeeded';
    case 'OutOfDate':
    case 'OutOfDateConfigurationNeeded':
      return platform;
  }
}
