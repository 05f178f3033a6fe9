// SPDX-License-Identifier: MIT
import { REGISTER_NAMES, type RegisterName, type Registers, type Tdcall } from './operation.ts';
import type { TdState } from './state.ts';
import { operandInvalid } from './status.ts';
import { completed, inOrder, step, type TdStep } from './steps.ts';

const before = inOrder('vmcall.mask', 'vmcall.success');

/** Mask bits of RAX, RCX and RSP, which are never exposed, and bits 63:32. */
const FORBIDDEN = 0xffff_ffff_0000_0013n;
const RBP_BIT = 1n << 5n;

/**
 * TDG.VP.VMCALL (0): RCX = mask of the registers that the host sees and may change. XMM bits are
 * accepted; vector registers are not modelled. Mirrors TDG.VP.VMCALL of the ABI specification.
 */
export function vpVmcall(td: TdState, { registers, reply }: Tdcall): TdStep {
  const { rcx = 0n } = registers;
  const forbidden = td.params.noRbpMod ? FORBIDDEN | RBP_BIT : FORBIDDEN;
  if ((rcx & forbidden) !== 0n) {
    return step(td, completed(operandInvalid('RCX')), 'vmcall.mask', before('vmcall.mask'));
  }
  const exposed = REGISTER_NAMES.filter((_, index) => ((rcx >> BigInt(index)) & 1n) === 1n);
  const hostView = pick(registers, exposed);
  return step(
    td,
    { kind: 'completed', rax: 0n, registers: pick(reply, exposed), hostView },
    'vmcall.success',
    before('vmcall.success'),
  );
}

function pick(registers: Registers, names: readonly RegisterName[]): Registers {
  return Object.fromEntries(names.map((name) => [name, registers[name] ?? 0n]));
}
