// SPDX-License-Identifier: MIT
import type { Features } from './revisions.ts';

/*
 * The structs that BPF may implement: their members as BTF has them, and the stubs that the kernel
 * gives them. net/ipv4/bpf_tcp_ca.c, net/bpf/bpf_dummy_struct_ops.c.
 */

/** The name of a struct that BPF may implement. */
export type StructName = 'tcp_congestion_ops' | 'bpf_dummy_ops';

/** A member of such a struct. */
export interface StructMember {
  readonly name: string;
  /** How the kernel calls it, in C; undefined where it is no function pointer. */
  readonly prototype: string | undefined;
  /** The stub; undefined where the member has none: BPF may not implement it. */
  readonly stub: string | undefined;
  /** A sleepable program may implement it: the struct's check_member() does not refuse. */
  readonly sleepable: boolean;
  /** The parameter that may be NULL. */
  readonly nullable: number | undefined;
}

function member(
  name: string,
  prototype?: string,
  stub: string | undefined = prototype,
): StructMember {
  return { name, prototype, stub, sleepable: true, nullable: undefined };
}

function tcpMembers(features: Features): readonly StructMember[] {
  const sk = 'struct sock *sk';
  const sample = 'const struct rate_sample *rs';
  const control = features.congControlAck || features.stubDrift;
  const congControl = control
    ? `void cong_control(${sk}, u32 ack, int flag, ${sample})`
    : `void cong_control(${sk}, ${sample})`;
  const stub = features.stubDrift ? `void cong_control(${sk}, ${sample})` : congControl;
  return [
    member('ssthresh', `u32 ssthresh(${sk})`),
    member('cong_avoid', `void cong_avoid(${sk}, u32 ack, u32 acked)`),
    member('set_state', `void set_state(${sk}, u8 new_state)`),
    member('cwnd_event', `void cwnd_event(${sk}, enum tcp_ca_event ev)`),
    member('in_ack_event', `void in_ack_event(${sk}, u32 flags)`),
    member('pkts_acked', `void pkts_acked(${sk}, const struct ack_sample *sample)`),
    member('min_tso_segs', `u32 min_tso_segs(${sk})`),
    member('cong_control', congControl, stub),
    member('undo_cwnd', `u32 undo_cwnd(${sk})`),
    member('sndbuf_expand', `u32 sndbuf_expand(${sk})`),
    {
      ...member('get_info', `size_t get_info(${sk}, u32 ext, int *attr, union tcp_cc_info *info)`),
      stub: undefined,
    },
    member('name'),
    member('owner'),
    member('list'),
    member('key'),
    member('flags'),
    member('init', `void init(${sk})`),
    member('release', `void release(${sk})`),
  ];
}

const STATE = 'struct bpf_dummy_ops_state *cb';

const DUMMY_MEMBERS: readonly StructMember[] = [
  { ...member('test_1', `int test_1(${STATE})`), sleepable: false, nullable: 0 },
  {
    ...member(
      'test_2',
      `int test_2(${STATE}, int a1, unsigned short a2, char a3, unsigned long a4)`,
    ),
    sleepable: false,
  },
  member('test_sleepable', `int test_sleepable(${STATE})`),
];

/** The members of a struct, in their order. */
export function structMembers(name: StructName, features: Features): readonly StructMember[] {
  return name === 'bpf_dummy_ops' ? DUMMY_MEMBERS : tcpMembers(features);
}

/** A member by its name; undefined where the struct has none. */
export function structMember(
  struct: StructName,
  name: string,
  features: Features,
): StructMember | undefined {
  return structMembers(struct, features).find((one) => one.name === name);
}

/**
 * Names that a struct's registration demands programs for, in the order in which they are looked
 * for.
 */
export const TCP_REQUIRED: readonly string[] = ['ssthresh', 'undo_cwnd'];
