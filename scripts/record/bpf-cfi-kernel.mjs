// SPDX-License-Identifier: MIT
// Records what a kernel that was built with CFI answers: the scheme that it chose, the preambles of its
// programs and trampolines, what is registered and traced, and the report of a call of the wrong type.
//
//   npm run build && node scripts/record/bpf-cfi-kernel.mjs <bzImage> [cases] [seed] [qemu | bochs]
//
// Bochs has a CPU that tracks indirect branches, and qemu has none. Writes
// packages/oracle/recordings/bpf-cfi/linux-<release>-cfi.jsonl.gz, or linux-<release>-cfi-ibt.jsonl.gz with
// Bochs, a trace for each case, and prints how many cases were left out and why. Needs a C compiler, and
// qemu, or Bochs with its text display, binutils and script(1).
//
// No distribution builds such a kernel; one that this script was run with comes from Debian's
// linux-source-6.12 with clang-19, lld-19 and pahole:
//
//   make LLVM=1 O=<build> tinyconfig
//   scripts/kconfig/merge_config.sh -O <build> -m <build>/.config <the lines below>
//   make LLVM=1 O=<build> olddefconfig bzImage
//
//   CONFIG_64BIT CONFIG_EXPERT CONFIG_PRINTK CONFIG_BUG CONFIG_KALLSYMS CONFIG_KALLSYMS_ALL CONFIG_TTY
//   CONFIG_SERIAL_8250 CONFIG_SERIAL_8250_CONSOLE CONFIG_BLK_DEV_INITRD CONFIG_BINFMT_ELF CONFIG_DEVTMPFS
//   CONFIG_PROC_FS CONFIG_PROC_SYSCTL CONFIG_SYSFS CONFIG_SHMEM CONFIG_TMPFS CONFIG_MULTIUSER
//   CONFIG_NAMESPACES CONFIG_PID_NS CONFIG_FUTEX CONFIG_EPOLL CONFIG_POSIX_TIMERS CONFIG_NET CONFIG_INET
//   CONFIG_MODULES CONFIG_BPF_SYSCALL CONFIG_BPF_JIT CONFIG_BPF_JIT_ALWAYS_ON CONFIG_DEBUG_KERNEL
//   CONFIG_DEBUG_INFO_DWARF4 CONFIG_DEBUG_INFO_BTF CONFIG_PERF_EVENTS CONFIG_FTRACE CONFIG_UPROBE_EVENTS
//   CONFIG_DEBUG_FS CONFIG_RUNTIME_TESTING_MENU CONFIG_LKDTM CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE
//   CONFIG_CPU_MITIGATIONS CONFIG_MITIGATION_RETPOLINE CONFIG_X86_KERNEL_IBT CONFIG_CFI_CLANG
//   CONFIG_FINEIBT CONFIG_KERNEL_GZIP CONFIG_FUNCTION_TRACER CONFIG_DYNAMIC_FTRACE CONFIG_KEYS
//   CONFIG_SECURITY CONFIG_SECURITY_NETWORK CONFIG_CGROUPS CONFIG_CGROUP_BPF CONFIG_DEVMEM, each =y;
//   CONFIG_SMP CONFIG_FUNCTION_GRAPH_TRACER CONFIG_STRICT_DEVMEM, each =n
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { bpfCfi } from '../../packages/bpf-cfi/dist/index.js';
import {
  casesAfter,
  KERNEL_CODE,
  WRONG_CALLS,
} from '../../packages/oracle/dist/bpf-cfi/bpf-cases.js';
import { bpfBochsTarget, bpfKernelTarget } from '../../packages/oracle/dist/bpf-cfi/bpf-targets.js';
import { answersOf, openTarget, RECORDINGS, versionOf, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/bpf-cfi-kernel.mjs';
const [image, countText = '55', seedText = '20231208', emulator = 'qemu'] = process.argv.slice(2);
if (image === undefined || !['qemu', 'bochs'].includes(emulator)) {
  throw new Error('usage: bpf-cfi-kernel.mjs <bzImage> [cases] [seed] [qemu | bochs]');
}
// So few that one machine does them all under qemu: the next one would draw another seed.
const count = Math.min(55, Number(countText));

/** The values of `cfi=`, and what else is on the command line. */
const BOOTS = {
  qemu: [
    [''],
    ['kcfi'],
    ['kcfi,norand'],
    ['fineibt'],
    ['fineibt,norand'],
    ['off'],
    ['norand,sometimes'],
    ['fineibt,paranoid'],
    ['paranoid,norand'],
  ],
  // The CPU that is emulated needs no retpolines, and returns through a thunk.
  bochs: [
    [''],
    ['norand'],
    ['kcfi'],
    ['off'],
    ['norand', 'spectre_v2=retpoline'],
    ['norand', 'mitigations=off'],
  ],
}[emulator];

/**
 * A booted kernel. Linux 6.12 writes a FineIBT caller in two steps, with interrupts on between them: a timer
 * that fires there finds the template’s hash 0x12345678, and the kernel dies while it boots. Bochs does
 * the same each time.
 */
async function boot(parameter, more) {
  const words = [...(parameter === '' ? [] : [`cfi=${parameter}`]), ...more].join(' ');
  for (let tries = 1; ; tries += 1) {
    const target =
      emulator === 'bochs' ? bpfBochsTarget(image, words) : bpfKernelTarget(image, words);
    try {
      return { target, ...(await openTarget(target, bpfCfi.name, SCRIPT)) };
    } catch (error) {
      if (tries === 5 || emulator === 'bochs') throw error;
      console.log(`${words} did not boot: ${error.message}`);
    }
  }
}

/** The `key=value` words of a source's configuration. */
function configurationOf({ config = '' }) {
  return Object.fromEntries(config.split(' ').map((word) => word.split(/=(.*)/s)));
}

/** The machine that answers, which is another one than said hello where cases come with the start. */
function answering(target) {
  const machine = {};
  return {
    machine,
    target: {
      ...target,
      runBatch: async function* (cases) {
        for await (const answer of target.runBatch(cases)) {
          machine.source ??= (await target.available()).source;
          yield answer;
        }
      },
    },
  };
}

/** A trace with the seed that its machine drew. */
function withSeed(trace, { source }) {
  const [{ operation, ...rest }, ...events] = trace.events;
  const seed = Number(configurationOf(source).seed);
  return {
    ...trace,
    source: { ...trace.source, ...source },
    events: [{ ...rest, operation: { ...operation, seed } }, ...events],
  };
}

/** What the cases of a boot answer: all on one machine, since another one draws another seed. */
async function recordBoot([parameter, ...more], seed) {
  for (let tries = 1; ; tries += 1) {
    const { target, facts, worlds } = await boot(parameter, more);
    const first = {
      op: 'boot',
      cfi: parameter === '' ? undefined : parameter,
      seed: Number(configurationOf(facts.source).seed),
    };
    const [setup] = worlds;
    const cases = [
      ...fc.sample(casesAfter(first, setup), { numRuns: count, seed }),
      ...[...KERNEL_CODE, ...WRONG_CALLS].map((one) => ({ setup, operations: [first, one] })),
    ];
    try {
      const { machine, target: asked } = answering(target);
      const answers = await answersOf(asked, cases, facts, { strict: true });
      console.log(`${[parameter, ...more].join(' ')}: ${machine.source.config}`);
      return {
        traces: answers.traces.map((trace) => withSeed(trace, machine)),
        left: answers.left,
        release: versionOf(machine.source),
      };
    } catch (error) {
      if (tries === 5) throw error;
      console.log(`${[parameter, ...more].join(' ')}, once more: ${error.message}`);
    } finally {
      await target.close();
    }
  }
}

const traces = [];
const left = new Map();
let release = 'unknown';
for (const [index, words] of BOOTS.entries()) {
  const recorded = await recordBoot(words, Number(seedText) + index);
  ({ release } = recorded);
  traces.push(...recorded.traces);
  for (const [reason, number] of recorded.left) left.set(reason, (left.get(reason) ?? 0) + number);
}
const name = `linux-${release}-cfi${emulator === 'bochs' ? '-ibt' : ''}`;
writeRecording(join(RECORDINGS, bpfCfi.name), name, bpfCfi.codec, {
  traces,
  left,
});
