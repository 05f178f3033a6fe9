// SPDX-License-Identifier: MIT
import { VECTOR } from '../cpu/exception.ts';
import { callf, jmpf, retf } from './far-transfer.ts';
import { CF, holds, STATUS } from './flags.ts';
import {
  CONDITIONS,
  type ImmediateOperand,
  type Instruction,
  type Operand,
  type OperandSize,
} from './instruction.ts';
import { int, int1, int3, iret, sti } from './interrupts.ts';
import { Fault, Halt, Unsupported } from './fault.ts';
import type { Executor, Machine } from './machine.ts';
import { syscall, sysenter, sysexit, sysret } from './system-call.ts';

/*
 * What each instruction does. Intel SDM volume 2. An instruction that is decoded and not here is a
 * real one that nobody has needed yet: `unsupported`.
 */

function operand(instruction: Instruction, index: number): Operand {
  const found = instruction.operands[index];
  if (found === undefined)
    throw new RangeError(`${instruction.mnemonic}: expected operand ${index}`);
  return found;
}

function displacement(instruction: Instruction): ImmediateOperand {
  const found = operand(instruction, 0);
  if (found.kind !== 'immediate') throw new RangeError('branch: expected a distance');
  return found;
}

// --- moves

const mov: Executor = (machine, instruction) => {
  machine.read(operand(instruction, 1));
  machine.write(operand(instruction, 0), machine.low, machine.high);
};

/** MOVZX, MOVSX and MOVSXD: the source is narrower than the destination. */
function extend(signed: boolean): Executor {
  return (machine, instruction) => {
    const source = operand(instruction, 1);
    machine.read(source);
    let { low } = machine;
    if (signed && 'size' in source && source.size < 4) {
      const shift = 32 - 8 * source.size;
      low = (low << shift) >> shift;
    }
    machine.write(operand(instruction, 0), low, signed ? low >> 31 : 0);
  };
}

const lea: Executor = (machine, instruction) => {
  const source = operand(instruction, 1);
  if (source.kind !== 'memory') throw new Fault(VECTOR.UD);
  machine.address(source);
  machine.write(operand(instruction, 0), machine.low, machine.high);
};

const cmov: Executor = (machine, instruction) => {
  const [destination, source] = [operand(instruction, 0), operand(instruction, 1)];
  machine.read(source);
  // The register is written in either case: its upper half is zero afterwards with 32-bit operands.
  if (!holds(instruction.condition, machine.flags)) machine.read(destination);
  machine.write(destination, machine.low, machine.high);
};

// --- arithmetic

type Combine = (
  machine: Machine,
  size: OperandSize,
  al: number,
  ah: number,
  bl: number,
  bh: number,
) => void;

/** Two operands, the first of which becomes the result unless it is only compared. */
function binary(combine: Combine, writes: boolean): Executor {
  return (machine, instruction) => {
    const destination = operand(instruction, 0);
    machine.read(operand(instruction, 1));
    const { low, high } = machine;
    machine.read(destination);
    const { alu } = machine;
    combine(machine, instruction.size, machine.low, machine.high, low, high);
    if (writes) machine.write(destination, alu.low, alu.high);
    machine.flags = alu.flags;
  };
}

const ADD: Combine = ({ alu }, size, al, ah, bl, bh) => alu.add(size, al, ah, bl, bh);
const SUB: Combine = ({ alu }, size, al, ah, bl, bh) => alu.sub(size, al, ah, bl, bh);
const AND: Combine = ({ alu }, size, al, ah, bl, bh) => alu.logic(size, al & bl, ah & bh);
const OR: Combine = ({ alu }, size, al, ah, bl, bh) => alu.logic(size, al | bl, ah | bh);
const XOR: Combine = ({ alu }, size, al, ah, bl, bh) => alu.logic(size, al ^ bl, ah ^ bh);

/** INC and DEC leave CF alone. */
function count(step: 1 | -1): Executor {
  return (machine, instruction) => {
    const destination = operand(instruction, 0);
    machine.read(destination);
    const { alu } = machine;
    if (step === 1) alu.add(instruction.size, machine.low, machine.high, 1, 0);
    else alu.sub(instruction.size, machine.low, machine.high, 1, 0);
    machine.write(destination, alu.low, alu.high);
    machine.flags = (alu.flags & ~CF) | (machine.flags & CF);
  };
}

const neg: Executor = (machine, instruction) => {
  const destination = operand(instruction, 0);
  machine.read(destination);
  const { alu } = machine;
  alu.sub(instruction.size, 0, 0, machine.low, machine.high);
  machine.write(destination, alu.low, alu.high);
  machine.flags = alu.flags;
};

