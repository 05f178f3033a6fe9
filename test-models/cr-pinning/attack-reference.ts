// SPDX-License-Identifier: MIT

/*
 * A naive machine for attacks on pinned bits: two CPUs whose registers are lists of bit names, a
 * kernel, a hypervisor in it, an SMI handler and a VMM, changed in place. Written from the postings,
 * the review and native_write_cr4(), not from the model: what a defence does stands in one table of
 * words, and what an attack comes to is read off the bits that are left.
 */

/** Bits that are told apart; every other bit is as the step needs it. */
export type Bit =
  | 'PE'
  | 'MP'
  | 'TS'
  | 'NE'
  | 'WP'
  | 'AM'
  | 'PG'
  | 'PAE'
  | 'UMIP'
  | 'VMXE'
  | 'FSGSBASE'
  | 'SMEP'
  | 'SMAP'
  | 'NXE';
export type Bits = readonly Bit[];
export type Register = 'cr0' | 'cr4';
export type Polarity = 'low' | 'high';

/** What a defence does, in the words of who proposed it. */
export interface Defence {
  /** native_write_cr4(): puts missing bits back, or the bits as they were; absent: does nothing. */
  readonly native?: { readonly repairs: 'missing' | 'exactly'; readonly mask: Bits };
  /** What the hypervisor adds; absent: nothing. */
  readonly kvm?: Paravirtual;
}

/** Pins that the hypervisor keeps. */
export interface Paravirtual {
  /** By MSRs with one polarity or two, by a mask and a value, or by a hypercall. */
  readonly ask: 'high' | 'high and low' | 'mask and value' | 'hypercall';
  readonly allowed: Readonly<Record<Register, Bits>>;
  /** What a guest's request that leaves out a pinned bit comes to. */
  readonly leavingOut: 'fault' | 'adds';
  /** A violation: any pinned bit other than pinned; or any allowed bit other than the mask. */
  readonly looksAt: 'pinned bits' | 'all allowed bits';
  readonly refusal: 'fault' | 'drop';
  readonly countsInL2: boolean;
  readonly nestedExit: 'loads' | 'forces' | 'leaves the register';
  readonly rsm: 'loads' | 'patches' | 'stops' | 'stops, but for L2';
  readonly init: 'clears' | 'keeps' | 'suspends';
  readonly of: 'one CPU' | 'the VM' | 'one CPU, and a floor for all';
  readonly pinsNxe: boolean;
  /** The VMM can allow a kexec; the VMM has the policy itself. */
  readonly hasKexecToken: boolean;
  readonly isVmms: boolean;
}

/** The bits that a kernel turns on in CR4, and that anybody ever pinned. */
const KERNEL_CR0: Bits = ['PE', 'MP', 'NE', 'WP', 'AM', 'PG'];
const GUARDS: Bits = ['UMIP', 'SMEP', 'SMAP'];
const KERNEL_CR4: Bits = ['PAE', 'FSGSBASE', ...GUARDS];
/** What the host of Heki has on itself, of the bits that it lets a guest lock. */
const HOST: Readonly<Record<Register, Bits>> = { cr0: KERNEL_CR0, cr4: GUARDS };

const NATIVE_5_8 = { repairs: 'exactly', mask: [...GUARDS, 'FSGSBASE'] } as const;
const JUNE_2020: Paravirtual = {
  ask: 'high and low',
  allowed: { cr0: ['WP'], cr4: GUARDS },
  leavingOut: 'fault',
  looksAt: 'pinned bits',
  refusal: 'fault',
  countsInL2: false,
  nestedExit: 'forces',
  rsm: 'stops',
  init: 'clears',
  of: 'one CPU',
  pinsNxe: false,
  hasKexecToken: false,
  isVmms: false,
};
const FIXED: Paravirtual = { ...JUNE_2020, rsm: 'stops, but for L2' };
const DECEMBER_2019: Paravirtual = {
  ...JUNE_2020,
  ask: 'high',
  countsInL2: true,
  nestedExit: 'loads',
  rsm: 'loads',
  init: 'keeps',
};
const HEKI: Paravirtual = {
  ...DECEMBER_2019,
  ask: 'hypercall',
  allowed: { cr0: ['WP'], cr4: [...GUARDS, 'FSGSBASE'] },
  leavingOut: 'adds',
  of: 'the VM',
};
const on58 = (kvm: Paravirtual): Defence => ({ native: NATIVE_5_8, kvm });

