// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import { tagged, viewOf } from './bytes.ts';
import { EXTEND_CHUNK_SIZE, PAGE_SIZE } from './constants.ts';
import { bytesAt, classifyGpa, findEntry, frameKey } from './guest-memory.ts';
import type { HostOperation } from './operation.ts';
import type { TdState } from './state.ts';
import { operandInvalid, statusWith, type OperandName } from './status.ts';
import { inOrder, SEAMCALL_SUCCESS, step, type TdStep } from './steps.ts';
import type { RuleName } from './rules.ts';
import { areAttributesValid, isXfamValid } from './td-params.ts';

/*
 * How the host builds a TD, and what of it MRTD measures: 128-byte blocks in the order of the
 * calls. Mirrors TDH.MNG.INIT to TDH.MR.FINALIZE, Intel TDX Module ABI specification.
 */

type BuildOperation = Extract<
  HostOperation,
  { readonly op: 'mng-init' | 'page-add' | 'mr-extend' | 'vp-init' | 'mr-finalize' }
>;

const BLOCK_SIZE = 128;

/** A block that measures a call: its name, and the address at byte 16. */
function callBlock(name: 'MEM.PAGE.ADD' | 'MR.EXTEND', gpa: bigint): Uint8Array {
  const block = tagged(name, BLOCK_SIZE);
  viewOf(block).setBigUint64(16, gpa, true);
  return block;
}

/** MRTD of a build: SHA-384 over its blocks. */
export function measureBuild(blocks: readonly Uint8Array[]): Uint8Array {
  return blocks.reduce((hash, block) => hash.update(block), sha384.create()).digest();
}

const before = {
  'mng-init': inOrder(
    'host.wrong-phase',
    'mng-init.attributes',
    'mng-init.xfam',
    'mng-init.success',
  ),
  'page-add': inOrder(
    'host.wrong-phase',
    'page-add.operand',
    'page-add.present',
    'page-add.success',
  ),
  'mr-extend': inOrder('host.wrong-phase', 'mr-extend.operand', 'mr-extend.success'),
  'vp-init': inOrder('host.wrong-phase', 'vp-init.success'),
  'mr-finalize': inOrder('host.wrong-phase', 'mr-finalize.no-vcpu', 'mr-finalize.success'),
} as const;

/** One step of building a TD. */
export function build(td: TdState, operation: BuildOperation): TdStep {
  const trail = before[operation.op];
  const expected = operation.op === 'mng-init' ? 'uninitialised' : 'building';
  if (td.phase !== expected) {
    const status = statusWith('TDX_OP_STATE_INCORRECT');
    return step(td, { kind: 'seamcall', status }, 'host.wrong-phase');
  }
  const refuse = (operand: OperandName, rule: RuleName): TdStep =>
    step(td, { kind: 'seamcall', status: operandInvalid(operand) }, rule, trail(rule));
  const accept = (state: TdState, rule: RuleName): TdStep =>
    step(state, SEAMCALL_SUCCESS, rule, trail(rule));

  switch (operation.op) {
    case 'mng-init': {
      const { params } = operation;
      if (!areAttributesValid(params.attributes))
        return refuse('ATTRIBUTES', 'mng-init.attributes');
      if (!isXfamValid(params.xfam)) return refuse('XFAM', 'mng-init.xfam');
      const own = {
        ...params,
        mrConfigId: params.mrConfigId.slice(),
        mrOwner: params.mrOwner.slice(),
        mrOwnerConfig: params.mrOwnerConfig.slice(),
      };
      return accept({ ...td, phase: 'building', params: own }, 'mng-init.success');
    }
    case 'page-add': {
      const { gpa, content } = operation;
      const isPage = gpa % BigInt(PAGE_SIZE) === 0n && classifyGpa(td, gpa) === 'private';
      if (!isPage || content.length > PAGE_SIZE) return refuse('RCX', 'page-add.operand');
      if (findEntry(td, gpa) !== undefined) return refuse('RCX', 'page-add.present');
      const frame = new Uint8Array(PAGE_SIZE);
      frame.set(content);
      const added: TdState = {
        ...td,
        sept: { ...td.sept, [frameKey(gpa)]: { level: 0, state: 'mapped', accepted: 0 } },
        privateFrames: { ...td.privateFrames, [frameKey(gpa)]: frame },
        buildLog: [...td.buildLog, callBlock('MEM.PAGE.ADD', gpa)],
      };
      return accept(added, 'page-add.success');
    }
    case 'mr-extend': {
      const { gpa } = operation;
      const frame = td.privateFrames[frameKey(gpa)];
      if (gpa % BigInt(EXTEND_CHUNK_SIZE) !== 0n || frame === undefined) {
        return refuse('RCX', 'mr-extend.operand');
      }
      const content = bytesAt(frame, gpa, EXTEND_CHUNK_SIZE);
      const blocks = [content.slice(0, BLOCK_SIZE), content.slice(BLOCK_SIZE)];
      const buildLog = [...td.buildLog, callBlock('MR.EXTEND', gpa), ...blocks];
      return accept({ ...td, buildLog }, 'mr-extend.success');
    }
    case 'vp-init':
      return accept({ ...td, vcpuCount: td.vcpuCount + 1 }, 'vp-init.success');
    case 'mr-finalize': {
      if (td.vcpuCount === 0) return refuse('TDCS', 'mr-finalize.no-vcpu');
      const measurements = { ...td.measurements, mrTd: measureBuild(td.buildLog) };
      return accept({ ...td, phase: 'running', measurements, buildLog: [] }, 'mr-finalize.success');
    }
  }
}
