// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  ERRNO_NAMES,
  observedOne,
  type Decoder,
  type Errno,
  type Json,
  type ObservedOutcome,
  type Trace,
  type TraceEvent,
  type TraceSource,
} from '@kernel-models/model-core';
import { driver, TDX_CMD_GET_REPORT0, type getquote, type tsm } from '@kernel-models/tdx-attest';
import { UsageError } from '../exit-code.ts';

/*
 * The harness that runs tdx-guest.ko, tsm and configfs of a booted kernel on a fake TDX module and
 * a scripted host writes one JSON object a line: {n, op, args, out}. This reads it into traces of
 * tdx-attest.tsm, and the part of it that the driver alone explains into traces of
 * tdx-attest.driver.
 */

/** Where a foreign trace comes from, which its lines do not say. */
export interface ForeignFacts {
  readonly revision: string;
  readonly source: TraceSource;
  /** ISO 8601. */
  readonly recordedAt: string;
}

type TsmEvent = TraceEvent<tsm.TsmOperation, tsm.TsmOutcome>;
type DriverEvent = TraceEvent<driver.DriverOperation, driver.DriverOutcome>;
type Observed = ObservedOutcome<tsm.TsmOutcome>;

const { integer, object, oneOf, optional, string } = decode;

/** `0`, `64` or `-EFBIG`. */
const result: Decoder<number | Errno> = (json, field) => {
  const text = string(json, field);
  if (/^(0|[1-9][0-9]*)$/.test(text)) return Number(text);
  return oneOf(ERRNO_NAMES)(text.startsWith('-E') ? text.slice(1) : json, field);
};
const number64: Decoder<bigint> = (json, field) => {
  const text = string(json, field);
  if (!/^(0x[0-9a-fA-F]{1,16}|0)$/.test(text)) throw new DecodeError(field, '0 or 0x…', json);
  return BigInt(text);
};
const hexBytes: Decoder<Uint8Array> = (json, field) => {
  const text = string(json, field);
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new DecodeError(field, 'hexadecimal digits', json);
  return new Uint8Array(Buffer.from(text, 'hex'));
};

const name = string;
const byte = integer(0, 255);
const calls = integer(0, 1);
const ret = object({ ret: result });
const nothing = object({});
const opened = object({ open: result });

const LINE = object({
  n: integer(0),
  op: oneOf([
    'load_driver',
    'unload_driver',
    'mkdir',
    'rmdir',
    'write_inblob',
    'read_outblob',
    'read_generation',
    'read_provider',
    'set_host',
    'host_completes_now',
    'ioctl',
  ]),
  args: (json) => json ?? null,
  out: (json) => json ?? null,
});

interface Imported {
  readonly operation: tsm.TsmOperation;
  readonly observed: Observed;
}

/** 0 or an errno, as an outcome. */
function returned(value: number | Errno): Observed {
  return observedOne(
    typeof value === 'number'
      ? { kind: 'value', value: BigInt(value) }
      : { kind: 'errno', errno: value },
  );
}

/** The harness says nothing of what it did itself. */
const UNSAID: Observed = { kind: 'any' };

type Read = (args: Json, out: Json, field: string) => Imported;