/** Every defence, by the revision that stands for it. */
export const DEFENCES: Readonly<Record<string, Defence>> = {
  'linux-5.2': {},
  'linux-5.3': { native: { repairs: 'missing', mask: GUARDS } },
  'linux-5.8': { native: NATIVE_5_8 },
  'posted-2019-12': on58(DECEMBER_2019),
  'posted-2020-02': on58({
    ...DECEMBER_2019,
    leavingOut: 'adds',
    looksAt: 'all allowed bits',
    rsm: 'patches',
    init: 'clears',
  }),
  'posted-2020-06': on58(JUNE_2020),
  'posted-2020-06-fixed': on58(FIXED),
  'reviewed-2020-06': on58(FIXED),
  'reviewed-2020-07': on58({
    ...FIXED,
    allowed: { cr0: ['WP'], cr4: [...GUARDS, 'FSGSBASE'] },
  }),
  'posted-2023-05': on58({ ...HEKI, refusal: 'drop', nestedExit: 'leaves the register' }),
  'posted-2024-05': on58(HEKI),
  'reviewed-2024-05': on58({ ...FIXED, init: 'suspends', hasKexecToken: true, isVmms: true }),
  'design-mask-value': on58({ ...FIXED, ask: 'mask and value' }),
  'design-efer': on58({ ...FIXED, pinsNxe: true }),
  'design-init-suspends': on58({ ...FIXED, init: 'suspends' }),
  'design-kexec-token': on58({ ...FIXED, hasKexecToken: true }),
  'design-floor': on58({ ...FIXED, init: 'suspends', of: 'one CPU, and a floor for all' }),
};

/** What is pinned; lists without repetition. */
export interface Pins {
  low: Bits;
  high: Bits;
}
type PinSet = Record<Register, Pins>;
const nothing = (): PinSet => ({ cr0: { low: [], high: [] }, cr4: { low: [], high: [] } });

/** The registers that everything is about. */
export interface Registers {
  cr0: Bits;
  cr4: Bits;
  nxe: boolean;
}

/** Where a CPU is: it waits, runs with or without paging, handles an SMI, or runs L2. */
export type Place = 'waits' | 'paging' | 'no paging' | 'smm' | 'l2';

export interface Cpu extends Registers {
  place: Place;
  /** In VMX operation. */
  vmx: boolean;
  pins: PinSet;
  nxePinned: boolean;
  suspended: boolean;
  /** What RSM loads, and where it returns to. */
  saved: (Registers & { readonly place: Place }) | null;
  /** What L1 wants back. */
  wanted: Registers | null;
}

/** The VMM, and what it forgets. */
export type Vmm = 'good' | 'no-clear-on-reset' | 'no-migrate' | 'old-host';

export interface World {
  readonly defence: Defence;
  readonly vmm: Vmm;
  /** Which writes KVM sees. */
  readonly intercepts: 'vmx' | 'svm' | 'always';
  /** The kernel pins by itself: without kexec. */
  readonly kernelPins: boolean;
  readonly cpus: readonly [Cpu, Cpu];
  vm: PinSet;
  /** The hypervisor has the feature. */
  hasFeature: boolean;
  /** What native_write_cr4() compares with; null before the kernel has booted. */
  nativePins: Bits | null;
  dead: boolean;
}

export type Answer = 'ok' | 'fault' | 'dropped' | 'repaired' | 'exit' | 'stopped' | 'refused';

const without = (from: Bits, some: Bits): Bits => from.filter((bit) => !some.includes(bit));
const both = (one: Bits, other: Bits): Bits => one.filter((bit) => other.includes(bit));
const joined = (one: Bits, other: Bits): Bits => [...one, ...without(other, one)];
const isSame = (one: Bits, other: Bits): boolean =>
  without(one, other).length + without(other, one).length === 0;

const off = (place: Place): Cpu => ({
  cr0: [],
  cr4: [],
  nxe: false,
  place,
  vmx: false,
  pins: nothing(),
  nxePinned: false,
  suspended: false,
  saved: null,
  wanted: null,
});

