// SPDX-License-Identifier: MIT
import {
  initialState,
  MSR_IA32_FEATURE_CONTROL,
  type ControlState,
  type CpuOperation,
  type CpuSetup,
  type CrExiting,
  type HostSave,
  type Sregs,
  type VmcbSave,
  type Vmcs,
} from '@kernel-models/hw-model/cpu';
import { vmcsOf } from './vmcs-of.ts';

/** A rule that random histories seldom reach, with a history that does. */
export interface Directed {
  readonly rule: string;
  readonly start: ControlState;
  readonly operations: readonly CpuOperation[];
}

const LONG: CpuSetup = {
  cpu: 'everything',
  cr0: 0x8001_0033n,
  cr4: 0x2020n,
  efer: 0x1500n,
  csL: true,
};
const running = initialState(LONG);
const user = initialState({ ...LONG, cpl: 3 });
const root: ControlState = { ...running, virtualization: { kind: 'vmx', vmcs: null } };
const CET = 0x80_0000n;
const WP = 0x1_0000n;
const NE = 0x20n;
const PG = 0x8000_0000n;

const vmcs = vmcsOf(running);
const entry = (rule: string, changes: Partial<Vmcs>, start = root): Directed => ({
  rule: `vm-entry.${rule}`,
  start,
  operations: [{ op: 'vmEntry', vmcs: { ...vmcs, ...changes } }],
});

const EXITING: CrExiting = {
  loadCr3: true,
  storeCr3: true,
  loadCr8: true,
  storeCr8: true,
  cr3Targets: [],
};

const host: HostSave = {
  cr0: running.cr0,
  cr3: 0n,
  cr4: running.cr4,
  efer: running.efer,
  csL: true,
  csD: false,
};
const save: VmcbSave = { ...host, cr2: 0n, dr6: running.dr6, dr7: running.dr7, cpl: 0, vTpr: 0n };
const vmrun = (changes: Partial<VmcbSave>): CpuOperation => ({
  op: 'vmrun',
  vmcb: {
    save: { ...save, ...changes },
    interceptCrWrites: 0,
    interceptCrReads: 0,
    selectiveCr0Write: false,
    interceptMsrs: true,
    virtualTpr: true,
  },
});
const svm = (rule: string, changes: Partial<VmcbSave>, start = running): Directed => ({
  rule: `vmrun.${rule}`,
  start,
  operations: [vmrun(changes)],
});
const hostSave = (rule: string, changes: Partial<HostSave>, start = running): Directed => ({
  rule: `vmexit.${rule}`,
  start,
  operations: [
    vmrun({}),
    { op: 'hostSaveWrite', host: { ...host, ...changes } },
    { op: 'guestExit' },
  ],
});

const sregs: Sregs = {
  cr0: running.cr0,
  cr2: 0n,
  cr3: 0n,
  cr4: running.cr4,
  cr8: 0n,
  efer: running.efer,
  csL: true,
  csD: false,
};
const set = (rule: string, changes: Partial<Sregs>): Directed => ({
  rule: `sregs.${rule}`,
  start: running,
  operations: [{ op: 'setSregs', sregs: { ...sregs, ...changes } }],
});

const one = (
  rule: string,
  start: ControlState,
  ...operations: readonly CpuOperation[]
): Directed => ({
  rule,
  start,
  operations,
});
const enter: CpuOperation = { op: 'vmEntry', vmcs };
/** A present PDPTE whose reserved bit 1 is set. */
const badTable = initialState({ ...LONG, memory: [{ address: 0, value: 3n }] });

/** A hypervisor in PAE paging, and a VMCS for it. */
const legacyRoot: ControlState = {
  ...initialState({
    cpu: 'everything',
    cr0: 0x8001_0033n,
    cr4: 0x2020n,
    csD: true,
    memory: [{ address: 0, value: 1n }],
  }),
  virtualization: { kind: 'vmx', vmcs: null },
};
const legacyVmcs: Vmcs = {
  ...vmcsOf(legacyRoot),
  ia32eModeGuest: false,
  hostAddressSpaceSize: false,
  guestCsL: false,
};

