// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { TRACING_KINDS, type Operation, type Sight } from '@kernel-models/bpf-cfi';

/*
 * Histories of tracing: programs on functions that the kernel has to be traced, which it calls on
 * demand, and on others whose arguments a trampoline must move about in other ways.
 */

/** A function and the slots of its context that are no pointers to something. */
interface Traced {
  readonly source: string;
  readonly readable: readonly number[];
}

/** Functions that a test run calls. net/bpf/test_run.c, Linux 6.12. */
const CALLED: readonly Traced[] = [
  { source: 'int bpf_fentry_test1(int a)', readable: [0] },
  { source: 'int bpf_fentry_test2(int a, u64 b)', readable: [0, 1] },
  { source: 'int bpf_fentry_test3(char a, int b, u64 c)', readable: [0, 1, 2] },
  { source: 'int bpf_fentry_test4(void *a, char b, int c, u64 d)', readable: [0, 1, 2, 3] },
  {
    source: 'int bpf_fentry_test5(u64 a, void *b, short c, int d, u64 e)',
    readable: [0, 1, 2, 3, 4],
  },
  {
    source: 'int bpf_fentry_test6(u64 a, void *b, short c, int d, void *e, u64 f)',
    readable: [0, 1, 2, 3, 4, 5],
  },
  { source: 'int bpf_fentry_test7(struct bpf_fentry_test_t *arg)', readable: [0] },
  { source: 'int bpf_fentry_test8(struct bpf_fentry_test_t *arg)', readable: [0] },
  { source: 'u32 bpf_fentry_test9(u32 *a)', readable: [0] },
];

/** Those that may be modified, too. */
const MODIFIED: readonly Traced[] = [
  { source: 'int bpf_modify_return_test(int a, int *b)', readable: [0, 1] },
  {
    source: 'int bpf_modify_return_test2(int a, int *b, short c, int d, void *e, char f, int g)',
    readable: [0, 1, 2, 3, 4, 5, 6],
  },
];

const SOCKPTR =
  'typedef struct { union { void *kernel; void *user; }; _Bool is_kernel : 1; } sockptr_t;';
const KIDS = 'typedef struct { u32 val; } kuid_t; typedef struct { u32 val; } kgid_t;';
const GUID = 'typedef struct { u8 b[16]; } guid_t;';

/** Functions that nothing calls meanwhile, by what their arguments are. */
const OTHERS: readonly string[] = [
  'int nr_processes(void)',
  'void bpf_fentry_test_sinfo(struct skb_shared_info *sinfo)',
  // A struct in two registers; alone on the stack; with an argument behind it that gets a register.
  `${GUID} int acpi_call_prm_handler(guid_t handler_guid, void *param_buffer)`,
  `${SOCKPTR} int tcp_setsockopt(struct sock *sk, int level, int optname, ` +
    'sockptr_t optval, unsigned int optlen)',
  `${SOCKPTR} int sk_getsockopt(struct sock *sk, int level, int optname, ` +
    'sockptr_t optval, sockptr_t optlen)',
  `${SOCKPTR} int __cgroup_bpf_run_filter_getsockopt(struct sock *sk, int level, ` +
    'int optname, sockptr_t optval, sockptr_t optlen, int max_optlen, int retval)',
  // One slot on the stack, of 4 bytes and of 8.
  `${SOCKPTR} int do_sock_setsockopt(struct socket *sock, _Bool compat, int level, ` +
    'int optname, sockptr_t optval, int optlen)',
  `${SOCKPTR} int udp_lib_setsockopt(struct sock *sk, int level, int optname, ` +
    'sockptr_t optval, unsigned int optlen, int (*push_pending_frames)(struct sock *))',
  // Structs of 4 bytes; eight to twelve arguments.
  `${KIDS} struct key *key_alloc(struct key_type *type, const char *desc, kuid_t uid, ` +
    'kgid_t gid, const struct cred *cred, u32 perm, unsigned long flags, ' +
    'struct key_restriction *restrict_link)',
  'void seq_hex_dump(struct seq_file *m, const char *prefix_str, int prefix_type, ' +
    'int rowsize, int groupsize, const void *buf, size_t len, _Bool ascii)',
  'struct sk_buff *rtmsg_ifinfo_build_skb(int type, struct net_device *dev, ' +
    'unsigned int change, u32 event, gfp_t flags, int *new_nsid, int new_ifindex, ' +
    'u32 portid, const struct nlmsghdr *nlh)',
  'struct sk_buff *ip_make_skb(struct sock *sk, struct flowi4 *fl4, ' +
    'int (*getfrag)(void *, char *, int, int, int, struct sk_buff *), void *from, ' +
    'int length, int transhdrlen, struct ipcm_cookie *ipc, struct rtable **rtp, ' +
    'struct inet_cork *cork, unsigned int flags)',
  'int process_buffer_measurement(struct mnt_idmap *idmap, struct inode *inode, ' +
    'const void *buf, int size, const char *eventname, enum ima_hooks func, int pcr, ' +
    'const char *func_data, _Bool buf_hash, u8 *digest, size_t digest_len)',
  'void tcp_v4_send_ack(const struct sock *sk, struct sk_buff *skb, u32 seq, u32 ack, ' +
    'u32 win, u32 tsval, u32 tsecr, int oif, struct tcp_key *key, int reply_flags, ' +
    'u8 tos, u32 txhash)',
];
/** No trampoline can pass what is variadic. */
const VARIADIC = 'int _printk(const char *fmt, ...)';
/** A hook of security modules, whose return value may be modified. */
const HOOK =
  `${SOCKPTR} int security_socket_getpeersec_stream(struct socket *sock, ` +
  'sockptr_t optval, sockptr_t optlen, unsigned int len)';

