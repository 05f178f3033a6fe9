// SPDX-License-Identifier: MIT
import type { Step } from '@kernel-models/model-core';
import { VECTOR } from '../../cpu/exception.ts';
import { CR4_CET, EFER_SCE } from '../../cpu/registers.ts';
import { IA32_S_CET, IA32_U_CET } from '../cet.ts';
import { STATUS } from '../flags.ts';
import { machineState } from '../machine-setup.ts';
import { register, type MachineEvent, type MachineState, type Page } from '../machine-state.ts';
import { mapBytes } from '../memory.ts';
import { run } from '../run.ts';
import { handlerEntry } from './handler-entry.ts';
import {
  BITMAP,
  CODE,
  HANDLER,
  KERNEL_STACK,
  PIECE_SIZE,
  POINTER,
  SECOND,
  STACK,
  TARGET,
} from './layout.ts';
import type { BranchOperation } from './operation.ts';
import type { BranchOutcome } from './outcome.ts';
import type { Features } from './revisions.ts';
import type { BranchRule } from './rules.ts';
import type { BranchState } from './state.ts';
import {
  FAR_POINTERS,
  SELECTOR,
  SHORT_FAR_POINTERS,
  START_FLAGS,
  SYSTEM_CALL_MSRS,
  systemOf,
} from './tables.ts';

type Execution = Extract<BranchOperation, { op: 'execute' }>;

/** More instructions than four pieces without a loop have. */
const LIMIT = 300;

/** Runs code from IRET to an exception, and the exception's handler up to its ENDBR64. */
export function executeCode(
  state: BranchState,
  operation: Execution,
  features: Features,
): Step<BranchState, BranchOutcome> {
  const result = run(machineOf(state, operation, features), LIMIT);
  const { event } = result;
  if (event.kind !== 'exception') {
    const outcome = { kind: 'unsupported', reason: reasonOf(event) } as const;
    return { state, outcome, rule: 'execute.unsupported', trail: [] };
  }
  const { msrs } = result.state.control;
  const { uCet, sCet, ...after } = handlerEntry(
    { ...state, uCet: msrs[IA32_U_CET] ?? 0n, sCet: msrs[IA32_S_CET] ?? 0n },
    features,
  );
  const outcome: BranchOutcome = {
    kind: 'exception',
    vector: event.vector,
    errorCode: event.errorCode ?? null,
    rip: event.rip,
    rsp: event.rsp,
    rax: register(result.state, 'rax'),
    flags: Number(event.rflags & BigInt(STATUS)),
    cpl: event.cpl,
    uCet,
    sCet,
  };
  return { state: { ...after, uCet, sCet }, outcome, rule: ruleOf(event.vector), trail: [] };
}

function reasonOf(event: Exclude<MachineEvent, { kind: 'exception' }>): string {
  return event.kind === 'unsupported' ? event.reason : event.kind;
}

function ruleOf(vector: number): BranchRule {
  switch (vector) {
    case VECTOR.CP:
      return 'execute.missing-endbranch';
    case VECTOR.BP:
      return 'execute.breakpoint';
    case VECTOR.DB:
      return 'execute.debug';
    case VECTOR.UD:
      return 'execute.invalid-opcode';
    case VECTOR.PF:
      return 'execute.page';
    case VECTOR.NP:
      return 'execute.gate-not-present';
    case VECTOR.SS:
      return 'execute.stack';
    case VECTOR.DF:
      return 'execute.double-fault';
    default:
      return 'execute.protection';
  }
}

function machineOf(state: BranchState, operation: Execution, quirks: Features): MachineState {
  const { cpl } = operation;
  const made = machineState({
    ibt: false,
    cpl,
    rip: CODE,
    registers: { rax: TARGET, rbx: POINTER, rcx: SECOND, rdx: SECOND, r11: TARGET, rsp: STACK },
    pages: pagesOf(operation),
  });
  const { control } = made;
  return {
    ...made,
    quirks,
    system: systemOf(operation),
    control: {
      ...control,
      cs: { ...control.cs, selector: cpl === 0 ? SELECTOR.KERNEL_CODE : SELECTOR.USER_CODE },
      efer: control.efer | EFER_SCE,
      rflags: control.rflags | START_FLAGS[operation.start],
      cr4: state.cet ? control.cr4 | CR4_CET : control.cr4 & ~CR4_CET,
      msrs: {
        ...control.msrs,
        ...SYSTEM_CALL_MSRS,
        [IA32_U_CET]: state.uCet,
        [IA32_S_CET]: state.sCet,
      },
    },
  };
}

const INT3 = 0xcc;
const PAGE = 4096;

/** Every page may be written and executed: what is tried is branches. */
function pagesOf({ code, target, second, handler, bitmap }: Execution): readonly Page[] {
  const permissions = { writable: true, executable: true, user: true };
  const contents: readonly (readonly [bigint, Uint8Array])[] = [
    [CODE, pieceOf(code)],
    [TARGET, pieceOf(target)],
    [SECOND, pieceOf(second)],
    [HANDLER, pieceOf(handler)],
    [POINTER, pointersOf()],
    [STACK & ~0xfffn, new Uint8Array(PAGE)],
    [KERNEL_STACK & ~0xfffn, new Uint8Array(PAGE)],
    [BITMAP, new Uint8Array(PAGE).fill(bitmap)],
  ];
  return contents.flatMap(([address, bytes]) => mapBytes([], address, bytes, permissions));
}

/** The page that RBX points to. */
function pointersOf(): Uint8Array {
  const page = new Uint8Array(PAGE);
  const view = new DataView(page.buffer);
  view.setBigUint64(0, TARGET, true);
  for (const [at, offset, selector] of FAR_POINTERS) {
    view.setBigUint64(at, offset, true);
    view.setUint16(at + 8, selector, true);
  }
  for (const [at, selector] of SHORT_FAR_POINTERS) {
    view.setUint32(at, Number(TARGET), true);
    view.setUint16(at + 4, selector, true);
  }
  return page;
}

function pieceOf(hex: string): Uint8Array {
  const page = new Uint8Array(PAGE).fill(INT3);
  for (let index = 0; index < Math.min(PIECE_SIZE, hex.length / 2); index += 1) {
    page[index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  }
  return page;
}
