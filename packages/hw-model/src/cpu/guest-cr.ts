// SPDX-License-Identifier: MIT
import { readCr, type CrNumber } from './commit.ts';
import { CR0_DEFINED, CR0_EM, CR0_ET, CR0_MP, CR0_PE, CR0_TS } from './registers.ts';
import type { ControlState } from './state.ts';
import type { CpuStep } from './step.ts';
import type { Vmcb, Vmcs } from './virtualization.ts';
import { exitGuest } from './vm-exit.ts';

/*
 * Control registers in a guest: which accesses end it, and what the others read and write. A bit
 * that is set in a guest/host mask is the host's: the guest reads it from the shadow and cannot
 * write it. Intel SDM volume 3, "VMX Non-Root Operation"; AMD APM volume 2, "Secure Virtual
 * Machine".
 */

/**
 * Exit reason of VMX for control-register accesses. Intel SDM volume 3, appendix on VMX basic exit
 * reasons.
 */
export const EXIT_REASON_CR_ACCESS = 28n;
/**
 * Exit codes of SVM: reads of CRn are n, writes 0x10 + n. AMD APM volume 2, appendix on SVM
 * intercept exit codes.
 */
export const VMEXIT_CR0_WRITE = 0x10n;
export const VMEXIT_CR0_SEL_WRITE = 0x65n;

/**
 * Access types of the exit qualification, bits 5:4. Intel SDM volume 3, "VM Exits", exit
 * qualification for control-register accesses.
 */
const ACCESS_MOV_TO = 0n;
const ACCESS_MOV_FROM = 1n;
const ACCESS_CLTS = 2n;
const ACCESS_LMSW = 3n;

/** What a guest's access comes to: the end of the guest, or another value than the plain one. */
export type GuestAccess =
  | { readonly kind: 'exit'; readonly step: CpuStep }
  | { readonly kind: 'value'; readonly value: bigint };

function crAccessExit(state: ControlState, cr: bigint, type: bigint, source = 0n): GuestAccess {
  const qualification = cr | (type << 4n) | (source << 16n);
  return {
    kind: 'exit',
    step: exitGuest(state, EXIT_REASON_CR_ACCESS, qualification, 'guest.cr-access-exit'),
  };
}

function svmExit(state: ControlState, code: bigint): GuestAccess {
  return { kind: 'exit', step: exitGuest(state, code, 0n, 'guest.cr-access-exit') };
}

interface Ownership {
  readonly mask: bigint;
  readonly shadow: bigint;
}

function ownership(vmcs: Vmcs, cr: CrNumber): Ownership | undefined {
  if (cr === 0) return { mask: vmcs.cr0GuestHostMask, shadow: vmcs.cr0ReadShadow };
  if (cr === 4) return { mask: vmcs.cr4GuestHostMask, shadow: vmcs.cr4ReadShadow };
  return undefined;
}

/** A guest's MOV to CRn. Undefined: nothing intervenes. */
export function guestWritesCr(
  state: ControlState,
  cr: CrNumber,
  value: bigint,
): GuestAccess | undefined {
  const { virtualization } = state;
  if (virtualization === null) return undefined;
  if (virtualization.kind === 'svm') return svmGuestWrites(state, virtualization.vmcb, cr, value);
  if (virtualization.vmcs === null) return undefined;
  if (loadExits(virtualization.vmcs, cr, value)) {
    return crAccessExit(state, BigInt(cr), ACCESS_MOV_TO);
  }
  const owned = ownership(virtualization.vmcs, cr);
  if (owned === undefined) return undefined;
  if (((value ^ owned.shadow) & owned.mask) !== 0n) {
    return crAccessExit(state, BigInt(cr), ACCESS_MOV_TO);
  }
  const kept = readCr(state, cr) & owned.mask;
  return { kind: 'value', value: kept | (value & ~owned.mask) };
}

/** CR3-load and CR8-load exiting. A value that is among the CR3 targets does not exit. */
function loadExits({ crExiting }: Vmcs, cr: CrNumber, value: bigint): boolean {
  if (crExiting === undefined) return false;
  if (cr === 3) return crExiting.loadCr3 && !crExiting.cr3Targets.includes(value);
  return cr === 8 && crExiting.loadCr8;
}

