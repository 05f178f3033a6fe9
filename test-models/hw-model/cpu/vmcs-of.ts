// SPDX-License-Identifier: MIT
import type { ControlState, Vmcs } from '@kernel-models/hw-model/cpu';

/** A VMCS whose guest and host are both as `running` is, and whose guest owns every bit. */
export function vmcsOf(running: ControlState): Vmcs {
  return {
    guestCr0: running.cr0,
    guestCr3: 0n,
    guestCr4: running.cr4,
    guestEfer: running.efer,
    hostCr0: running.cr0,
    hostCr3: 0n,
    hostCr4: running.cr4,
    hostEfer: running.efer,
    cr0GuestHostMask: 0n,
    cr4GuestHostMask: 0n,
    cr0ReadShadow: 0n,
    cr4ReadShadow: 0n,
    ia32eModeGuest: true,
    hostAddressSpaceSize: true,
    unrestrictedGuest: true,
    guestCsL: true,
  };
}