/** A machine that has just booted. */
export function booted(
  defence: Defence,
  vmm: Vmm,
  kernelPins: boolean,
  intercepts: World['intercepts'] = 'vmx',
): World {
  const world: World = {
    defence,
    vmm,
    intercepts,
    kernelPins,
    cpus: [off('no paging'), off('waits')],
    vm: nothing(),
    hasFeature: true,
    nativePins: null,
    dead: false,
  };
  boot(world);
  return world;
}

/** The pins that count for a CPU. */
function counted({ defence: { kvm }, vm }: World, { pins }: Cpu, register: Register): Pins {
  if (kvm?.of === 'one CPU') return pins[register];
  if (kvm?.of === 'the VM') return vm[register];
  return {
    low: joined(pins[register].low, vm[register].low),
    high: joined(pins[register].high, vm[register].high),
  };
}

/** Whether anything is pinned on the first CPU. */
export function isPinned({ cpus: [cpu], vm }: World): boolean {
  return [cpu.pins, vm].some(({ cr0, cr4 }) => [...cr0.high, ...cr4.high].length > 0);
}

function violates(world: World, cpu: Cpu, register: Register, value: Bits): boolean {
  const { kvm } = world.defence;
  const { low, high } = counted(world, cpu, register);
  if (kvm?.looksAt === 'all allowed bits') {
    return high.length > 0 && !isSame(both(value, kvm.allowed[register]), high);
  }
  return without(high, value).length + both(low, value).length > 0;
}

/**
 * Whether KVM looks at a write at all. Under VMX TS is the guest's own, and what changes nothing does
 * not exit; under SVM all writes of CR4 exit, and of CR0 those that change more than TS and MP.
 */
function isSeen({ intercepts }: World, cpu: Cpu, register: Register, value: Bits): boolean {
  if (intercepts === 'always' || (intercepts === 'svm' && register === 'cr4')) return true;
  const own: Bits = intercepts === 'svm' ? ['TS', 'MP'] : ['TS'];
  return !isSame(without(cpu[register], own), without(value, own));
}

function counts({ defence: { kvm }, hasFeature }: World, cpu: Cpu): boolean {
  if (kvm === undefined || !hasFeature || cpu.place === 'smm') return false;
  return cpu.place !== 'l2' || kvm.countsInL2;
}

/** A MOV to CR0 or CR4 of this value. */
export function mov(world: World, cpu: Cpu, register: Register, value: Bits): Answer {
  const { kvm } = world.defence;
  // VMX operation needs PE, NE and PG, and KVM looks at that first.
  if (register === 'cr0' && cpu.vmx && both(value, ['PE', 'NE', 'PG']).length < 3) return 'fault';
  if (counts(world, cpu) && kvm !== undefined) {
    if (cpu.suspended) {
      const isLate = register === 'cr0' && value.includes('PG');
      const isBad = violates(world, cpu, 'cr0', value) || violates(world, cpu, 'cr4', cpu.cr4);
      if (isLate && isBad) return 'fault';
    } else if (isSeen(world, cpu, register, value) && violates(world, cpu, register, value)) {
      return kvm.refusal === 'fault' ? 'fault' : 'dropped';
    }
  }
  // The architecture: long mode needs PAE, VMX operation VMXE.
  if (register === 'cr0' && value.includes('PG') && !cpu.cr4.includes('PAE')) return 'fault';
  if (register === 'cr4' && cpu.vmx && !value.includes('VMXE')) return 'fault';
  cpu[register] = value;
  if (register === 'cr0' && cpu.place !== 'l2') {
    cpu.place = value.includes('PG') ? 'paging' : 'no paging';
    if (value.includes('PG')) cpu.suspended = false;
  }
  return 'ok';
}

/** native_write_cr0() and native_write_cr4(): they write, and then look at what they wrote. */
export function callKernel(world: World, cpu: Cpu, register: Register, value: Bits): Answer {
  const { native } = world.defence;
  const first = mov(world, cpu, register, value);
  if (first === 'fault' || native === undefined || world.nativePins === null) return first;
  const kept = native.repairs === 'exactly' ? without(value, native.mask) : value;
  const good = register === 'cr0' ? joined(value, ['WP']) : joined(kept, world.nativePins);
  if (isSame(good, value)) return first;
  mov(world, cpu, register, good);
  return 'repaired';
}