/** Every rule that stands alone, and every check of an image that comes from somewhere else. */
export const DIRECTED: readonly Directed[] = [
  entry('cr3-targets', { crExiting: { ...EXITING, cr3Targets: [0n, 1n, 2n, 3n, 4n] } }),
  entry('host-cr0', { hostCr0: running.cr0 & ~NE }),
  entry('host-cr4', { hostCr4: 0x20n }),
  entry('host-cr3', { hostCr3: 1n << 52n }),
  entry('host-cet', { hostCr4: running.cr4 | CET, hostCr0: running.cr0 & ~WP }),
  entry('host-address-space', { hostAddressSpaceSize: false }),
  entry('host-efer', { hostEfer: running.efer ^ 0x100n }),
  entry('guest-cr0', { guestCr0: running.cr0 & ~NE }),
  entry('guest-pg-needs-pe', { guestCr0: running.cr0 & ~1n }),
  entry('guest-cr4', { guestCr4: 0x20n }),
  entry('guest-cr3', { guestCr3: 1n << 52n }),
  entry('guest-cet', { guestCr4: running.cr4 | CET, guestCr0: running.cr0 & ~WP }),
  entry('guest-ia32e', { guestCr0: running.cr0 & ~PG }),
  entry('guest-efer', { guestEfer: running.efer ^ 0x400n }),
  entry(
    'guest-pdpte',
    { ia32eModeGuest: false, guestEfer: 0x1000n, guestCsL: false },
    { ...badTable, virtualization: { kind: 'vmx', vmcs: null } },
  ),
  one(
    'vmexit.abort',
    legacyRoot,
    { op: 'vmEntry', vmcs: { ...legacyVmcs, guestCr0: 0x31n } },
    { op: 'memoryWrite', address: 0, value: 3n },
    { op: 'guestExit' },
  ),
  one('vm-entry.exits-guest', root, enter, enter),
  one('vm-entry.needs-cpl0', { ...root, cpl: 3 }, enter),
  one('vmxoff.exits-guest', root, enter, { op: 'vmxoff' }),
  one('vmxoff.needs-cpl0', { ...root, cpl: 3 }, { op: 'vmxoff' }),
  one('vmxoff.done', root, { op: 'vmxoff' }),
  one('vmxon.already', root, { op: 'vmxon' }),
  one('vmxon.exits-guest', root, enter, { op: 'vmxon' }),
  one('vmxon.needs-cpl0', user, { op: 'vmxon' }),
  one('vmxon.feature-control', running, { op: 'vmxon' }),
  one('vmxon.fixed-bits', { ...running, cr0: running.cr0 & ~NE }, { op: 'vmxon' }),
  one(
    'vmxon.done',
    running,
    { op: 'wrmsr', msr: MSR_IA32_FEATURE_CONTROL, value: 5n },
    { op: 'vmxon' },
  ),
  svm('svme', { efer: 0x500n }),
  svm('nw-needs-cd', { cr0: running.cr0 | 0x2000_0000n }),
  svm('cr0-high-half', { cr0: running.cr0 | (1n << 40n) }),
  svm('cr3-reserved', { cr3: 1n << 52n }),
  svm('cr4-reserved', { cr4: running.cr4 | 0x8000n }),
  svm('efer-reserved', { efer: running.efer | 2n }),
  svm('long-mode', { cr4: 0x2000n }),
  svm('cs-l-and-d', { csD: true }),
  svm('cet-needs-wp', { cr0: running.cr0 & ~WP, cr4: running.cr4 | CET }),
  svm('debug-high-half', { dr6: 1n << 32n }),
  svm('pdpte-reserved', { efer: 0x1000n, csL: false }, badTable),
  svm('done', {}),
  one('vmrun.needs-cpl0', user, vmrun({})),
  one('vmrun.in-guest', running, vmrun({}), vmrun({})),
  hostSave('host-cr0', { cr0: running.cr0 | 0x2000_0000n }),
  hostSave('host-long-mode', { cr4: 0x2000n }),
  hostSave('host-cr4', { cr4: running.cr4 | 0x8000n }),
  hostSave('host-efer', { efer: running.efer | 2n }),
  hostSave('host-pdpte', { efer: 0x1000n, csL: false }, badTable),
  one('guest.msr-access-exit', running, vmrun({}), { op: 'rdmsr', msr: 0x4b56_4d0d }),
  one('guest.msr-access-exit', root, enter, { op: 'wrmsr', msr: 0x2000, value: 0n }),
  one('host-save.written', running, vmrun({}), { op: 'hostSaveWrite', host }),
  set('long-mode', { cr4: 0x2000n }),
  set('not-long-mode', { cr0: running.cr0 & ~PG }),
  set('cr4-reserved', { cr4: running.cr4 | 0x8000n }),
  set('cr0', { cr0: running.cr0 | (1n << 32n) }),
  set('efer', { efer: running.efer | 2n }),
  set('set', {}),
  one('cr2.written', running, { op: 'movToCr', cr: 2, value: 0xffff_8000_0000_1234n }),
  one('cr8.written', running, { op: 'movToCr', cr: 8, value: 7n }),
  one('lmsw.needs-cpl0', user, { op: 'lmsw', value: 1n }),
  one('clts.needs-cpl0', user, { op: 'clts' }),
  one('host-msr.read', running, { op: 'hostRdmsr', msr: 0x9e }),
  one('host-msr.written', running, { op: 'hostWrmsr', msr: 0x10, value: 1n }),
  one('iret.raises-privilege', user, { op: 'iret', l: true, d: false, cpl: 0 }),
  one('sipi.not-waiting', running, { op: 'sipi', vector: 1 }),
  one('smi.blocked-before-sipi', initialState({ cpu: 'everything', applicationProcessor: true }), {
    op: 'smi',
  }),
  one(
    'smram.no-register',
    running,
    { op: 'smi' },
    { op: 'smramWrite', offset: 0xfe00, size: 8, value: 1n },
  ),
];
