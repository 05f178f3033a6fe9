// SPDX-License-Identifier: MIT
import type { Qualifier, TypeSpec } from '@kernel-models/bpf-cfi';

/*
 * BTF: the types of a running kernel, in its own words. Documentation/bpf/btf.rst, Linux 6.18.
 */

/** A function type of a kernel, with where it was found. */
export interface KernelFunction {
  /** `tcp_congestion_ops.ssthresh`, or a function's name. */
  readonly name: string;
  readonly type: TypeSpec;
}

interface Entry {
  readonly name: string;
  readonly kind: number;
  readonly flag: boolean;
  readonly size: number;
  /** Offset of what follows the common part. */
  readonly extra: number;
  readonly count: number;
}

const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

/** Bytes behind the common part: for each member, or in all. */
const EXTRA: ReadonlyMap<number, (count: number) => number> = new Map([
  [KIND.INT, () => 4],
  [KIND.ARRAY, () => 12],
  [KIND.STRUCT, (count: number) => 12 * count],
  [KIND.UNION, (count: number) => 12 * count],
  [KIND.ENUM, (count: number) => 8 * count],
  [KIND.FUNC_PROTO, (count: number) => 8 * count],
  [KIND.VAR, () => 4],
  [KIND.DATASEC, (count: number) => 12 * count],
  [KIND.DECL_TAG, () => 4],
  [KIND.ENUM64, (count: number) => 12 * count],
]);

const VOID: TypeSpec = { kind: 'builtin', name: 'void' };

/** A type that C cannot name in a prototype of its own. */
export class UnnameableType extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnnameableType';
  }
}

/** The types of a kernel. */
export class Btf {
  readonly #view: DataView;
  readonly #strings: number;
  readonly #entries: Entry[] = [];

  /** @throws RangeError where the bytes are no little-endian BTF */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#view.getUint16(0, true) !== 0xeb9f) {
      throw new RangeError('btf: expected the magic number 0xeb9f');
    }
    const header = this.#view.getUint32(4, true);
    const types = header + this.#view.getUint32(8, true);
    const end = types + this.#view.getUint32(12, true);
    this.#strings = header + this.#view.getUint32(16, true);
    // Type 0 is void.
    this.#entries.push({ name: 'void', kind: 0, flag: false, size: 0, extra: 0, count: 0 });
    for (let at = types; at < end;) {
      const info = this.#view.getUint32(at + 4, true);
      const kind = (info >>> 24) & 0x1f;
      const count = info & 0xffff;
      this.#entries.push({
        name: this.#string(this.#view.getUint32(at, true)),
        kind,
        flag: info >>> 31 === 1,
        size: this.#view.getUint32(at + 8, true),
        extra: at + 12,
        count,
      });
      at += 12 + (EXTRA.get(kind)?.(count) ?? 0);
    }
  }

  #string(offset: number): string {
    let text = '';
    for (let at = this.#strings + offset; ; at += 1) {
      const byte = this.#view.getUint8(at);
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
  }

  /** The function-pointer members of structs, by name. A struct that is not there gives none. */
  *members(structs: ReadonlySet<string>): Generator<KernelFunction> {
    for (const entry of this.#entries) {
      if (entry.kind !== KIND.STRUCT || !structs.has(entry.name)) continue;
      for (let index = 0; index < entry.count; index += 1) {
        const at = entry.extra + 12 * index;
        const proto = this.#pointee(this.#view.getUint32(at + 4, true));
        if (proto === undefined) continue;
        const member = this.#string(this.#view.getUint32(at, true));
        yield* this.#named(`${entry.name}.${member}`, proto);
      }
    }
  }

  /** Every function of the kernel, by name. */
  *functions(): Generator<KernelFunction> {
    for (const entry of this.#entries) {
      if (entry.kind === KIND.FUNC) yield* this.#named(entry.name, entry.size);
    }
  }

  /** How many types were left out, by reason. */
  readonly excluded: Map<string, number> = new Map<string, number>();

  *#named(name: string, proto: number): Generator<KernelFunction> {
    try {
      yield { name, type: this.#type(proto, 0) };
    } catch (error) {
      if (!(error instanceof UnnameableType)) throw error;
      this.excluded.set(error.message, (this.excluded.get(error.message) ?? 0) + 1);
    }
  }

  #entry(id: number): Entry {
    const entry = this.#entries[id];
    if (entry === undefined) throw new RangeError(`btf: expected a type, got number ${id}`);
    return entry;
  }

  /** The function type behind a pointer, through typedefs and qualifiers. */
  #pointee(id: number): number | undefined {
    let at = id;
    let pointers = 0;
    for (;;) {
      const { kind, size } = this.#entry(at);
      if (kind === KIND.FUNC_PROTO) return pointers === 1 ? at : undefined;
      if (kind === KIND.PTR) pointers += 1;
      else if (!TRANSPARENT.has(kind)) return undefined;
      at = size;
    }
  }

  #type(id: number, depth: number): TypeSpec {
    if (depth > 60) throw new UnnameableType('a type that leads back to itself through typedefs');
    const entry = this.#entry(id);
    const { kind, name, size } = entry;
    switch (kind) {
      case 0:
        return VOID;
      case KIND.INT:
      case KIND.FLOAT:
        return { kind: 'builtin', name };
      case KIND.PTR:
        return { kind: 'pointer', to: this.#type(size, depth + 1) };
      case KIND.ARRAY:
        return this.#array(entry, depth);
      case KIND.TYPEDEF:
        return this.#typedef(entry, depth);
      case KIND.TYPE_TAG:
        return this.#type(size, depth + 1);
      case KIND.CONST:
        return this.#qualified('const', size, depth);
      case KIND.VOLATILE:
        return this.#qualified('volatile', size, depth);
      case KIND.RESTRICT:
        return this.#qualified('restrict', size, depth);
      case KIND.FUNC_PROTO:
        return this.#function(entry, depth);
      default:
        return this.#tag(entry);
    }
  }

  #array({ extra }: Entry, depth: number): TypeSpec {
    const element = this.#type(this.#view.getUint32(extra, true), depth + 1);
    const bound = this.#view.getUint32(extra + 8, true);
    // BTF says 0 of an array without a bound, too.
    return { kind: 'array', bound: bound === 0 ? null : bound, element };
  }

  /** Typedefs are transparent, but for the one that names an unnamed record. */
  #typedef({ name, size }: Entry, depth: number): TypeSpec {
    const target = this.#entry(size);
    const tag = TAG_KINDS.get(target.kind);
    if (name === '__builtin_va_list') return { kind: 'builtin', name };
    if (tag !== undefined && target.name === '') return { kind: 'typedef', tag, name };
    return this.#type(size, depth + 1);
  }

  #qualified(qualifier: Qualifier, id: number, depth: number): TypeSpec {
    const type = this.#type(id, depth + 1);
    if (type.kind === 'function') return type;
    if (type.kind !== 'qualified') return { kind: 'qualified', qualifiers: [qualifier], type };
    const qualifiers = [...new Set([qualifier, ...type.qualifiers])];
    return { kind: 'qualified', qualifiers, type: type.type };
  }

  #function({ size, extra, count }: Entry, depth: number): TypeSpec {
    const parameters: TypeSpec[] = [];
    let variadic = false;
    for (let index = 0; index < count; index += 1) {
      const id = this.#view.getUint32(extra + 8 * index + 4, true);
      if (id === 0) variadic = true;
      else parameters.push(this.#type(id, depth + 1));
    }
    return { kind: 'function', returns: this.#type(size, depth + 1), parameters, variadic };
  }

  #tag({ kind, name, flag }: Entry): TypeSpec {
    const tag = kind === KIND.FWD ? (flag ? 'union' : 'struct') : TAG_KINDS.get(kind);
    if (tag === undefined) throw new UnnameableType('a type of a kind that C has not');
    if (name === '') throw new UnnameableType('an unnamed record that no typedef names');
    return { kind: 'tag', tag, name };
  }
}

