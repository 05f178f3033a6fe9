// SPDX-License-Identifier: MIT
import { codec, type Operation, type Outcome, type Setup } from '@kernel-models/mm';
import type { RevisionId } from '@kernel-models/model-core';
import { kernelTransport } from '../probe/kernel.ts';
import { localTransport } from '../probe/local.ts';
import { probeTarget, type ProbeSubsystem } from '../probe/probe-target.ts';
import type { Hello } from '../probe/protocol.ts';
import type { Transport } from '../probe/transport.ts';
import { viaTransport } from '../probe/via.ts';
import type { TargetOptions } from '../subsystem.ts';
import type { Target } from '../target.ts';
import { lacks, missingCapabilities, processesOf, requires } from './host.ts';
import { encodeOperation, encodeWorld } from './wire.ts';

/** The model's name, and its probe's. */
const MM = 'mm';

type MmTarget = Target<Setup, Operation, Outcome>;

/**
 * The running kernel, and what the command line names: a machine behind a command, a kernel image.
 */
export function mmTargets({ via, kernel }: TargetOptions): readonly MmTarget[] {
  const transports: Transport[] = [
    ...(via === undefined ? [] : [viaTransport(MM, via)]),
    ...(kernel === undefined ? [] : [kernelTransport(MM, kernel)]),
  ];
  if (transports.length === 0) transports.push(localTransport(MM));
  return transports.map(mmTarget);
}

/** The target at the end of a transport. */
export function mmTarget(transport: Transport): MmTarget {
  return probeTarget(SUBSYSTEM, transport);
}

const SUBSYSTEM: ProbeSubsystem<Setup, Operation, Outcome> = {
  model: MM,
  decodeOutcome: (json) => codec.decodeOutcome(json),
  encodeSetup: encodeWorld,
  encodeOperation,
  revisionOf: ({ release }) => revisionOfRelease(release),
  configOf,
  worldsOf: processesOf,
  requires,
  lacks,
};

/**
 * The revision that describes a release of Linux: one of those that were measured. The merge rules,
 * mremap(2) and what a refused mmap(2) leaves behind changed several times in between.
 */
export function revisionOfRelease(release: string): RevisionId | undefined {
  return ['linux-6.1', 'linux-6.12', 'linux-6.18'].find((revision) =>
    new RegExp(`^${revision.slice('linux-'.length)}(?!\\d)`).test(release),
  );
}

function configOf(hello: Hello): string {
  const missing = missingCapabilities(hello);
  const without = missing.length === 0 ? '' : `; without ${missing.join(', ')}`;
  return `lsm=${hello.lsm}${without}`;
}
