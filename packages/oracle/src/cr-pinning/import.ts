// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  observedOne,
  TraceError,
  type Decoder,
  type Json,
  type Trace,
} from '@kernel-models/model-core';
import {
  crPinningModel,
  featuresOf,
  type Operation,
  type Outcome,
  type Setup,
} from '@kernel-models/cr-pinning';
import {
  CR4_VMXE,
  featuresOfMasks,
  MSR_EFER,
  saveStateMap,
  VECTOR,
  type Sregs,
} from '@kernel-models/hw-model/cpu';

/*
 * The neutral format for recorded pinning traces: one JSON object a line, with the revision, the
 * control registers at the start, and for each operation its result and the registers and pins
 * after it. What is after an operation becomes reading operations of the trace, so that nothing
 * recorded goes unchecked.
 */

/** Names of revisions as the format spells them. */
const REVISIONS: Readonly<Record<string, string>> = {
  'rfc-v1': 'posted-2019-12',
  'rfc-v2': 'posted-2020-02',
  'seed-v1': 'posted-2020-06',
  next: 'reviewed-2020-07',
};

/** Without features a trace is of one vCPU with these. */
const DEFAULT_FEATURES = { cr4_valid: 0x77_0fffn, efer_valid: 0xd01n };

const { array, boolean, hex, integer, object, optional, string, union } = decode;

const value = { value: hex() };
const msr: Decoder<number> = (json, field) => Number(hex(0n, 0xffff_ffffn)(json, field));
const result = decode.oneOf(['ok', 'gp', 'einval', 'l1_exit', 'unhandleable']);
const post = object({
  cr0: hex(),
  cr4: hex(),
  efer: hex(),
  cr0_low: hex(),
  cr0_high: hex(),
  cr4_low: hex(),
  cr4_high: hex(),
  smm: boolean,
  guest: boolean,
  cs_l: boolean,
});
const after = { res: result, out: optional(hex()), post };
const registers = { cr0: hex(), cr4: hex() };
const event = union('op', {
  mov_cr0: { ...value, ...after },
  mov_cr4: { ...value, ...after },
  wrmsr: { msr, ...value, ...after },
  rdmsr: { msr, ...after },
  host_set_msr: { msr, ...value, ...after },
  host_get_msr: { msr, ...after },
  nested_entry: {
    guest_cr0: hex(),
    guest_cr4: hex(),
    host_cr0: hex(),
    host_cr4: hex(),
    ...after,
  },
  nested_exit: after,
  smi: after,
  smram_write: { offset: integer(0xfe00, 0xffff), size: integer(1, 8), ...value, ...after },
  rsm: after,
  vcpu_reset: { init_event: boolean, ...after },
  set_sregs: { ...registers, efer: hex(), ...after },
  nop: after,
});
type Event = ReturnType<typeof event>;

const trace = object({
  rev: string,
  init: object({ ...registers, efer: hex() }),
  features: optional(object({ cr4_valid: hex(), efer_valid: hex() })),
  ops: array(event),
});

type PinningTrace = Trace<Setup, Operation, Outcome>;

/**
 * Reads a file in the neutral format.
 *
 * @param text the whole file; each line is a trace
 * @param file the file's name, for messages
 * @throws TraceError naming file, line and field
 */
export function importPinningTraces(text: string, file: string): readonly PinningTrace[] {
  const lines = text.split('\n').map((content, index) => ({ content, line: index + 1 }));
  const traces = lines.filter(({ content }) => content.trim() !== '');
  if (traces.length === 0) throw new TraceError(file, 1, 'expected a trace, got nothing');
  return traces.map(({ content, line }) => {
    try {
      return importTrace(parse(content), file);
    } catch (error) {
      if (error instanceof DecodeError || error instanceof RangeError) {
        throw new TraceError(file, line, error.message);
      }
      throw error;
    }
  });
}

function parse(content: string): Json {
  try {
    const json: Json = JSON.parse(content);
    return json;
  } catch (error) {
    throw new DecodeError('trace', 'a JSON object', String(error));
  }
}

function importTrace(json: Json, file: string): PinningTrace {
  const { rev, init, features = DEFAULT_FEATURES, ops } = trace(json, 'trace');
  const revision = REVISIONS[rev] ?? rev;
  featuresOf(revision);
  // The format has no VMX instructions: where L2 runs at all, L1 has VMXE from the start.
  const vmxe = ops.some(({ op }) => op === 'nested_entry') ? CR4_VMXE : 0n;
  const setup: Setup = {
    vcpus: 1,
    cpu: featuresOfMasks({
      vendor: 'intel',
      maxPhyAddr: 52,
      cr4Valid: features.cr4_valid | vmxe,
      eferValid: features.efer_valid,
    }),
    running: { ...init, cr4: init.cr4 | vmxe, vmx: vmxe !== 0n },
    intercepts: 'always',
    host: 'patched',
    vmm: 'good',
    kernel: { kexec: false, pvCrPin: false, crashkernel: false },
  };
  const events = ops
    .flatMap((one) => eventsOf(one, revision, vmxe))
    .map(({ operation, outcome }, seq) => ({ seq, operation, observed: observedOne(outcome) }));
  const source = { kind: 'hand', tool: file } as const;
  return {
    model: crPinningModel.name,
    revision,
    setup,
    source,
    recordedAt: '1970-01-01T00:00:00Z',
    events,
  };
}

interface Imported {
  readonly operation: Operation;
  readonly outcome: Outcome;
}

