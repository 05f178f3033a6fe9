// SPDX-License-Identifier: MIT
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bpfCfi, kcfiTypeIds, type Operation, type Setup } from '@kernel-models/bpf-cfi';
import {
  machineState,
  mapBytes,
  READ_EXECUTE,
  READ_WRITE,
  run,
  type MachineState,
} from '@kernel-models/hw-model/instructions';
import type { Benchmark, BenchmarkContext, Series } from '../benchmark.ts';
import { measureInterleaved, quantile, type Subject } from '../measure.ts';

const HASH = 'kCFI type id of a prototype';
const EXECUTE = 'an instruction executed';
const VERDICT = 'the verdict on a checked call';

/** The speed of bpf-cfi and of the instructions it runs on. */
export const bpfCfiSpeed: Benchmark = {
  name: 'bpf-cfi',
  title: 'bpf-cfi',
  baseline: 'clang 19',
  goals: [
    { workload: HASH, subject: 'model', atLeastPerSecond: 100_000 },
    { workload: EXECUTE, subject: 'model', atLeastPerSecond: 5_000_000 },
    { workload: VERDICT, subject: 'model', atLeastPerSecond: 200_000 },
  ],
  async run(context) {
    const samples = context.quick ? 3 : 11;
    return [
      ...measureInterleaved(HASH, [hashes()], { samples }),
      ...clangItself(context, samples),
      ...measureInterleaved(EXECUTE, [instructions()], { samples }),
      ...measureInterleaved(VERDICT, [verdicts()], { samples }),
    ];
  },
};

/** As kernel headers have them: pointers to structs, sizes, callbacks. */
const SHAPES: readonly ((name: string) => string)[] = [
  (name) => `int ${name}(struct sock *sk, const struct msghdr *m, unsigned long flags);`,
  (name) => `int ${name}(struct net_device *dev, struct sk_buff *skb, unsigned int len);`,
  (name) => `long ${name}(struct file *filp, unsigned int cmd, unsigned long arg);`,
  (name) => `void ${name}(struct sock *sk, int (*callback)(struct sock *, void *), void *data);`,
  (name) => `const char *${name}(const struct file *filp);`,
];
const TAGS = ['sock', 'msghdr', 'net_device', 'sk_buff', 'file'];
const PROTOTYPES = 5_000;

function prototypes(): string {
  const tags = TAGS.map((tag) => `struct ${tag};`);
  const lines = Array.from(
    { length: PROTOTYPES },
    (_, index) => SHAPES[index % SHAPES.length]?.(`f${index}`) ?? '',
  );
  return [...tags, ...lines].join('\n');
}

function hashes(): Subject {
  const source = prototypes();
  return { subject: 'model', run: () => kcfiTypeIds(source).length };
}

/** The whole of clang, started once for all prototypes. */
function clangItself({ progress }: BenchmarkContext, samples: number): readonly Series[] {
  const folder = mkdtempSync(join(tmpdir(), 'kernel-models-'));
  const [input, output] = [join(folder, 'p.c'), join(folder, 'p.o')];
  const names = Array.from({ length: PROTOTYPES }, (_, index) => `f${index}`);
  writeFileSync(input, `${prototypes()}\nconst void *const all[] = { ${names.join(', ')} };\n`);
  const times: number[] = [];
  try {
    for (let sample = 0; sample < samples; sample += 1) {
      const start = process.hrtime.bigint();
      execFileSync('clang-19', ['-c', '-w', '-O1', '-fsanitize=kcfi', '-o', output, input]);
      times.push(Number(process.hrtime.bigint() - start) / PROTOTYPES);
    }
  } catch {
    progress(`${HASH}: clang 19 is left out: clang-19 is not in PATH`);
    return [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  times.sort((a, b) => a - b);
  return [
    {
      workload: HASH,
      subject: 'clang 19',
      nsPerOperation: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      samples,
      operations: samples * PROTOTYPES,
    },
  ];
}

const CODE = 0xffff_ffff_8100_0000n;
const STACK = 0xffff_c900_0000_1000n;
/** ADD, two moves through memory, a tracked CALL onto ENDBR64, DEC and JNE: what call paths are made of. */
const LOOP = [
  ...[0x48, 0x01, 0xc8, 0x48, 0x89, 0x44, 0x24, 0xf8, 0x48, 0x8b, 0x54, 0x24, 0xf8],
  ...[0xff, 0xd3, 0xff, 0xc9, 0x75, 0xed, 0xf4],
];
const CALLEE = [0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x31, 0xd0, 0xc3];
const INSTRUCTIONS = 1_000_000;

function loop(): MachineState {
  const code = new Uint8Array(4096).fill(0xcc);
  code.set(LOOP);
  code.set(CALLEE, 0x100);
  let pages = mapBytes([], CODE, code, READ_EXECUTE);
  pages = mapBytes(pages, STACK - 0x1000n, new Uint8Array(4096), READ_WRITE);
  const registers = { rsp: STACK - 0x100n, rbx: CODE + 0x100n, rcx: 0xffff_ffffn };
  return machineState({ ibt: true, rip: CODE, registers, pages });
}

function instructions(): Subject {
  const state = loop();
  return { subject: 'model', run: () => run(state, INSTRUCTIONS).retired };
}

const SETUP: Setup = {
  ...{ cfi: true, autoDefault: false, fineibt: true, bhi: false, ibt: true, padding: true },
  ...{ alignment: 16, permissive: false, retpoline: false, returnThunk: false, sls: false },
  cpu: { ibt: true, fred: false },
};
const VERDICTS = 20_000;

function verdicts(): Subject {
  const revision = 'linux-6.18';
  const boot = { op: 'boot', cfi: 'fineibt', seed: 1 } as const;
  const { state } = bpfCfi.apply(bpfCfi.initial(SETUP), boot, revision);
  const sources = SHAPES.map((shape) => shape('f'));
  const calls = sources.flatMap((site) =>
    sources.map((prototype): Operation => ({
      op: 'call',
      site,
      callee: { prototype, addressTaken: true },
    })),
  );
  return {
    subject: 'model',
    run: () => {
      for (let index = 0; index < VERDICTS; index += 1) {
        const operation = calls[index % calls.length];
        if (operation !== undefined) bpfCfi.apply(state, operation, revision);
      }
      return VERDICTS;
    },
  };
}