/** CR3-store and CR8-store exiting. */
function storeExits({ crExiting }: Vmcs, cr: CrNumber): boolean {
  if (crExiting === undefined) return false;
  return (cr === 3 && crExiting.storeCr3) || (cr === 8 && crExiting.storeCr8);
}

/** A change of these ends the guest: TS, MP, and what no write changes (ET, reserved bits) do not. */
const SELECTIVE = CR0_DEFINED & ~(CR0_TS | CR0_MP | CR0_ET);

function svmGuestWrites(
  state: ControlState,
  { interceptCrWrites, selectiveCr0Write }: Vmcb,
  cr: CrNumber,
  value: bigint,
): GuestAccess | undefined {
  if ((interceptCrWrites & (1 << cr)) !== 0) return svmExit(state, VMEXIT_CR0_WRITE + BigInt(cr));
  const changed = (value ^ state.cr0) & SELECTIVE;
  if (cr === 0 && selectiveCr0Write && changed !== 0n) return svmExit(state, VMEXIT_CR0_SEL_WRITE);
  return undefined;
}

/** A guest's MOV from CRn, or SMSW. Undefined: it reads the register. */
export function guestReadsCr(state: ControlState, cr: CrNumber): GuestAccess | undefined {
  const { virtualization } = state;
  if (virtualization === null) return undefined;
  if (virtualization.kind === 'svm') {
    const { vmcb, vTpr } = virtualization;
    if ((vmcb.interceptCrReads & (1 << cr)) !== 0) return svmExit(state, BigInt(cr));
    return cr === 8 && vmcb.virtualTpr ? { kind: 'value', value: vTpr } : undefined;
  }
  if (virtualization.vmcs === null) return undefined;
  if (storeExits(virtualization.vmcs, cr)) {
    return crAccessExit(state, BigInt(cr), ACCESS_MOV_FROM);
  }
  const owned = ownership(virtualization.vmcs, cr);
  if (owned === undefined) return undefined;
  return {
    kind: 'value',
    value: (owned.shadow & owned.mask) | (readCr(state, cr) & ~owned.mask),
  };
}

/**
 * A guest's LMSW. PE ends the guest only where it would be set; the value is that of CR0 after it.
 */
export function guestLmsw(state: ControlState, source: bigint): GuestAccess | undefined {
  const { virtualization } = state;
  if (virtualization === null) return undefined;
  if (virtualization.kind === 'svm') {
    const { interceptCrWrites, selectiveCr0Write } = virtualization.vmcb;
    if ((interceptCrWrites & 1) !== 0) return svmExit(state, VMEXIT_CR0_WRITE);
    return selectiveCr0Write ? svmExit(state, VMEXIT_CR0_SEL_WRITE) : undefined;
  }
  if (virtualization.vmcs === null) return undefined;
  const { cr0GuestHostMask: mask, cr0ReadShadow: shadow } = virtualization.vmcs;
  const compared = CR0_MP | CR0_EM | CR0_TS | (source & CR0_PE);
  if (((source ^ shadow) & mask & compared) !== 0n) {
    return crAccessExit(state, 0n, ACCESS_LMSW, source & 0xffffn);
  }
  const written = compared & ~mask;
  return { kind: 'value', value: (state.cr0 & ~written) | (source & written) };
}

/** A guest's CLTS. A TS of the host's that reads 0 stays as it is. */
export function guestClts(state: ControlState): GuestAccess | undefined {
  const { virtualization } = state;
  if (virtualization === null) return undefined;
  if (virtualization.kind === 'svm') {
    const isIntercepted = (virtualization.vmcb.interceptCrWrites & 1) !== 0;
    return isIntercepted ? svmExit(state, VMEXIT_CR0_WRITE) : undefined;
  }
  if (virtualization.vmcs === null) return undefined;
  const { cr0GuestHostMask: mask, cr0ReadShadow: shadow } = virtualization.vmcs;
  if ((mask & CR0_TS) === 0n) return undefined;
  if ((shadow & CR0_TS) !== 0n) return crAccessExit(state, 0n, ACCESS_CLTS);
  return { kind: 'value', value: state.cr0 };
}