const READERS: Readonly<Record<ReturnType<typeof LINE>['op'], Read>> = {
  load_driver: (args, out, field) => {
    const { getquote_timeout } = object({ getquote_timeout: integer(0) })(args, `${field}.args`);
    return {
      operation: { op: 'load', getquoteTimeout: getquote_timeout },
      observed: returned(ret(out, `${field}.out`).ret),
    };
  },
  unload_driver: (_, out, field) => ({
    operation: { op: 'unload' },
    observed: returned(ret(out, `${field}.out`).ret),
  }),
  mkdir: (args, out, field) => ({
    operation: { op: 'mkdir', parent: 'report', ...object({ name })(args, `${field}.args`) },
    observed: returned(ret(out, `${field}.out`).ret),
  }),
  rmdir: (args, out, field) => ({
    operation: { op: 'rmdir', ...object({ name })(args, `${field}.args`) },
    observed: returned(ret(out, `${field}.out`).ret),
  }),
  write_inblob: readWriteInblob,
  read_outblob: readReadOutblob,
  read_generation: (args, out, field) => {
    const { ret: value } = ret(out, `${field}.out`);
    return {
      operation: { op: 'read-generation', ...object({ name })(args, `${field}.args`) },
      observed:
        typeof value === 'number'
          ? observedOne({ kind: 'text', text: `${value}\n` })
          : returned(value),
    };
  },
  read_provider: (args, out, field) => {
    const { ret: value, text } = object({ ret: result, text: string })(out, `${field}.out`);
    // The harness strips the newline that it counts.
    if (typeof value === 'number' && value !== text.length + 1) {
      throw new DecodeError(`${field}.out.ret`, `${text.length + 1}`, value);
    }
    return {
      operation: { op: 'read-provider', ...object({ name })(args, `${field}.args`) },
      observed:
        typeof value === 'number'
          ? observedOne({ kind: 'text', text: `${text}\n` })
          : returned(value),
    };
  },
  set_host: readSetHost,
  host_completes_now: (_, out, field) => {
    nothing(out, `${field}.out`);
    return { operation: { op: 'host-completes' }, observed: UNSAID };
  },
  ioctl: readIoctl,
};

function readWriteInblob(args: Json, out: Json, field: string): Imported {
  const {
    name: item,
    len,
    byte: value,
  } = object({ name, len: integer(0, 4096), byte })(args, `${field}.args`);
  const operation = {
    op: 'write-inblob',
    name: item,
    content: new Uint8Array(len).fill(value),
  } as const;
  if (isObject(out) && 'open' in out) {
    return { operation, observed: returned(opened(out, `${field}.out`).open) };
  }
  const shape = object({ write: result, close: oneOf(['0']), generation: integer(0) });
  const { write, generation } = shape(out, `${field}.out`);
  return {
    operation,
    observed: observedOne({ kind: 'written', write, generation: BigInt(generation) }),
  };
}

function readReadOutblob(args: Json, out: Json, field: string): Imported {
  const operation = { op: 'read-outblob', ...object({ name })(args, `${field}.args`) } as const;
  const shape = object({
    ret: result,
    head: hexBytes,
    tdcalls: calls,
    hypercalls: calls,
    seconds: integer(0),
  });
  const { ret: value, head, ...cost } = shape(out, `${field}.out`);
  return {
    operation,
    observed: observedOne(
      typeof value === 'number'
        ? { kind: 'blob', size: value, head, cost }
        : { kind: 'errno', errno: value, cost },
    ),
  };
}

function readSetHost(args: Json, out: Json, field: string): Imported {
  nothing(out, `${field}.out`);
  const shape = object({
    tdcall_status: optional(number64),
    hypercall_ret: optional(number64),
    final_status: optional(number64),
    out_len: optional(integer(0, 0xffff_ffff)),
    delay_ms: optional(integer(-2)),
  });
  const { tdcall_status, hypercall_ret, final_status, out_len, delay_ms } = shape(
    args,
    `${field}.args`,
  );
  if (tdcall_status !== undefined) {
    if (isObject(args) && Object.keys(args).length > 1) {
      throw new DecodeError(`${field}.args`, 'tdcall_status alone', args);
    }
    return { operation: { op: 'set-tdcall-status', status: tdcall_status }, observed: UNSAID };
  }
  const delay = delay_ms === -2 ? 'inside' : delay_ms === -1 ? 'never' : delay_ms;
  return {
    operation: {
      op: 'set-host',
      ...(hypercall_ret !== undefined && { hypercallStatus: hypercall_ret }),
      ...(final_status !== undefined && { finalStatus: final_status }),
      ...(out_len !== undefined && { outLen: out_len }),
      ...(delay !== undefined && { delay }),
    },
    observed: UNSAID,
  };
}

/** How much of struct tdx_report_req each mode of the harness has mapped. */
const MAPPED = { ok: 1088, null: 0, in_unmapped: 0, out_unmapped: 64, bad_cmd: 1088 } as const;
const MODES = ['ok', 'null', 'in_unmapped', 'out_unmapped', 'bad_cmd'] as const;

