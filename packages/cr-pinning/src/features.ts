// SPDX-License-Identifier: MIT
import type { Predicate } from './pins.ts';

/** The numbers of the MSRs of an interface; absent where it does not have one. */
export interface MsrNumbers {
  readonly cr0Allowed: number;
  readonly cr4Allowed: number;
  readonly cr0Low?: number;
  readonly cr0High: number;
  readonly cr4Low?: number;
  readonly cr4High: number;
  readonly eferHigh?: number;
}

/** In what the revisions differ. One code path reads these. */
export interface Features {
  /**
   * How the guest asks: not at all, by MSRs (`high-low`: two masks for each register; `mask-value`:
   * a mask and the value that it pins to), or by a hypercall.
   */
  readonly request: 'none' | 'high-low' | 'mask-value' | 'hypercall';
  readonly msrs: MsrNumbers;
  /** CPUID 0x40000001:EAX bit that tells of the interface; -1: there is none. */
  readonly featureBit: number;
  /** The MSRs answer #GP where user space does not show the feature bit. */
  readonly cpuidGated: boolean;
  readonly allowedCr0: bigint;
  readonly allowedCr4: bigint;
  readonly allowedEfer: bigint;
  /**
   * What a write of the ALLOWED MSRs does: an equal value passes, anything passes, the host sets
   * it.
   */
  readonly allowedWrite: 'equal' | 'ignored' | 'host-sets';
  /** Setting ALLOWED is refused where something is pinned that would not be allowed any more. */
  readonly allowedRevalidates: boolean;
  /**
   * What a guest's write of a pin MSR has to be: all that was pinned and more; or it adds; or
   * anything.
   */
  readonly guestWrite: 'superset' | 'adds' | 'anything';
  /** The guest reads its pins; else #GP(0). The host always reads them. */
  readonly guestReads: boolean;
  /** A bit is not pinned both ways. */
  readonly refusesOpposite: boolean;
  /** What is pinned is the current value of the bits, not a given one. */
  readonly pinsCurrentValue: boolean;
  readonly predicate: Predicate;
  /** What a violating MOV comes to: #GP(0), or nothing at all. */
  readonly violation: 'fault' | 'silent';
  /** What a violating LMSW, CLTS or task switch comes to. */
  readonly lmswViolation: 'dropped' | 'fault';
  /** The pin check stands before the check of reserved bits. */
  readonly checkBeforeValid: boolean;
  /** Pins do not count while L2 runs. */
  readonly exemptsL2: boolean;
  /**
   * What a nested exit makes of the host state that L1 asked for. `kept`: a register that would
   * violate the pins stays as L2 had it.
   */
  readonly nestedExit: 'as-asked' | 'forced' | 'forced-high' | 'kept';
  /** What RSM does about a save area that violates the pins. */
  readonly rsm: 'nothing' | 'patches-image' | 'checks' | 'checks-but-l2';
  readonly rsmFailure: 'internalError' | 'shutdown';
  /**
   * What INIT does to the pins: it clears them, keeps them, or suspends them until paging is turned
   * on.
   */
  readonly init: 'clears' | 'keeps' | 'suspends';
  /** Pins of the whole VM; with `floor`, of every vCPU and of the VM beneath them. */
  readonly scope: 'vcpu' | 'vm' | 'floor';
  /** Bits that the guest writes without an exit, so that no check sees them. */
  readonly guestOwnedCr0: bigint;
  readonly guestOwnedCr4: bigint;
  /** A migration takes the pins along, where the VMM does not forget them. */
  readonly migratesPins: boolean;
  /** The host gave the feature bit and the first MSR to something else, as mainline did. */
  readonly numbersTaken: boolean;
  /**
   * The policy is the VMM's own: it knows of it on reset and migration whatever else it forgets.
   */
  readonly policyInVmm: boolean;
  /** The host registers, not the guest's, say what can be pinned. */
  readonly consultsHostRegisters: boolean;
  /** `pv_cr_pin` on the command line makes a kernel that can kexec pin too, and give up kexec. */
  readonly pvCrPin: boolean;
  /** The VMM can allow one kexec. */
  readonly kexecToken: boolean;
  /** Native pinning of the guest kernel: none, missing bits come back, or all bits as they were. */
  readonly native: 'none' | 'missing-bits' | 'exact';
  readonly nativeCr4Mask: bigint;
}
