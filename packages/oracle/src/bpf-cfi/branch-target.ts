// SPDX-License-Identifier: MIT
import { VECTORS } from '@kernel-models/hw-model/cpu';
import {
  PIECE_SIZE,
  type BranchOperation,
  type BranchOutcome,
  type BranchSetup,
} from '@kernel-models/hw-model/instructions';
import { CPU_WITH_IBT } from '../bochs/bochs.ts';
import { runBochs } from '../bochs/emulator.ts';
import type { FirmwareProgram } from '../bochs/firmware.ts';
import { bochsTargetOf } from '../bochs/target.ts';
import type { Answer, Target } from '../target.ts';
import { unsupported, type BranchCase } from './branch-cases.ts';

/** The status flags of RFLAGS; the others say how a processor saves them. */
const STATUS_FLAGS = 0x8d5n;

const BRANCHES: FirmwareProgram = { name: 'indirect-branches', caseSize: 152 };

/** Bochs as a CPU that tracks indirect branches. */
export function branchTarget(): Target<BranchSetup, BranchOperation, BranchOutcome> {
  return bochsTargetOf({ model: 'hw-model.instructions', program: BRANCHES, answers });
}

async function* answers(cases: readonly BranchCase[]): AsyncGenerator<Answer<BranchOutcome>> {
  const own = cases.filter((one) => unsupported(one) === undefined);
  const lines = await runBochs(CPU_WITH_IBT, own.map(encodeCase), BRANCHES);
  const answered = new Map(own.map((one, index) => [one, decodeAnswer(one, lines[index] ?? '')]));
  for (const one of cases) {
    yield answered.get(one) ?? { outcomes: [], lacks: unsupported(one) ?? 'no answer' };
  }
}

/** RFLAGS of the first instruction: TF; IOPL of 3, so that CPL 3 may set IF. */
const FLAGS = { plain: 2, stepping: 0x102, interrupted: 0x3002 } as const;
const NO_VECTOR = 32;

/** A case as the firmware reads it: probes/bochs/indirect-branches.S. */
function encodeCase({ setup, operations }: BranchCase): Uint8Array {
  const [operation] = operations;
  if (operation === undefined) throw new RangeError('case: expected an operation, got none');
  const record = Buffer.alloc(BRANCHES.caseSize, 0xcc);
  record.fill(0, 0, 40);
  record.writeBigUInt64LE(setup.uCet, 8);
  record.writeBigUInt64LE(setup.sCet, 16);
  record.writeUInt32LE(setup.cet ? 1 : 0, 32);
  if (operation.op === 'wrmsr') {
    record.writeUInt32LE(operation.msr === 'uCet' ? 1 : 2, 0);
    record.writeBigUInt64LE(operation.value, 24);
    return record;
  }
  record.writeUInt32LE(operation.cpl, 4);
  record.fill(operation.bitmap, 36, 40);
  const { code, target, second, handler } = operation;
  for (const [index, piece] of [code, target, second, handler].entries()) {
    record.write(piece, 40 + PIECE_SIZE * index, 'hex');
  }
  const { start, handled, absent } = operation;
  record.writeUInt32LE(FLAGS[start], 136);
  record.writeUInt32LE(start === 'interrupted' ? 1 : 0, 140);
  record.writeUInt32LE(handled ?? NO_VECTOR, 144);
  record.writeUInt32LE(absent ?? NO_VECTOR, 148);
  return record;
}

const LINE = /^(?:(D)|F([0-9a-f]{8})(?:-|\+([0-9a-f]{8}))) ((?:[0-9a-f]{16} ?){7})$/;

function decodeAnswer({ operations }: BranchCase, line: string): Answer<BranchOutcome> {
  const match = LINE.exec(line.trim());
  if (match === null) return { outcomes: [], failure: `the firmware said ${line || 'nothing'}` };
  const [, done, vectorText = '', error, quantities = ''] = match;
  const [uCet = 0n, sCet = 0n, rip = 0n, rsp = 0n, rflags = 0n, rax = 0n, cs = 0n] = quantities
    .trim()
    .split(' ')
    .map((text) => BigInt(`0x${text}`));
  if (done !== undefined) return { outcomes: [{ kind: 'written', uCet, sCet }] };
  const vector = VECTORS.find((one) => one === Number.parseInt(vectorText, 16));
  if (vector === undefined) return { outcomes: [], failure: `an exception ${vectorText}` };
  if (operations[0]?.op === 'wrmsr') return { outcomes: [{ kind: 'refused', uCet, sCet }] };
  const errorCode = error === undefined ? null : Number.parseInt(error, 16);
  const flags = Number(rflags & STATUS_FLAGS);
  const cpl = (cs & 3n) === 0n ? 0 : 3;
  const outcome = { kind: 'exception', vector, errorCode, rip, rsp, rax, flags, cpl } as const;
  return { outcomes: [{ ...outcome, uCet, sCet }] };
}
