// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  formatHex,
  plainCodec,
  hexFields,
  type Codec,
  type Decoder,
} from '@kernel-models/model-core';
import { VECTORS, type Vector } from './exception.ts';
import {
  CPU_PRESET_NAMES,
  CR4_DEFINED,
  EFER_DEFINED,
  type CpuFeatures,
  type CpuPreset,
} from './features.ts';
import type { CpuOperation } from './operation.ts';
import type { CpuOutcome } from './outcome.ts';
import type { CpuSetup } from './setup.ts';
import type { Sregs } from './sregs.ts';
import type { Cpl } from './state.ts';

const { array, boolean, hex, integer, object, oneOf, optional, string, union } = decode;

function literal<const Value extends number>(
  values: readonly Value[],
  expected: string,
): Decoder<Value> {
  return (json, field) => {
    const found = values.find((one) => one === json);
    if (found === undefined) throw new DecodeError(field, expected, json);
    return found;
  };
}

const cpl: Decoder<Cpl> = literal([0, 1, 2, 3], 'a privilege level from 0 to 3');
const vector: Decoder<Vector> = literal(VECTORS, 'the vector of an exception');
const size: Decoder<1 | 2 | 4 | 8> = literal([1, 2, 4, 8], '1, 2, 4 or 8');
const count: Decoder<0 | 1> = literal([0, 1], '0 or 1');
const msr: Decoder<number> = (json, field) => Number(hex(0n, 0xffff_ffffn)(json, field));
const u16 = hex(0n, 0xffffn);
const smramOffset: Decoder<number> = (json, field) => Number(hex(0xfe00n, 0xffffn)(json, field));
const address: Decoder<number> = (json, field) => {
  const value = hex(0n, (1n << 52n) - 8n)(json, field);
  if (value % 8n !== 0n) throw new DecodeError(field, 'an address that is a multiple of 8', json);
  return Number(value);
};

const features: Decoder<CpuFeatures> = object({
  vendor: oneOf(['intel', 'amd']),
  maxPhyAddr: integer(32, 52),
  cr4Valid: (json, field) => maskWithin(CR4_DEFINED)(json, field),
  eferValid: (json, field) => maskWithin(EFER_DEFINED)(json, field),
});
const preset: Decoder<CpuPreset> = oneOf(CPU_PRESET_NAMES);
const cpu: Decoder<CpuPreset | CpuFeatures> = (json, field) =>
  typeof json === 'string' ? preset(json, field) : features(json, field);

function maskWithin(defined: bigint): Decoder<bigint> {
  return (json, field) => {
    const value = hex()(json, field);
    if ((value & ~defined) !== 0n) {
      throw new DecodeError(field, `bits of ${formatHex(defined)} only`, json);
    }
    return value;
  };
}

const setup: Decoder<CpuSetup> = object({
  cpu,
  applicationProcessor: optional(boolean),
  cr0: optional(hex()),
  cr3: optional(hex()),
  cr4: optional(hex()),
  efer: optional(hex()),
  cpl: optional(cpl),
  csL: optional(boolean),
  csD: optional(boolean),
  memory: optional(array(object({ address, value: hex() }))),
});

const vmcs = object({
  guestCr0: hex(),
  guestCr3: hex(),
  guestCr4: hex(),
  guestEfer: hex(),
  hostCr0: hex(),
  hostCr3: hex(),
  hostCr4: hex(),
  hostEfer: hex(),
  cr0GuestHostMask: hex(),
  cr4GuestHostMask: hex(),
  cr0ReadShadow: hex(),
  cr4ReadShadow: hex(),
  ia32eModeGuest: boolean,
  hostAddressSpaceSize: boolean,
  unrestrictedGuest: boolean,
  guestCsL: boolean,
  crExiting: optional(
    object({
      loadCr3: boolean,
      storeCr3: boolean,
      loadCr8: boolean,
      storeCr8: boolean,
      cr3Targets: array(hex()),
    }),
  ),
});
const hostSave = object({
  cr0: hex(),
  cr3: hex(),
  cr4: hex(),
  efer: hex(),
  csL: boolean,
  csD: boolean,
});
const vmcbSave = object({
  cr0: hex(),
  cr2: hex(),
  cr3: hex(),
  cr4: hex(),
  efer: hex(),
  dr6: hex(),
  dr7: hex(),
  cpl,
  csL: boolean,
  csD: boolean,
  vTpr: hex(0n, 0xfn),
});
const vmcb = object({
  save: vmcbSave,
  interceptCrWrites: integer(0, 0xffff),
  interceptCrReads: integer(0, 0xffff),
  selectiveCr0Write: boolean,
  interceptMsrs: boolean,
  virtualTpr: boolean,
});
/** struct kvm_sregs, as far as the model has it. */
export const decodeSregs: Decoder<Sregs> = object({
  cr0: hex(),
  cr2: hex(),
  cr3: hex(),
  cr4: hex(),
  cr8: hex(),
  efer: hex(),
  csL: boolean,
  csD: boolean,
});

const operation: Decoder<CpuOperation> = union('op', {
  movToCr: { cr: integer(0, 15), value: hex() },
  movFromCr: { cr: integer(0, 15) },
  lmsw: { value: u16 },
  smsw: {},
  clts: {},
  rdmsr: { msr },
  wrmsr: { msr, value: hex() },
  farJump: { l: boolean, d: boolean },
  iret: { l: boolean, d: boolean, cpl },
  hlt: {},
  rsm: {},
  vmxon: {},
  vmxoff: {},
  vmEntry: { vmcs },
  vmrun: { vmcb },
  raise: { vector, errorCode: integer(0, 0xffff), during: optional(vector) },
  smi: {},
  nmi: {},
  init: {},
  sipi: { vector: integer(0, 255) },
  reset: {},
  guestExit: {},
  smramWrite: { offset: smramOffset, size, value: hex() },
  hostSaveWrite: { host: hostSave },
  memoryWrite: { address, value: hex() },
  setSregs: { sregs: decodeSregs },
  hostRdmsr: { msr },
  hostWrmsr: { msr, value: hex() },
});

const outcome: Decoder<CpuOutcome> = union('kind', {
  done: {},
  value: { value: hex() },
  fault: { vector, errorCode: optional(integer(0, 0xffff)), violations: optional(array(string)) },
  exit: { reason: hex(), qualification: hex(), saved: optional(vmcbSave) },
  vmFail: { error: integer(0, 255) },
  shutdown: {},
  internalError: {},
  latched: {},
  ignored: {},
  errno: { errno: oneOf(['EINVAL']) },
  processed: { count, value: optional(hex()) },
});

/** Setups, operations and outcomes as traces spell them. */
export const codec: Codec<CpuSetup, CpuOperation, CpuOutcome> = plainCodec({
  setup,
  operation,
  outcome,
  spell: hexFields('msr', 'offset', 'address'),
});