function eventsOf(one: Event, revision: string, vmxe: bigint): readonly Imported[] {
  const operation = operationOf(one, vmxe);
  const reads = readsOf(one, revision, vmxe);
  if (operation === undefined) return reads;
  return [{ operation, outcome: outcomeOf(one, operation) }, ...reads];
}

const vcpu = 0;

/** The operation; undefined for one that only looks. */
function operationOf(one: Event, vmxe: bigint): Operation | undefined {
  switch (one.op) {
    case 'mov_cr0':
      return { op: 'movToCr', vcpu, cr: 0, value: one.value };
    case 'mov_cr4':
      return { op: 'movToCr', vcpu, cr: 4, value: one.value | vmxe };
    case 'wrmsr':
    case 'rdmsr': {
      if (one.op === 'rdmsr') return { op: 'rdmsr', vcpu, msr: one.msr };
      return { op: 'wrmsr', vcpu, msr: one.msr, value: one.value };
    }
    case 'host_set_msr':
      return { op: 'hostSetMsr', vcpu, msr: one.msr, value: one.value };
    case 'host_get_msr':
      return { op: 'hostGetMsr', vcpu, msr: one.msr };
    case 'nested_entry':
      return {
        op: 'nestedEntry',
        vcpu,
        guestCr0: one.guest_cr0,
        guestCr4: one.guest_cr4 | vmxe,
        hostCr0: one.host_cr0,
        hostCr4: one.host_cr4 | vmxe,
        cr0Mask: 0n,
        cr4Mask: 0n,
      };
    case 'nested_exit':
      return { op: 'nestedExit', vcpu };
    case 'smi':
      return { op: 'smi', vcpu };
    case 'smram_write':
      return smramWrite(one.offset, one.size, one.value, vmxe);
    case 'rsm':
      return { op: 'rsm', vcpu };
    case 'vcpu_reset':
      return one.init_event ? { op: 'init', vcpu } : { op: 'machineReset' };
    case 'set_sregs':
      return { op: 'hostSetSregs', vcpu, sregs: sregsOf(one, vmxe) };
    case 'nop':
      return undefined;
  }
}

function smramWrite(offset: number, size: number, data: bigint, vmxe: bigint): Operation {
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    throw new DecodeError('trace.ops.size', '1, 2, 4 or 8', size);
  }
  const isCr4 = saveStateMap('64-bit').some(
    (place) => place.field === 'cr4' && place.offset === offset,
  );
  return { op: 'smramWrite', vcpu, offset, size, value: isCr4 ? data | vmxe : data };
}

function sregsOf(
  { cr0, cr4, efer, post: { cs_l: csL } }: Extract<Event, { op: 'set_sregs' }>,
  vmxe: bigint,
): Sregs {
  return { cr0, cr2: 0n, cr3: 0n, cr4: cr4 | vmxe, cr8: 0n, efer, csL, csD: false };
}

function outcomeOf(one: Event, operation: Operation): Outcome {
  const isHost = operation.op === 'hostSetMsr' || operation.op === 'hostGetMsr';
  switch (one.res) {
    case 'ok':
      if (operation.op === 'rdmsr') return { kind: 'value', value: one.out ?? 0n };
      if (operation.op === 'hostGetMsr') {
        return { kind: 'processed', count: 1, value: one.out ?? 0n };
      }
      if (operation.op === 'nestedExit') return L1_EXIT;
      return isHost ? { kind: 'processed', count: 1 } : { kind: 'done' };
    case 'gp':
      return isHost
        ? { kind: 'processed', count: 0 }
        : { kind: 'fault', vector: VECTOR.GP, errorCode: 0 };
    case 'einval':
      return isHost ? { kind: 'processed', count: 0 } : { kind: 'errno', errno: 'EINVAL' };
    case 'l1_exit':
      return { ...L1_EXIT, reason: exitReasonOf(operation) };
    case 'unhandleable':
      return { kind: 'internalError' };
  }
}

/** The model ends L2 by an interrupt for L1; the format does not say by what. */
const L1_EXIT = { kind: 'exit', reason: 1n, qualification: 0n } as const;

/** Basic exit reasons of VMX: RDMSR and WRMSR of an MSR that no bitmap covers. */
function exitReasonOf({ op }: Operation): bigint {
  if (op === 'rdmsr') return 31n;
  return op === 'wrmsr' ? 32n : L1_EXIT.reason;
}

/** What is after an operation, as the operations that read it. A stopped VM cannot be read. */
function readsOf({ res, post: found }: Event, revision: string, vmxe: bigint): readonly Imported[] {
  if (res === 'unhandleable') return [];
  // An SMI clears VMXE with the rest of CR4.
  const cr4 = found.smm ? found.cr4 : found.cr4 | vmxe;
  const read = (cr: number, register: bigint): Imported => ({
    operation: { op: 'movFromCr', vcpu, cr },
    outcome: { kind: 'value', value: register },
  });
  const { msrs } = featuresOf(revision);
  const pinned = [
    [msrs.cr0Low, found.cr0_low],
    [msrs.cr0High, found.cr0_high],
    [msrs.cr4Low, found.cr4_low],
    [msrs.cr4High, found.cr4_high],
  ] as const;
  return [
    read(0, found.cr0),
    read(4, cr4),
    {
      operation: { op: 'rdmsr', vcpu, msr: MSR_EFER },
      outcome: { kind: 'value', value: found.efer },
    },
    ...pinned.flatMap(([number, held]): readonly Imported[] =>
      number === undefined
        ? []
        : [
            {
              operation: { op: 'hostGetMsr', vcpu, msr: number },
              outcome: { kind: 'processed', count: 1, value: held },
            },
          ],
    ),
  ];
}