const not: Executor = (machine, instruction) => {
  const destination = operand(instruction, 0);
  machine.read(destination);
  machine.write(destination, ~machine.low, ~machine.high);
};

const RAX = 0;
const RCX = 1;
const RDX = 2;

/** DIV. The flags are undefined behind it; they are left alone here. */
const div: Executor = (machine, instruction) => {
  const { size } = instruction;
  // 8-bit division has its dividend in AX; the others have it in two registers.
  if (size === 1) throw new Unsupported('DIV of a byte');
  const bits = 8 * size;
  machine.read(operand(instruction, 0));
  const divisor = BigInt.asUintN(bits, machine.value);
  const high = BigInt.asUintN(bits, machine.wide(RDX)) << BigInt(bits);
  const dividend = high | BigInt.asUintN(bits, machine.wide(RAX));
  if (divisor === 0n || (dividend / divisor) >> BigInt(bits) !== 0n) throw new Fault(VECTOR.DE);
  const [quotient, remainder] = [dividend / divisor, dividend % divisor];
  machine.writeWide(RAX, size, quotient);
  machine.writeWide(RDX, size, remainder);
};

type Shift = (machine: Machine, size: OperandSize, count: number) => void;

/** A count of zero, after masking, changes nothing at all. */
function shift(apply: Shift): Executor {
  return (machine, instruction) => {
    const [destination, amount] = [operand(instruction, 0), operand(instruction, 1)];
    if (amount.kind !== 'immediate') throw new Unsupported('a shift by CL');
    const masked = amount.low & (instruction.size === 8 ? 0x3f : 0x1f);
    machine.read(destination);
    if (masked === 0) {
      machine.write(destination, machine.low, machine.high);
      return;
    }
    apply(machine, instruction.size, masked);
    machine.write(destination, machine.alu.low, machine.alu.high);
    machine.flags = machine.alu.flags;
  };
}

const shl: Shift = ({ alu, low, high, flags }, size, by) => alu.shl(size, low, high, by, flags);
const shr: Shift = ({ alu, low, high, flags }, size, by) =>
  alu.shr(size, low, high, by, flags, false);
const sar: Shift = ({ alu, low, high, flags }, size, by) =>
  alu.shr(size, low, high, by, flags, true);

// --- stack

const push: Executor = (machine, instruction) => {
  machine.read(operand(instruction, 0));
  machine.push(instruction.size, machine.low, machine.high);
};

const RSP = 4;

/** An address that uses RSP uses it as it is after the pop. */
const pop: Executor = (machine, instruction) => {
  const destination = operand(instruction, 0);
  const [oldLow, oldHigh] = [machine.registers[2 * RSP] ?? 0, machine.registers[2 * RSP + 1] ?? 0];
  machine.pop(instruction.size);
  const { low, high } = machine;
  try {
    machine.write(destination, low, high);
  } catch (fault) {
    machine.registers[2 * RSP] = oldLow;
    machine.registers[2 * RSP + 1] = oldHigh;
    throw fault;
  }
};

const RBP = 5;

const leave: Executor = (machine) => {
  const { registers } = machine;
  const [low, high] = [registers[2 * RBP] ?? 0, registers[2 * RBP + 1] ?? 0];
  machine.readAt(low, high, 8, true);
  const next = (low + 8) | 0;
  registers[2 * RSP] = next;
  registers[2 * RSP + 1] = (high + (next >>> 0 < 8 ? 1 : 0)) | 0;
  registers[2 * RBP] = machine.low;
  registers[2 * RBP + 1] = machine.high;
};

// --- branches

const jcc: Executor = (machine, instruction) => {
  if (holds(instruction.condition, machine.flags)) machine.branchBy(displacement(instruction));
};

/** An indirect branch makes the next instruction have to be ENDBR64. */
function track(machine: Machine, instruction: Instruction): void {
  if (!machine.tracking || machine.tracker === 'suppressed') return;
  const exempt =
    instruction.noTrack || (instruction.overriddenNoTrack && machine.quirks.anyNoTrackPrefix);
  if (exempt && machine.honoursNoTrack) return;
  machine.tracker = 'wait';
}

/** LOOP counts in RCX, with prefix 67 in ECX, and leaves the flags alone. */
const loop: Executor = (machine, instruction) => {
  const count = BigInt.asUintN(8 * instruction.size, machine.wide(RCX) - 1n);
  machine.setWide(RCX, count);
  if (count !== 0n) machine.branchBy(displacement(instruction));
};

const jmp: Executor = (machine, instruction) => {
  const target = operand(instruction, 0);
  if (target.kind === 'immediate') {
    machine.branchBy(target);
    return;
  }
  machine.read(target);
  machine.branch(machine.low, machine.high);
  track(machine, instruction);
};