const TAG_KINDS: ReadonlyMap<number, 'struct' | 'union' | 'enum'> = new Map([
  [KIND.STRUCT, 'struct'],
  [KIND.UNION, 'union'],
  [KIND.ENUM, 'enum'],
  [KIND.ENUM64, 'enum'],
]);
const TRANSPARENT: ReadonlySet<number> = new Set([
  ...[KIND.TYPEDEF, KIND.CONST, KIND.VOLATILE, KIND.RESTRICT, KIND.TYPE_TAG],
]);

/** Structs of function pointers that every kernel calls through. */
export const OPS_STRUCTS: ReadonlySet<string> = new Set([
  ...['tcp_congestion_ops', 'bpf_dummy_ops', 'Qdisc_ops', 'Qdisc_class_ops', 'file_operations'],
  ...['net_device_ops', 'ethtool_ops', 'inode_operations', 'super_operations', 'dentry_operations'],
  ...[
    'address_space_operations',
    'vm_operations_struct',
    'proto_ops',
    'proto',
    'block_device_operations',
  ],
  ...['sched_class', 'seq_operations', 'tty_operations', 'tty_ldisc_ops', 'bpf_map_ops'],
  ...['bpf_verifier_ops', 'pernet_operations', 'rtnl_link_ops', 'header_ops', 'neigh_ops'],
  ...['dma_map_ops', 'dev_pm_ops', 'device_driver', 'bus_type', 'pci_driver', 'irq_chip'],
  ...['clocksource', 'clock_event_device', 'key_type', 'security_hook_list', 'crypto_alg'],
  ...['nf_hook_ops', 'xfrm_type', 'inet_connection_sock_af_ops', 'request_sock_ops', 'kernfs_ops'],
  ...['sysfs_ops', 'kobj_type', 'fs_context_operations', 'export_operations', 'quotactl_ops'],
  ...['blk_mq_ops', 'elevator_mq_ops', 'cgroup_subsys', 'trace_event_functions', 'perf_event'],
]);
