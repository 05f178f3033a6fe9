// SPDX-License-Identifier: MIT
import { codec, type Operation, type Outcome, type Setup } from '@kernel-models/exec-check';
import type { RevisionId } from '@kernel-models/model-core';
import { kernelTransport } from '../probe/kernel.ts';
import { localTransport } from '../probe/local.ts';
import { probeTarget, type ProbeSubsystem } from '../probe/probe-target.ts';
import type { Hello } from '../probe/protocol.ts';
import type { Transport } from '../probe/transport.ts';
import { viaTransport } from '../probe/via.ts';
import type { TargetOptions } from '../subsystem.ts';
import type { Target } from '../target.ts';
import { lacks, missingCapabilities } from './requirements.ts';
import { encodeOperation, encodeSetup } from './wire.ts';

/** The model's name, and its probe's. */
const EXEC_CHECK = 'exec-check';

type ExecCheckTarget = Target<Setup, Operation, Outcome>;

/**
 * The running kernel, and what the command line names: a machine behind a command, a kernel image.
 */
export function execCheckTargets({ via, kernel }: TargetOptions): readonly ExecCheckTarget[] {
  const transports: Transport[] = [
    ...(via === undefined ? [] : [viaTransport(EXEC_CHECK, via)]),
    ...(kernel === undefined ? [] : [kernelTransport(EXEC_CHECK, kernel)]),
  ];
  if (transports.length === 0) transports.push(localTransport(EXEC_CHECK));
  return transports.map(execCheckTarget);
}

/** The target at the end of a transport. */
export function execCheckTarget(transport: Transport): ExecCheckTarget {
  return probeTarget(SUBSYSTEM, transport);
}

const SUBSYSTEM: ProbeSubsystem<Setup, Operation, Outcome> = {
  model: EXEC_CHECK,
  decodeOutcome: (json) => codec.decodeOutcome(json),
  encodeSetup,
  encodeOperation,
  revisionOf: (hello) => revisionOfRelease(hello.release),
  configOf,
  requires: ({ release }) =>
    isOlder(release) ? `Linux 6.1 or later: this kernel is ${release}` : undefined,
  lacks,
};

/** Whether a kernel is older than the oldest revision. */
function isOlder(release: string): boolean {
  const { major, minor } = versionOf(release);
  return major < 6 || (major === 6 && minor < 1);
}

function versionOf(release: string): { readonly major: number; readonly minor: number } {
  const match = /^(\d+)\.(\d+)/.exec(release);
  return { major: Number(match?.[1]), minor: Number(match?.[2]) };
}

/**
 * The revision that describes a release of Linux; undefined where none does: between 6.1 and 6.12,
 * and in 6.11 and 6.13, the order of checks and write denial were each something else again.
 */
export function revisionOfRelease(release: string): RevisionId | undefined {
  const { major, minor } = versionOf(release);
  if (major > 6 || (major === 6 && minor >= 19)) return 'linux-6.19';
  if (major !== 6) return undefined;
  if (minor === 1) return 'linux-6.1';
  if (minor === 12) return 'linux-6.12';
  if (minor >= 14) return minor >= 16 ? 'linux-6.18' : 'linux-6.14';
  return undefined;
}

function configOf(hello: Hello): string {
  const missing = missingCapabilities(hello);
  const without = missing.length === 0 ? '' : `; without ${missing.join(', ')}`;
  return `lsm=${hello.lsm}${without}`;
}