function readIoctl(args: Json, out: Json, field: string): Imported {
  if (isObject(out) && 'open' in out) {
    // Without a node the harness has not chosen a command: any gives the same.
    nothing(args, `${field}.args`);
    const operation = ioctl(BigInt(TDX_CMD_GET_REPORT0), 'ok', 0);
    return { operation, observed: returned(opened(out, `${field}.out`).open) };
  }
  const shape = object({ cmd: number64, mode: oneOf(MODES), byte });
  const { cmd, mode, byte: value } = shape(args, `${field}.args`);
  const seen = object({
    ret: result,
    tdcalls: calls,
    hypercalls: integer(0, 0),
    report_128: hexBytes,
  });
  const { ret: answered, tdcalls, report_128: echo } = seen(out, `${field}.out`);
  return {
    operation: ioctl(cmd, mode, value),
    observed: observedOne(
      typeof answered === 'number'
        ? { kind: 'report', tdcalls, echo }
        : { kind: 'errno', errno: answered, tdcalls },
    ),
  };
}

function ioctl(
  cmd: bigint,
  mode: (typeof MODES)[number],
  value: number,
): Extract<tsm.TsmOperation, { readonly op: 'ioctl' }> {
  const reportData = new Uint8Array(64).fill(value);
  return { op: 'ioctl', cmd, buffer: { reportData, mapped: MAPPED[mode], writable: true } };
}

function isObject(json: Json): json is { readonly [field: string]: Json | undefined } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/**
 * Reads a foreign trace.
 *
 * @param file its name, for errors
 * @throws UsageError naming line and field where it is not what the harness writes
 */
export function importGuestTrace(
  text: string,
  file: string,
  facts: ForeignFacts,
): Trace<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome> {
  const events = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, seq): TsmEvent => ({ seq, ...readLine(line, seq, `${file}:${seq + 1}`) }));
  if (events.length === 0) throw new UsageError(`${file}: expected at least one line, got none`);
  return { model: 'tdx-attest.tsm', setup: driver.DEFAULT_SETUP, ...facts, events };
}

function readLine(text: string, seq: number, field: string): Imported {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    throw new UsageError(`${field}: expected a JSON object, got ${text.slice(0, 60)}`);
  }
  try {
    const { n, op, args, out } = LINE(json, field);
    if (n !== seq) throw new DecodeError(`${field}.n`, `${seq}`, n);
    return READERS[op](args, out, field);
  } catch (error) {
    if (error instanceof DecodeError) throw new UsageError(error.message);
    throw error;
  }
}

/**
 * The part of a trace of the report items that is the driver's: loading, the ioctl, and what
 * TDCALLs answer. Whether the place of the report provider is free at a load is told from the
 * items made before.
 */
export function driverPart(
  trace: Trace<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome>,
): Trace<driver.Setup, driver.DriverOperation, driver.DriverOutcome> {
  const items = new Set<string>();
  const events: DriverEvent[] = [];
  for (const { operation, observed } of trace.events) {
    const worked = observed.kind === 'one' && observed.outcome.kind === 'value';
    if (operation.op === 'mkdir' && worked) items.add(operation.name);
    if (operation.op === 'rmdir' && worked) items.delete(operation.name);
    const mine = driverOperation(operation, items.size > 0);
    const seen = driverOutcome(observed);
    if (mine !== undefined && seen !== undefined) {
      events.push({ seq: events.length, operation: mine, observed: seen });
    }
  }
  const { tdxGuest, nameTaken, platform } = trace.setup;
  const setup = { tdxGuest, nameTaken, platform };
  return { ...trace, model: 'tdx-attest.driver', setup, events };
}

