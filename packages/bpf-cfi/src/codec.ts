// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  ERRNO_NAMES,
  formatHex,
  type Codec,
  type Decoder,
  type Json,
} from '@kernel-models/model-core';
import { CFI_MODES } from './boot.ts';
import { CSyntaxError } from './c/syntax-error.ts';
import type { ProgramBody } from './jit-image.ts';
import type { CfiErrno, Outcome } from './outcome.ts';
import {
  BTF_GAPS,
  CREATE_MISTAKES,
  TRACING_KINDS,
  UPDATE_MISTAKES,
  type Operation,
  type RegisteredMember,
} from './operation.ts';

import { prototype } from './prototypes.ts';
import { MAX_ARGUMENT_SLOTS } from './trampoline/function-model.ts';
import { setupError, type Setup } from './setup.ts';
import { MAP_STATES } from './state.ts';

const { array, boolean, hex, integer, object, oneOf, optional, record, string, union } = decode;

const U32_MAX = 0xffff_ffffn;

/** A 32-bit quantity: a `0x…` string in traces, a number in memory. */
const u32: Decoder<number> = (json, field) => Number(hex(0n, U32_MAX)(json, field));

function hexOf(value: number): string {
  return formatHex(BigInt(value));
}

/** C that declares a function type. */
const declaration: Decoder<string> = (json, field) => {
  const source = string(json, field);
  try {
    prototype(source);
  } catch (error) {
    if (!(error instanceof CSyntaxError || error instanceof RangeError)) throw error;
    throw new DecodeError(field, `a prototype of C (${error.message})`, json);
  }
  return source;
};

function text(pattern: RegExp, expected: string): Decoder<string> {
  return (json, field) => {
    if (typeof json !== 'string' || !pattern.test(json)) {
      throw new DecodeError(field, expected, json);
    }
    return json;
  };
}

/** Programs of more instructions than BPF_MAXINSNS exist; this model has none. */
const MAX_MOVES = 4_000;
const chunks = object({ first: integer(0, 32_767), count: integer(1, 32_768) });

const label = text(/^[a-z0-9_]{1,15}$/, 'a name: 1 to 15 of a-z, 0-9, _');
const name = text(/^[\x20-\x7e]{0,127}$/, 'at most 127 printable characters of ASCII');
const struct = oneOf(['tcp_congestion_ops', 'bpf_dummy_ops']);
const callee = object({ prototype: declaration, addressTaken: boolean });
const body = union('kind', {
  constant: { value: u32 },
  argument: { index: integer(0, 11) },
  calls: { value: u32 },
  tailCall: { value: u32 },
  moves: { count: integer(1, MAX_MOVES) },
  dereference: {},
});
const nullable: Decoder<bigint | null> = (json, field) =>
  json === null ? null : hex()(json, field);

const stub = object({
  prototype: declaration,
  nullable: array(integer(0, 11)),
  known: boolean,
});
const sight = union('kind', {
  argument: { index: integer(0, MAX_ARGUMENT_SLOTS) },
  count: {},
  address: {},
  cookie: {},
});
const registeredMember = union('kind', {
  function: {
    prototype: declaration,
    stub: (json: Json | undefined, field: string) => (json === null ? null : stub(json, field)),
  },
  data: {},
  module: { known: boolean },
  anonymous: {},
  'bit-field': {},
});

const setup = object({
  cfi: boolean,
  autoDefault: boolean,
  fineibt: boolean,
  bhi: boolean,
  ibt: boolean,
  padding: boolean,
  alignment: (json: Json | undefined, field: string): 16 | 32 | 64 => {
    if (json !== 16 && json !== 32 && json !== 64)
      throw new DecodeError(field, '16, 32 or 64', json);
    return json;
  },
  permissive: boolean,
  retpoline: boolean,
  returnThunk: boolean,
  sls: boolean,
  cpu: object({ ibt: boolean, fred: boolean }),
  packed: optional(array(chunks)),
});

const operation = union('op', {
  boot: { cfi: optional(string), seed: u32, wrong: optional(oneOf(['preamble'])) },
  load: {
    program: label,
    kind: oneOf(['main', 'subprogram', 'struct_ops']),
    struct: optional(struct),
    member: optional(string),
    sleepable: optional(boolean),
    wrong: optional(oneOf(['struct'])),
    random: optional(u32),
    body,
  },
  unload: { program: label },
  image: { program: label },
  text: { program: label, part: optional(oneOf(['subprogram'])) },
  tailSet: {
    program: label,
    target: (json: Json | undefined, field: string) => (json === null ? null : label(json, field)),
  },
  function: { callee },
  site: { site: declaration },
  call: { site: declaration, callee, swapped: optional(callee) },
  dispatch: { program: label },
  callback: { program: label },
  tailCall: { program: label },
  destroy: {},
  textPoke: { program: label, kind: oneOf(['call', 'jmp']), from: nullable, to: nullable },
  registerStruct: {
    name,
    stubs: boolean,
    btf: optional(oneOf(BTF_GAPS)),
    members: array(registeredMember),
  },
  mapCreate: { map: label, struct, link: boolean, wrong: optional(oneOf(CREATE_MISTAKES)) },
  mapUpdate: {
    map: label,
    name,
    members: record(label),
    owner: boolean,
    flags: integer(0, 0xffff_ffff),
    key: integer(0, 0xffff_ffff),
    wrong: optional(oneOf(UPDATE_MISTAKES)),
    capable: optional(boolean),
  },
  mapLookup: { map: label },
  trampoline: { map: label, member: string },
  mapDelete: { map: label },
  linkCreate: { map: label },
  linkClose: { map: label },
  callMember: { map: label, member: string, arguments: array(hex()) },
  testRun: { program: label, arguments: array(hex()), capable: optional(boolean) },
  allocation: { program: label },
  packs: {},
  jitLimit: { bytes: hex() },
  attach: {
    program: label,
    kind: oneOf(TRACING_KINDS),
    function: declaration,
    sees: sight,
    returns: u32,
    sleepable: boolean,
    cookie: hex(),
    random: optional(u32),
  },
  detach: { program: label },
  tracer: { function: declaration },
  callTraced: { site: declaration, function: declaration, arguments: array(hex()) },
  testRunTracing: { program: label },
});

