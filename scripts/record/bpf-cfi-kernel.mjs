// SPDX-License-Identifier: MIT
// Records what a kernel that was built with CFI answers: the scheme that it chose, the preambles of its
// programs and trampolines, what is registered, and the report of a call of the wrong type.
//
//   npm run build && node scripts/record/bpf-cfi-kernel.mjs <bzImage> [cases] [seed]
//
// Writes packages/oracle/recordings/bpf-cfi/linux-<release>-cfi.jsonl.gz, a trace for each case, and prints how
// many cases were left out and why. No distribution builds such a kernel; one that this script was run with
// comes from Debian's linux-source-6.12 with clang-19, lld-19 and pahole:
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
//   CONFIG_FINEIBT CONFIG_KERNEL_GZIP, each =y; CONFIG_SMP=n
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { bpfCfi } from '../../packages/bpf-cfi/dist/index.js';
import { casesAfter } from '../../packages/oracle/dist/bpf-cfi/bpf-cases.js';
import { bpfKernelTarget } from '../../packages/oracle/dist/bpf-cfi/bpf-targets.js';
import { answersOf, openTarget, RECORDINGS, versionOf, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/bpf-cfi-kernel.mjs';
const [image, countText = '60', seedText = '20231208'] = process.argv.slice(2);
if (image === undefined) throw new Error('usage: bpf-cfi-kernel.mjs <bzImage> [cases] [seed]');
// So few that one machine does them all: the next one would draw another seed.
const count = Math.min(60, Number(countText));

const BOOTS = ['', 'kcfi', 'kcfi,norand', 'fineibt', 'fineibt,norand', 'off', 'norand,sometimes'];

/**
 * A booted kernel. Linux 6.12 writes a FineIBT caller in two steps, with interrupts on between them: a timer
 * that fires there finds the template’s hash 0x12345678, and the kernel dies while it boots.
 */
async function boot(parameter) {
  for (let tries = 1; ; tries += 1) {
    const target = bpfKernelTarget(image, parameter === '' ? '' : `cfi=${parameter}`);
    try {
      return { target, ...(await openTarget(target, bpfCfi.name, SCRIPT)) };
    } catch (error) {
      if (tries === 5) throw error;
      console.log(`cfi=${parameter} did not boot: ${error.message}`);
    }
  }
}

/** The `key=value` words of a source's configuration. */
function configurationOf({ config = '' }) {
  return Object.fromEntries(config.split(' ').map((word) => word.split(/=(.*)/s)));
}

const traces = [];
const left = new Map();
let release = 'unknown';
for (const [index, parameter] of BOOTS.entries()) {
  const { target, facts, worlds } = await boot(parameter);
  release = versionOf(facts.source);
  const first = {
    op: 'boot',
    cfi: parameter === '' ? undefined : parameter,
    seed: Number(configurationOf(facts.source).seed),
  };
  const [setup] = worlds;
  const cases = fc.sample(casesAfter(first, setup), {
    numRuns: count,
    seed: Number(seedText) + index,
  });
  const answers = await answersOf(target, cases, facts);
  await target.close();
  traces.push(...answers.traces);
  for (const [reason, number] of answers.left) left.set(reason, (left.get(reason) ?? 0) + number);
  console.log(`${parameter || 'no parameter'}: ${facts.source.config}`);
}
writeRecording(join(RECORDINGS, bpfCfi.name), `linux-${release}-cfi`, bpfCfi.codec, {
  traces,
  left,
});
