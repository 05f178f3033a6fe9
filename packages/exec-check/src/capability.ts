// SPDX-License-Identifier: MIT

/**
 * A set of capabilities: bit n stands for capability n. 64 bits wide as kernel_cap_t is.
 */
export type CapabilitySet = bigint;

/** The capabilities by number. Origin: include/uapi/linux/capability.h, Linux 6.12. */
export const CAPABILITY_NAMES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

/** A capability by name. */
export type Capability = (typeof CAPABILITY_NAMES)[number];

/** The set of one capability. */
export function capabilityBit(capability: Capability): CapabilitySet {
  return 1n << BigInt(CAPABILITY_NAMES.indexOf(capability));
}

/** The set of some capabilities. */
export function capabilitySet(capabilities: readonly Capability[]): CapabilitySet {
  return capabilities.reduce((set, capability) => set | capabilityBit(capability), 0n);
}

/** The names of a set, in numeric order. Bits beyond the known ones have no name. */
export function capabilityNames(set: CapabilitySet): readonly Capability[] {
  return CAPABILITY_NAMES.filter((name) => (set & capabilityBit(name)) !== 0n);
}

/** Every capability of Linux 6.12. */
export const ALL_CAPABILITIES: CapabilitySet = (1n << BigInt(CAPABILITY_NAMES.length)) - 1n;
export const NO_CAPABILITIES: CapabilitySet = 0n;

export const CAP_DAC_OVERRIDE: CapabilitySet = capabilityBit('CAP_DAC_OVERRIDE');
export const CAP_DAC_READ_SEARCH: CapabilitySet = capabilityBit('CAP_DAC_READ_SEARCH');
export const CAP_FOWNER: CapabilitySet = capabilityBit('CAP_FOWNER');
export const CAP_FSETID: CapabilitySet = capabilityBit('CAP_FSETID');
export const CAP_SETUID: CapabilitySet = capabilityBit('CAP_SETUID');
export const CAP_SETPCAP: CapabilitySet = capabilityBit('CAP_SETPCAP');
export const CAP_SYS_PTRACE: CapabilitySet = capabilityBit('CAP_SYS_PTRACE');
export const CAP_SYS_ADMIN: CapabilitySet = capabilityBit('CAP_SYS_ADMIN');
export const CAP_SYS_RESOURCE: CapabilitySet = capabilityBit('CAP_SYS_RESOURCE');

/**
 * What a change of fsuid to or from root takes or gives. Origin: CAP_FS_MASK with
 * CAP_LINUX_IMMUTABLE and CAP_MKNOD, include/linux/capability.h, Linux 6.12.
 */
export const CAP_FS_SET: CapabilitySet = capabilitySet([
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_LINUX_IMMUTABLE',
  'CAP_MKNOD',
  'CAP_MAC_OVERRIDE',
]);