function driverOperation(
  operation: tsm.TsmOperation,
  taken: boolean,
): driver.DriverOperation | undefined {
  switch (operation.op) {
    case 'load': {
      const { fails = taken ? ('report-provider' as const) : undefined, tdcallStatus } = operation;
      return {
        op: 'load',
        ...(fails !== undefined && { fails }),
        ...(tdcallStatus !== undefined && { tdcallStatus }),
      };
    }
    case 'unload':
    case 'bind':
    case 'unbind':
    case 'ioctl':
    case 'device-call':
    case 'set-tdcall-status':
      return operation;
    default:
      return undefined;
  }
}

function driverOutcome(observed: Observed): ObservedOutcome<driver.DriverOutcome> | undefined {
  if (observed.kind === 'any') return observed;
  if (observed.kind === 'anyOf') return undefined;
  const { outcome } = observed;
  return outcome.kind === 'value' || outcome.kind === 'report' || outcome.kind === 'errno'
    ? observedOne(outcome)
    : undefined;
}

type GetQuoteEvent = TraceEvent<getquote.GetQuoteOperation, getquote.GetQuoteOutcome>;
type GetQuoteTrace = Trace<getquote.Setup, getquote.GetQuoteOperation, getquote.GetQuoteOutcome>;

/**
 * The part of a trace that is the handshake over the GetQuote buffer: every request of a kernel
 * whose host answered before the hypercall returned. What both sides do on the way is known from
 * the harness; what the kernel made of it in the end was observed. It ends where a trace comes to
 * an inblob that is written call by call, or a host that writes out of turn.
 */
export function handshakePart(
  trace: Trace<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome>,
): GetQuoteTrace {
  const events: GetQuoteEvent[] = [];
  const push = (
    operation: getquote.GetQuoteOperation,
    observed: ObservedOutcome<getquote.GetQuoteOutcome> = { kind: 'any' },
  ): void => {
    events.push({ seq: events.length, operation, observed });
  };
  let host = { status: 0n, delayed: false };
  const nonces = new Map<string, Uint8Array>();
  for (const { operation, observed } of trace.events) {
    if (operation.op === 'open' && operation.file === 'inblob') break;
    if (operation.op === 'host-writes') break;
    if (operation.op === 'write-inblob') nonces.set(operation.name, operation.content);
    if (operation.op === 'load' && isSuccess(observed)) {
      host = { status: 0n, delayed: false };
    }
    if (operation.op === 'set-host') {
      host = {
        status: operation.finalStatus ?? host.status,
        delayed: operation.delay === undefined ? host.delayed : operation.delay !== 'inside',
      };
    }
    if (operation.op !== 'read-outblob' || observed.kind !== 'one') continue;
    const { outcome } = observed;
    if (outcome.kind !== 'blob' || outcome.cost?.hypercalls !== 1 || host.delayed) continue;
    // A host that says that it is not done has not answered.
    if (outcome.cost.seconds > 0) continue;
    push({ op: 'guest-begin' });
    push({ op: 'guest-step' }, observedOne({ kind: 'hypercall', status: 0n }));
    const request = events.filter((event) => event.operation.op === 'guest-begin').length;
    push({ op: 'host-data', content: `quote-${request}` });
    push({ op: 'host-length', outLen: 'fits' });
    const status = host.status === 0n ? 'success' : 'error';
    push({ op: 'host-status', status });
    // The look, the status and the length, the check, and the first half of the copy.
    for (let access = 0; access < 4; access += 1) push({ op: 'guest-step' });
    const answered = isAnswerTo(outcome.head, nonces.get(operation.name));
    const content = answered ? (`quote-${request}` as const) : 'foreign';
    push(
      { op: 'guest-step' },
      observedOne({ kind: 'quote', content, outLen: 'fits', seen: status }),
    );
  }
  return { ...trace, model: 'tdx-attest.getquote', setup: { timeout: 2, honest: false }, events };
}

/** The harness answers with the complement of the nonce. */
function isAnswerTo(head: Uint8Array, nonce: Uint8Array = new Uint8Array()): boolean {
  return head.every((byte, index) => byte === ((nonce[index] ?? 0) ^ 0xff));
}

function isSuccess(observed: Observed): boolean {
  return observed.kind === 'one' && observed.outcome.kind === 'value';
}