const call: Executor = (machine, instruction) => {
  requireNoShadowStack(machine);
  const target = operand(instruction, 0);
  const [returnLow, returnHigh] = [machine.nextLow, machine.nextHigh];
  if (target.kind === 'immediate') machine.branchBy(target);
  else {
    machine.read(target);
    machine.branch(machine.low, machine.high);
  }
  machine.push(8, returnLow, returnHigh);
  if (target.kind !== 'immediate') track(machine, instruction);
};

const ret: Executor = (machine, instruction) => {
  requireNoShadowStack(machine);
  const extra = instruction.operands[0];
  const bytes = extra?.kind === 'immediate' ? extra.low : 0;
  const [oldLow, oldHigh] = [machine.registers[2 * RSP] ?? 0, machine.registers[2 * RSP + 1] ?? 0];
  machine.pop(8, bytes);
  try {
    machine.branch(machine.low, machine.high);
  } catch (fault) {
    machine.registers[2 * RSP] = oldLow;
    machine.registers[2 * RSP + 1] = oldHigh;
    throw fault;
  }
};

function requireNoShadowStack(machine: Machine): void {
  if (machine.shadowStack) throw new Unsupported('calls with a shadow stack');
}

// --- the rest

const nothing: Executor = () => undefined;

const endbr64: Executor = (machine) => {
  if (machine.endbranchResets) machine.tracker = 'idle';
};

const undefinedOpcode: Executor = () => {
  throw new Fault(VECTOR.UD);
};

const hlt: Executor = (machine) => {
  if (machine.cpl !== 0) throw new Fault(VECTOR.GP, 0);
  throw new Halt();
};

/** Without shadow stacks these are #UD. */
const shadowStack: Executor = (machine, { mnemonic }) => {
  if (machine.shadowStack) throw new Unsupported(mnemonic);
  throw new Fault(VECTOR.UD);
};

const rdssp: Executor = (machine, { mnemonic }) => {
  if (machine.shadowStack) throw new Unsupported(mnemonic);
};

const cmc: Executor = (machine) => {
  machine.flags = (machine.flags ^ CF) & STATUS;
};

const EXECUTORS: ReadonlyMap<string, Executor> = new Map<string, Executor>([
  ['mov', mov],
  ['movzx', extend(false)],
  ['movsx', extend(true)],
  ['movsxd', extend(true)],
  ['lea', lea],
  ['add', binary(ADD, true)],
  ['sub', binary(SUB, true)],
  ['cmp', binary(SUB, false)],
  ['and', binary(AND, true)],
  ['test', binary(AND, false)],
  ['or', binary(OR, true)],
  ['xor', binary(XOR, true)],
  ['inc', count(1)],
  ['dec', count(-1)],
  ['neg', neg],
  ['not', not],
  ['div', div],
  ['shl', shift(shl)],
  ['shr', shift(shr)],
  ['sar', shift(sar)],
  ['push', push],
  ['pop', pop],
  ['leave', leave],
  ['jmp', jmp],
  ['call', call],
  ['ret', ret],
  ['loop', loop],
  ['cmc', cmc],
  ...['nop', 'pause', 'lfence', 'endbr32'].map((name) => [name, nothing] as const),
  ['endbr64', endbr64],
  ...['ud0', 'ud1', 'ud2'].map((name) => [name, undefinedOpcode] as const),
  ['jmpf', jmpf],
  ['callf', callf],
  ['retf', retf],
  ['int', int],
  ['int3', int3],
  ['int1', int1],
  ['iret', iret],
  ['sti', sti],
  ['syscall', syscall],
  ['sysret', sysret],
  ['sysenter', sysenter],
  ['sysexit', sysexit],
  ['hlt', hlt],
  ['rdssp', rdssp],
  ...['incssp', 'saveprevssp', 'rstorssp', 'wrss', 'setssbsy', 'clrssbsy'].map(
    (name) => [name, shadowStack] as const,
  ),
]);

/**
 * The executor of an instruction: also of one that nobody executes, which says so when it is run.
 */
export function executorOf({ mnemonic, condition }: Instruction): Executor {
  const known = EXECUTORS.get(mnemonic);
  if (known !== undefined) return known;
  if (isConditional(mnemonic, 'j', condition)) return jcc;
  if (isConditional(mnemonic, 'cmov', condition)) return cmov;
  return () => {
    throw new Unsupported(mnemonic);
  };
}

function isConditional(mnemonic: string, prefix: string, condition: number): boolean {
  return mnemonic === `${prefix}${CONDITIONS[condition] ?? ''}`;
}