/** LMSW, CLTS and task switches: KVM does not look at what its setter says. */
export function writeStatus(world: World, cpu: Cpu, value: Bits, isEmulated: boolean): Answer {
  const isChecked = counts(world, cpu) && !cpu.suspended;
  if (isChecked && (isEmulated || isSeen(world, cpu, 'cr0', value))) {
    if (violates(world, cpu, 'cr0', value)) return 'dropped';
  }
  cpu.cr0 = value;
  return 'ok';
}

/** A task switch sets TS; L2's is L1's business. */
export function taskSwitch(world: World, cpu: Cpu): Answer {
  if (cpu.place === 'l2') return leaveL2(world, cpu);
  return writeStatus(world, cpu, joined(cpu.cr0, ['TS']), true);
}

/** LMSW with only PE in the source, or nothing. PE is not cleared. */
export function lmsw(world: World, cpu: Cpu, source: Bits): Answer {
  const kept = without(cpu.cr0, ['MP', 'TS']);
  return writeStatus(world, cpu, joined(kept, source), false);
}

function store(world: World, cpu: Cpu, register: Register, polarity: Polarity, bits: Bits): void {
  const of = world.defence.kvm?.of;
  if (of !== 'the VM') cpu.pins[register] = { ...cpu.pins[register], [polarity]: bits };
  if (of === 'one CPU') return;
  const floor = joined(world.vm[register][polarity], bits);
  world.vm[register] = { ...world.vm[register], [polarity]: floor };
}

/** A request for pins through the MSRs. */
export function pin(
  world: World,
  cpu: Cpu,
  register: Register,
  polarity: Polarity,
  bits: Bits,
): Answer {
  // The numbers are in no MSR bitmap, so that L2's access is L1's business.
  if (cpu.place === 'l2') return leaveL2(world, cpu);
  const { kvm } = world.defence;
  if (kvm === undefined || kvm.ask === 'hypercall' || !world.hasFeature) return 'fault';
  if (kvm.ask === 'high' && polarity === 'low') return 'fault';
  if (without(bits, kvm.allowed[register]).length > 0) return 'fault';
  const own = cpu.pins[register];
  if (kvm.ask === 'mask and value') {
    const mask = joined(own.low, own.high);
    if (without(mask, bits).length > 0) return 'fault';
    store(world, cpu, register, polarity, joined(own[polarity], without(bits, mask)));
    return 'ok';
  }
  const opposite = counted(world, cpu, register)[polarity === 'low' ? 'high' : 'low'];
  if (both(bits, opposite).length > 0) return 'fault';
  if (kvm.leavingOut === 'fault' && without(own[polarity], bits).length > 0) return 'fault';
  store(world, cpu, register, polarity, joined(bits, own[polarity]));
  return 'ok';
}

/** Heki's hypercall. */
export function lock(world: World, cpu: Cpu, register: Register, bits: Bits): Answer {
  if (cpu.place === 'l2') return leaveL2(world, cpu);
  const { kvm } = world.defence;
  if (kvm?.ask !== 'hypercall' || !world.hasFeature || bits.length === 0) return 'refused';
  if (register === 'cr0' && !bits.includes('WP')) return 'refused';
  const may = register === 'cr0' ? HOST.cr0 : kvm.allowed.cr4;
  if (without(bits, may).length > 0) return 'refused';
  const locked = both(bits, HOST[register]);
  store(world, cpu, register, 'high', joined(world.vm[register].high, locked));
  return 'ok';
}

/** VMXON, where IA32_FEATURE_CONTROL allows it. */
export function vmxon(cpu: Cpu): Answer {
  if (!cpu.cr4.includes('VMXE')) return 'fault';
  if (cpu.vmx) return 'refused';
  if (both(cpu.cr0, ['PE', 'NE', 'PG']).length < 3) return 'fault';
  cpu.vmx = true;
  return 'ok';
}

/** WRMSR EFER with NXE clear. */
export function clearNxe(world: World, cpu: Cpu): Answer {
  if (cpu.nxePinned && counts(world, cpu) && !cpu.suspended) return 'fault';
  cpu.nxe = false;
  return 'ok';
}

