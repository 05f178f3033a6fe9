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
import { driver, TDX_CMD_GET_REPORT0, type tsm } from '@kernel-models/tdx-attest';
import { UsageError } from '../exit-code.ts';

/*
 * The harness that runs tdx-guest.ko, tsm and configfs of a booted kernel on a fake TDX module and
 * a scripted host writes one JSON object a line: {n, op, args, out}. This reads it into traces of
 * tdx-attest.tsm.
 */

/** Where a foreign trace comes from, which its lines do not say. */
export interface ForeignFacts {
  readonly revision: string;
  readonly source: TraceSource;
  /** ISO 8601. */
  readonly recordedAt: string;
}

type TsmEvent = TraceEvent<tsm.TsmOperation, tsm.TsmOutcome>;
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
