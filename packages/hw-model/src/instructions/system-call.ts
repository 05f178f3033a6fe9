// SPDX-License-Identifier: MIT
import { VECTOR } from '../cpu/exception.ts';
import {
  MSR_IA32_SYSENTER_CS,
  MSR_IA32_SYSENTER_EIP,
  MSR_IA32_SYSENTER_ESP,
  MSR_LSTAR,
  MSR_STAR,
  MSR_SYSCALL_MASK,
} from '../cpu/msr-numbers.ts';
import { RFLAGS_FIXED } from '../cpu/registers.ts';
import { RFLAGS_DEFINED, RFLAGS_IF, RFLAGS_RF, RFLAGS_VM } from './flags.ts';
import { Fault, Unsupported } from './fault.ts';
import type { Executor } from './machine.ts';
import { enterCode, tablesOf } from './segments.ts';

/*
 * SYSCALL, SYSENTER and their returns, in 64-bit mode. Intel SDM volume 2. The segments are not
 * looked up: the MSRs imply them. Both entries wait for ENDBR64 where CPL 0 is tracked; the returns
 * change no tracker.
 */

const RCX = 1;
const RDX = 2;
const RSP = 4;
const R11 = 11;

export const syscall: Executor = (machine, { mnemonic }) => {
  tablesOf(machine, mnemonic);
  if (!machine.hasSystemCalls) throw new Fault(VECTOR.UD);
  const selector = Number((machine.msr(MSR_STAR) >> 32n) & 0xfffcn);
  const { rflags } = machine;
  machine.setWide(RCX, machine.next);
  machine.setWide(R11, rflags & ~RFLAGS_RF);
  machine.rflags = (rflags & ~machine.msr(MSR_SYSCALL_MASK) & ~RFLAGS_RF) | RFLAGS_FIXED;
  enterCode(machine, { selector, cpl: 0 });
  machine.ss = selector + 8;
  machine.next = machine.msr(MSR_LSTAR);
  machine.awaitLanding();
};

export const sysret: Executor = (machine, { mnemonic, size }) => {
  tablesOf(machine, mnemonic);
  if (!machine.hasSystemCalls) throw new Fault(VECTOR.UD);
  if (machine.cpl !== 0) throw new Fault(VECTOR.GP, 0);
  if (size !== 8) throw new Unsupported('SYSRET to compatibility mode');
  const rip = machine.wide(RCX);
  machine.requireCanonical(rip);
  const base = Number((machine.msr(MSR_STAR) >> 48n) & 0xffffn);
  const taken = RFLAGS_DEFINED & ~(RFLAGS_RF | RFLAGS_VM);
  machine.rflags = (machine.wide(R11) & taken) | RFLAGS_FIXED;
  enterCode(machine, { selector: base + 16, cpl: 3 });
  machine.ss = (base + 8) | 3;
  machine.next = rip;
};

export const sysenter: Executor = (machine, { mnemonic }) => {
  tablesOf(machine, mnemonic);
  const selector = Number(machine.msr(MSR_IA32_SYSENTER_CS) & 0xfffcn);
  if (selector === 0) throw new Fault(VECTOR.GP, 0);
  machine.systemFlags &= ~(RFLAGS_IF | RFLAGS_RF | RFLAGS_VM);
  enterCode(machine, { selector, cpl: 0 });
  machine.ss = selector + 8;
  machine.setWide(RSP, machine.msr(MSR_IA32_SYSENTER_ESP));
  machine.next = machine.msr(MSR_IA32_SYSENTER_EIP);
  machine.awaitLanding();
};

export const sysexit: Executor = (machine, { mnemonic, size }) => {
  tablesOf(machine, mnemonic);
  const selector = Number(machine.msr(MSR_IA32_SYSENTER_CS) & 0xfffcn);
  if (selector === 0 || machine.cpl !== 0) throw new Fault(VECTOR.GP, 0);
  if (size !== 8) throw new Unsupported('SYSEXIT to compatibility mode');
  const [rip, rsp] = [machine.wide(RDX), machine.wide(RCX)];
  machine.requireCanonical(rip);
  machine.requireCanonical(rsp);
  enterCode(machine, { selector: selector + 32, cpl: 3 });
  machine.ss = (selector + 40) | 3;
  machine.setWide(RSP, rsp);
  machine.next = rip;
};