/** Into the SMI handler: WP stays, paging and all of CR4 are off. */
export function smi(cpu: Cpu): Answer {
  const { cr0, cr4, nxe, place } = cpu;
  cpu.saved = { cr0, cr4, nxe, place };
  cpu.cr0 = without(cr0, ['PE', 'PG', 'TS']);
  cpu.cr4 = [];
  cpu.nxe = false;
  cpu.place = 'smm';
  return 'ok';
}

/** RSM, with the save area as the handler left it. */
export function rsm(world: World, cpu: Cpu): Answer {
  const { saved } = cpu;
  if (saved === null) return 'fault';
  const kvm = world.hasFeature ? world.defence.kvm : undefined;
  const patched = (register: Register): Bits => {
    const { high } = counted(world, cpu, register);
    if (kvm?.rsm !== 'patches' || high.length === 0) return saved[register];
    return joined(without(saved[register], kvm.allowed[register]), high);
  };
  const [cr0, cr4] = [patched('cr0'), patched('cr4')];
  const isLooked =
    kvm?.rsm === 'stops' || (kvm?.rsm === 'stops, but for L2' && saved.place !== 'l2');
  if (isLooked && (violates(world, cpu, 'cr0', cr0) || violates(world, cpu, 'cr4', cr4))) {
    world.dead = true;
    return 'stopped';
  }
  Object.assign(cpu, { cr0, cr4, nxe: saved.nxe, place: saved.place, saved: null });
  return 'ok';
}

/** L1 starts L2, and says what it wants back. */
export function enterL2(cpu: Cpu, guest: Registers, wanted: Registers): Answer {
  Object.assign(cpu, guest, { place: 'l2', wanted });
  return 'ok';
}

export function leaveL2(world: World, cpu: Cpu): Answer {
  const { wanted } = cpu;
  if (wanted === null) return 'refused';
  const kvm = world.hasFeature ? world.defence.kvm : undefined;
  const loaded = (register: Register): Bits => {
    const { low, high } = counted(world, cpu, register);
    if (kvm?.nestedExit === 'forces') return without(joined(wanted[register], high), low);
    const isKept = kvm?.nestedExit === 'leaves the register';
    return isKept && violates(world, cpu, register, wanted[register])
      ? cpu[register]
      : wanted[register];
  };
  const [cr0, cr4] = [loaded('cr0'), loaded('cr4')];
  Object.assign(cpu, { cr0, cr4, nxe: wanted.nxe, place: 'paging', wanted: null });
  return 'exit';
}

/** INIT and SIPI to a CPU: it runs in real mode, wherever it was. */
export function restart(world: World, cpu: Cpu): void {
  const init = world.defence.kvm?.init ?? 'clears';
  const { pins, nxePinned } = cpu;
  Object.assign(cpu, off('no paging'));
  if (init === 'clears') return;
  Object.assign(cpu, { pins, nxePinned, suspended: init === 'suspends' });
}

/** A sequence of writes that must not fail: before there are handlers a fault is the end. */
function mustDo(world: World, steps: readonly (() => Answer)[]): void {
  for (const step of steps) {
    if (step() === 'fault') world.dead = true;
    if (world.dead) return;
  }
}

/** The far jump behind the write that sets PE leads nowhere where that write was dropped. */
const jumpAfter = (write: Answer): Answer => (write === 'ok' ? 'ok' : 'fault');

/** What a kernel pins by itself on one CPU, where the hypervisor tells it that it can. */
function pinAll(world: World, cpu: Cpu): readonly (() => Answer)[] {
  const { kvm } = world.defence;
  if (kvm === undefined || !world.hasFeature) return [];
  const wanted = both(cpu.cr4, kvm.allowed.cr4);
  if (kvm.ask === 'hypercall') {
    return [() => lock(world, cpu, 'cr0', ['WP']), () => lock(world, cpu, 'cr4', wanted)];
  }
  const pinNxe = (): Answer => {
    cpu.nxePinned = kvm.pinsNxe;
    return 'ok';
  };
  return [
    () => pin(world, cpu, 'cr0', 'high', ['WP']),
    () => pin(world, cpu, 'cr4', 'high', wanted),
    pinNxe,
  ];
}

function setEfer(cpu: Cpu): Answer {
  cpu.nxe = true;
  return 'ok';
}

