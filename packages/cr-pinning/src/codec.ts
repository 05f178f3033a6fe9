// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  plainCodec,
  hexFields,
  type Codec,
  type Decoder,
  type Json,
  type JsonObject,
} from '@kernel-models/model-core';
import { codec as cpuCodec, decodeSregs } from '@kernel-models/hw-model/cpu';
import { ROUTINES, WAYS, type GuestInstruction, type Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { HOST_KINDS, INTERCEPTS, VMM_KINDS, type Setup } from './setup.ts';

const { array, boolean, hex, integer, object, oneOf, optional, union } = decode;

const MAX_VCPUS = 8;
const vcpu = integer(0, MAX_VCPUS - 1);
const msr: Decoder<number> = (json, field) => Number(hex(0n, 0xffff_ffffn)(json, field));
const offset: Decoder<number> = (json, field) => Number(hex(0xfe00n, 0xffffn)(json, field));
const size: Decoder<1 | 2 | 4 | 8> = (json, field) => {
  if (json !== 1 && json !== 2 && json !== 4 && json !== 8) {
    throw new DecodeError(field, '1, 2, 4 or 8', json);
  }
  return json;
};
const pinnedCr: Decoder<0 | 4> = (json, field) => {
  if (json !== 0 && json !== 4) throw new DecodeError(field, '0 or 4', json);
  return json;
};

/** The CPU of a machine, as the codec of the hardware reads it. */
const cpu: Decoder<Setup['cpu']> = (json, field) =>
  within(field, 'setup.cpu', () => cpuCodec.decodeSetup({ cpu: json }).cpu);

/** Reads with another codec and names the field as it stands here. */
function within<Value>(field: string, inner: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const place = error.field.replace(inner, field);
    const [, rest = ''] = error.message.split(`${error.field}: expected `);
    const [expected = rest, got] = rest.split(', got ');
    throw new DecodeError(place, expected, got);
  }
}

const setup: Decoder<Setup> = object({
  vcpus: integer(1, MAX_VCPUS),
  cpu,
  running: optional(object({ cr0: hex(), cr4: hex(), efer: hex(), vmx: optional(boolean) })),
  intercepts: oneOf(INTERCEPTS),
  host: oneOf(HOST_KINDS),
  vmm: oneOf(VMM_KINDS),
  kernel: object({ kexec: boolean, pvCrPin: boolean, crashkernel: boolean }),
  hidesFeature: optional(boolean),
  hostRegisters: optional(object({ cr0: hex(), cr4: hex() })),
});

/** Operations of the machine itself. */
const machineOperation = union('op', {
  writeCr: { vcpu, cr: pinnedCr, value: hex(), through: oneOf(WAYS) },
  taskSwitch: { vcpu },
  hypercall: { vcpu, nr: integer(0, 0xffff), arguments: array(hex()) },
  cpuid: { vcpu },
  routine: { vcpu, routine: oneOf(ROUTINES) },
  kexecLoad: {},
  nestedEntry: {
    vcpu,
    guestCr0: hex(),
    guestCr4: hex(),
    hostCr0: hex(),
    hostCr4: hex(),
    cr0Mask: hex(),
    cr4Mask: hex(),
  },
  nestedExit: { vcpu },
  smi: { vcpu },
  smramWrite: { vcpu, offset, size, value: hex() },
  init: { vcpu },
  sipi: { vcpu, vector: integer(0, 255) },
  hostSetMsr: { vcpu, msr, value: hex() },
  hostGetMsr: { vcpu, msr },
  hostSetSregs: { vcpu, sregs: decodeSregs },
  machineReset: {},
  migrate: { order: oneOf(['sregs-first', 'msrs-first']), strict: boolean },
  armKexec: {},
});

/** Instructions, which the codec of the hardware reads, with the vCPU that executes them. */
const INSTRUCTIONS = [
  'movToCr',
  'movFromCr',
  'lmsw',
  'smsw',
  'clts',
  'rdmsr',
  'wrmsr',
  'farJump',
  'iret',
  'hlt',
  'rsm',
  'vmxon',
  'vmxoff',
  'vmEntry',
  'vmrun',
] as const;

function asObject(json: Json | undefined, field: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new DecodeError(field, 'an object', json);
  }
  return Object.fromEntries(Object.entries(json));
}

function isInstruction(op: Json | undefined): boolean {
  return INSTRUCTIONS.some((name) => name === op);
}

function decodeInstruction(json: JsonObject): GuestInstruction {
  const { vcpu: index, emulated, ...rest } = json;
  const decoded = cpuCodec.decodeOperation(rest);
  const who = {
    vcpu: vcpu(index, 'operation.vcpu'),
    ...(emulated !== undefined && { emulated: boolean(emulated, 'operation.emulated') }),
  };
  switch (decoded.op) {
    case 'movToCr':
    case 'movFromCr':
    case 'lmsw':
    case 'smsw':
    case 'clts':
    case 'rdmsr':
    case 'wrmsr':
    case 'farJump':
    case 'iret':
    case 'hlt':
    case 'rsm':
    case 'vmxon':
    case 'vmxoff':
    case 'vmEntry':
    case 'vmrun':
      return { ...decoded, ...who };
    default:
      throw new DecodeError('operation.op', `one of ${INSTRUCTIONS.join(', ')}`, decoded.op);
  }
}

function decodeOperation(json: Json | undefined, field: string): Operation {
  const fields = asObject(json, field);
  return isInstruction(fields['op']) ? decodeInstruction(fields) : machineOperation(fields, field);
}

const ownOutcome = union('kind', {
  dropped: {},
  repaired: { value: hex() },
  syscall: { errno: oneOf(['EPERM', 'ENOSYS']) },
  aborted: { msr },
  stopped: {},
});
const OWN_OUTCOMES: ReadonlySet<Json | undefined> = new Set([
  'dropped',
  'repaired',
  'syscall',
  'aborted',
  'stopped',
]);

function decodeOutcome(json: Json | undefined, field: string): Outcome {
  const fields = asObject(json, field);
  return OWN_OUTCOMES.has(fields['kind'])
    ? ownOutcome(fields, field)
    : cpuCodec.decodeOutcome(fields);
}

/** Setups, operations and outcomes as traces spell them. */
export const codec: Codec<Setup, Operation, Outcome> = plainCodec({
  setup,
  operation: decodeOperation,
  outcome: decodeOutcome,
  spell: hexFields('msr', 'offset'),
});
