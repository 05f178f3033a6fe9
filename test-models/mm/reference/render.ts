// SPDX-License-Identifier: MIT
import type { Outcome } from '@kernel-models/mm';
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE } from './vm-flags.ts';
import { dataVm, stackVm, totalVm } from './accounting.ts';
import { printVmFlags } from './vm-flags.ts';
import { has, PAGE, type Process, type Vma } from './state.ts';

/** /proc/PID/smaps and the totals of /proc/PID/status. */
export function smaps(process: Process): Outcome {
  return {
    kind: 'smaps',
    vmas: process.vmas.map((vma) => ({
      start: vma.start,
      end: vma.end,
      perms: permissions(vma),
      offset: hasFile(vma) ? vma.pgoff * PAGE : 0n,
      name: nameOf(process, vma),
      flags: printVmFlags(vma.flags, process.rules.namesLockOnFault),
    })),
    totals: {
      size: Number(totalVm(process)),
      locked: Number(process.lockedVm),
      data: Number(dataVm(process)),
      stack: Number(stackVm(process)),
    },
  };
}

/** Whether the VMA has a vm_file. */
function hasFile({ backing }: Vma): boolean {
  return backing.kind !== 'anonymous' && backing.kind !== 'special';
}

function permissions(vma: Vma): string {
  const read = has(vma, VM_READ) ? 'r' : '-';
  const write = has(vma, VM_WRITE) ? 'w' : '-';
  const execute = has(vma, VM_EXEC) ? 'x' : '-';
  return read + write + execute + (has(vma, VM_MAYSHARE) ? 's' : 'p');
}

function nameOf(process: Process, vma: Vma): string {
  const { setup, brk, rules } = process;
  const { backing, start, end } = vma;
  if (backing.kind === 'special') return backing.name;
  if (backing.kind === 'program') return 'probe';
  if (backing.kind === 'shmem') return 'shmem';
  if (backing.kind === 'file') {
    // Two descriptors of one inode cannot be told apart in /proc: the first one names it.
    const { files } = setup;
    const inode = files[backing.index]?.inode;
    return `file:${files.findIndex((file) => file.inode === inode)}`;
  }
  const heap = rules.heapNameTouches
    ? start <= brk && end >= setup.startBrk
    : start < brk && end > setup.startBrk;
  if (heap) return '[heap]';
  return start <= setup.startStack && end >= setup.startStack ? '[stack]' : '';
}