const programs = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

/** From none to 64 bits: each length has an instruction of its own. */
const cookies = fc.constantFrom(
  0n,
  1n,
  0x7fff_ffffn,
  0xffff_ffffn,
  0x1_0000_0000n,
  0xffff_ffff_8000_0000n,
  (1n << 64n) - 1n,
);

/** Only a program for fmod_ret may return anything else. */
const seldomOne = fc.oneof({ weight: 19, arbitrary: fc.constant(0) }, fc.constant(1));

function attachments(
  source: string,
  kind: Arbitrary<(typeof TRACING_KINDS)[number]>,
  sees: Arbitrary<Sight>,
  sleepable: Arbitrary<boolean> = fc.constant(false),
): Arbitrary<Operation> {
  return kind.chain((chosen) =>
    fc.record({
      op: fc.constant('attach' as const),
      program: programs,
      kind: fc.constant(chosen),
      function: fc.constant(source),
      sees,
      returns: chosen === 'fmod_ret' ? fc.constantFrom(0, 0, 0, 1, 7) : seldomOne,
      sleepable,
      cookie: cookies,
    }),
  );
}

const kinds = fc.constantFrom(...TRACING_KINDS);
const plainKinds = fc.constantFrom<'fentry' | 'fexit'>('fentry', 'fexit');
/** What every program can ask for, whatever its function is. */
const helpers = fc.constantFrom<Sight>({ kind: 'count' }, { kind: 'address' }, { kind: 'cookie' });

/** An argument, what lies behind the last one and, now and then, what nobody may read. */
function sights({ readable }: Traced): Arbitrary<Sight> {
  const { length } = readable;
  return fc.oneof(
    helpers,
    fc
      .constantFrom(...readable, ...readable, length, length, length + 1)
      .map((index): Sight => ({ kind: 'argument', index })),
  );
}

function runs(program: Arbitrary<string>): Arbitrary<Operation> {
  return fc
    .tuple(fc.constantFrom('testRunTracing', 'testRunTracing', 'detach'), program)
    .map(([op, name]) => ({ op, program: name }) as Operation);
}

/** Programs on functions that test runs call, and test runs. */
const calledHistories: Arbitrary<readonly Operation[]> = fc
  .uniqueArray(fc.constantFrom(...CALLED, ...MODIFIED, ...MODIFIED), {
    minLength: 1,
    maxLength: 3,
    selector: ({ source }) => source,
  })
  .chain((functions) => {
    const attached = fc.oneof(
      ...functions.map((one) => {
        const sleepable = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.boolean());
        return attachments(one.source, kinds, sights(one), sleepable);
      }),
    );
    const shown = fc
      .constantFrom(...functions)
      .map(({ source }): Operation => ({ op: 'tracer', function: source }));
    const steps = fc.oneof(
      { weight: 3, arbitrary: attached },
      { weight: 2, arbitrary: shown },
      { weight: 4, arbitrary: runs(programs) },
    );
    return fc
      .tuple(
        fc.array(attached, { minLength: 2, maxLength: 5 }),
        fc.array(steps, { minLength: 4, maxLength: 12, size: 'max' }),
      )
      .map((parts) => parts.flat());
  });

/** Programs on one other function: the bytes of its trampoline are all that can be seen. */
const otherHistories: Arbitrary<readonly Operation[]> = fc
  .constantFrom(...OTHERS, HOOK, VARIADIC)
  .chain((source) => {
    const possible = source === HOOK ? kinds : plainKinds;
    const show: Operation = { op: 'tracer', function: source };
    return fc
      .array(attachments(source, possible, helpers), { minLength: 1, maxLength: 6 })
      .map((list) => list.flatMap((operation) => [operation, show]));
  });

/** As many programs as a function may have, and one more; their frames short and long. */
const fullHistories: Arbitrary<readonly Operation[]> = fc
  .tuple(
    fc.constantFrom(MODIFIED[0]?.source ?? '', HOOK, CALLED[0]?.source ?? ''),
    fc.constantFrom<(typeof TRACING_KINDS)[number]>(...TRACING_KINDS),
    fc.constantFrom(0n, 0x1234_5678n, 0x1_0000_0000n),
  )
  .map(([source, kind, cookie]) => [
    ...Array.from({ length: 39 }, (_, index): Operation => ({
      op: 'attach',
      program: `p${index}`,
      kind,
      function: source,
      sees: { kind: 'count' },
      returns: 0,
      sleepable: false,
      cookie,
    })),
    { op: 'tracer', function: source },
  ]);

/** What may happen behind a boot. */
export const tracings: Arbitrary<readonly Operation[]> = fc.oneof(
  { weight: 12, arbitrary: calledHistories },
  { weight: 6, arbitrary: otherHistories },
  { weight: 1, arbitrary: fullHistories },
);