/** The start of a kernel that runs in 64-bit mode already, and remembers its CR4. */
function start64(world: World, cpu: Cpu): void {
  mustDo(world, [
    () => mov(world, cpu, 'cr4', ['PAE']),
    () => mov(world, cpu, 'cr0', KERNEL_CR0),
    () => mov(world, cpu, 'cr4', KERNEL_CR4),
  ]);
  if (world.dead) return;
  const { native } = world.defence;
  world.nativePins = native === undefined ? null : both(cpu.cr4, native.mask);
  if (world.kernelPins) mustDo(world, pinAll(world, cpu));
}

/** The boot CPU from real mode on. */
export function boot(world: World): void {
  const [cpu] = world.cpus;
  mustDo(world, [
    () => jumpAfter(mov(world, cpu, 'cr0', ['PE'])),
    () => mov(world, cpu, 'cr4', ['PAE']),
    () => setEfer(cpu),
    () => mov(world, cpu, 'cr0', ['PE', 'PG']),
  ]);
  if (!world.dead) start64(world, cpu);
}

/** The kernel brings the other CPU up, with its own CR4. */
export function bringUp(world: World): void {
  const [, cpu] = world.cpus;
  restart(world, cpu);
  const steps = [
    () => jumpAfter(lmsw(world, cpu, ['PE'])),
    () => mov(world, cpu, 'cr4', KERNEL_CR4),
    () => setEfer(cpu),
    () => mov(world, cpu, 'cr0', ['PE', 'PG', 'WP']),
    () => mov(world, cpu, 'cr0', KERNEL_CR0),
  ];
  mustDo(world, steps);
  if (!world.dead && world.kernelPins) mustDo(world, pinAll(world, cpu));
}

/** Real mode to long mode by somebody who wants nothing that guards, or only these bits. */
export function enterLongMode(world: World, cpu: Cpu, cr0: Bits = [], cr4: Bits = []): void {
  lmsw(world, cpu, ['PE']);
  mov(world, cpu, 'cr4', ['PAE', ...cr4]);
  setEfer(cpu);
  mov(world, cpu, 'cr0', ['PE', 'PG', ...cr0]);
}

/** Paging off, then protection. Refused as a whole, or done as a whole. */
export function leavePaging(world: World, cpu: Cpu): Answer {
  const first = mov(world, cpu, 'cr0', without(cpu.cr0, ['PG']));
  return first === 'ok' ? mov(world, cpu, 'cr0', without(cpu.cr0, ['PE'])) : first;
}

/** The reset button, and the kernel's start. */
export function reboot(world: World): void {
  const { kvm } = world.defence;
  const forgets = world.vmm === 'no-clear-on-reset' && kvm?.isVmms !== true;
  const fresh: readonly Place[] = ['no paging', 'waits'];
  world.cpus.forEach((cpu, index) => {
    const { pins, nxePinned } = cpu;
    Object.assign(cpu, off(fresh[index] ?? 'waits'), forgets ? { pins, nxePinned } : {});
  });
  // What the hypercall locked stays locked.
  if (!forgets && kvm?.ask !== 'hypercall') world.vm = nothing();
  Object.assign(world, { nativePins: null, dead: false });
  boot(world);
}

/** To another host, by a VMM that does not mind what the destination refuses. */
export function migrate(world: World): void {
  const { kvm } = world.defence;
  if (kvm === undefined || kvm.isVmms) return;
  const areLost = world.vmm !== 'good' && world.vmm !== 'no-clear-on-reset';
  if (areLost || !world.hasFeature || kvm.ask === 'hypercall') {
    for (const cpu of world.cpus) Object.assign(cpu, { pins: nothing(), nxePinned: false });
    world.vm = nothing();
  }
  if (world.vmm === 'old-host') world.hasFeature = false;
}

/** A kernel that pins nothing by itself starts another one; the pins were made by hand. */
export function kexec(world: World): void {
  const [cpu] = world.cpus;
  mustDo(world, pinAll(world, cpu));
  if (world.defence.kvm?.hasKexecToken === true) {
    for (const one of world.cpus) one.pins = nothing();
    world.vm = nothing();
  }
  mustDo(world, [
    () => mov(world, cpu, 'cr0', without(cpu.cr0, ['WP', 'AM', 'TS'])),
    () => mov(world, cpu, 'cr4', ['PAE']),
  ]);
  if (!world.dead) start64(world, cpu);
}