const ERRNOS: readonly CfiErrno[] = [...ERRNO_NAMES, 'ENOTSUPP'];
const place = oneOf([
  ...(['caller-check', 'caller-load', 'caller-paranoid', 'before-callee'] as const),
  ...(['callee-check', 'arity-thunk', 'callee'] as const),
]);
const reports = array(object({ place, type: u32 }));
const code: Decoder<number | null> = (json, field) =>
  json === null ? null : integer(0, 0xffff)(json, field);

const outcome = union('kind', {
  booted: {
    mode: oneOf(CFI_MODES.slice(1) as ['OFF', 'KCFI', 'FINEIBT']),
    messages: array(string),
  },
  value: { value: hex() },
  errno: { errno: oneOf(ERRNOS) },
  returned: { value: nullable, reports },
  traced: { value: nullable, seen: array(object({ program: label, value: hex() })), reports },
  trapped: { vector: oneOf(['UD', 'CP', 'BP', 'PF']), errorCode: code, place, reports },
  runaway: { reports },
  map: { state: oneOf(MAP_STATES), uses: integer(0, 1) },
  allocation: {
    size: integer(0, 0xffff_ffff),
    start: integer(0, 63),
    length: integer(0, 0xffff_ffff),
    filled: boolean,
  },
  packs: { taken: array(array(chunks)) },
  image: { bytes: text(/^(?:[0-9a-f]{2}|\?\?)*$/, 'hexadecimal digits or question marks') },
  impossible: {},
});

function encodeOperation(value: Operation): Json {
  switch (value.op) {
    case 'boot':
      return { ...value, seed: hexOf(value.seed) };
    case 'load':
      return { ...value, ...encodeRandom(value), body: encodeBody(value.body) };
    case 'call':
      return {
        ...value,
        callee: { ...value.callee },
        swapped: value.swapped === undefined ? undefined : { ...value.swapped },
      };
    case 'function':
      return { ...value, callee: { ...value.callee } };
    case 'textPoke':
      return { ...value, from: encodeNullable(value.from), to: encodeNullable(value.to) };
    case 'attach':
      return {
        ...value,
        sees: { ...value.sees },
        ...encodeRandom(value),
        returns: hexOf(value.returns),
        cookie: formatHex(value.cookie),
      };
    case 'callMember':
    case 'testRun':
    case 'callTraced':
      return { ...value, arguments: value.arguments.map(formatHex) };
    case 'jitLimit':
      return { ...value, bytes: formatHex(value.bytes) };
    case 'mapUpdate':
      return { ...value, members: { ...value.members } };
    case 'registerStruct':
      return { ...value, members: value.members.map(encodeMember) };
    default:
      return { ...value };
  }
}

function encodeBody(value: ProgramBody): Json {
  return 'value' in value ? { ...value, value: hexOf(value.value) } : { ...value };
}

function encodeRandom({ random }: { readonly random?: number | undefined }): { random?: Json } {
  return random === undefined ? {} : { random: hexOf(random) };
}

function encodeMember(member: RegisteredMember): Json {
  if (member.kind !== 'function') return { ...member };
  const { stub: own } = member;
  return { ...member, stub: own === null ? null : { ...own, nullable: [...own.nullable] } };
}

function encodeNullable(value: bigint | null): Json {
  return value === null ? null : formatHex(value);
}

function encodeOutcome(value: Outcome): Json {
  switch (value.kind) {
    case 'value':
      return { kind: 'value', value: formatHex(value.value) };
    case 'returned':
      return {
        ...value,
        value: encodeNullable(value.value),
        reports: value.reports.map(encodeReport),
      };
    case 'traced':
      return {
        ...value,
        value: encodeNullable(value.value),
        seen: value.seen.map((one) => ({ program: one.program, value: formatHex(one.value) })),
        reports: value.reports.map(encodeReport),
      };
    case 'packs':
      return { kind: 'packs', taken: value.taken.map((pack) => pack.map((run) => ({ ...run }))) };
    case 'trapped':
    case 'runaway':
      return { ...value, reports: value.reports.map(encodeReport) };
    default:
      return { ...value };
  }
}

function encodeReport({
  place: at,
  type,
}: {
  readonly place: string;
  readonly type: number;
}): Json {
  return { place: at, type: hexOf(type) };
}

/** JSON and values of this model. */
export const codec: Codec<Setup, Operation, Outcome> = {
  decodeSetup(json) {
    const value = setup(json, 'setup');
    const error = setupError(value);
    if (error === undefined) return value;
    const [, field = 'setup', expected = '', got = ''] =
      /^(\S+): expected (.*), got (.*)$/.exec(error) ?? [];
    throw new DecodeError(field, expected, JSON.parse(got));
  },
  encodeSetup: (value) => ({
    ...value,
    cpu: { ...value.cpu },
    packed: value.packed?.map((run) => ({ ...run })),
  }),
  decodeOperation: (json) => operation(json, 'operation'),
  encodeOperation,
  decodeOutcome: (json) => outcome(json, 'outcome'),
  encodeOutcome,
};
