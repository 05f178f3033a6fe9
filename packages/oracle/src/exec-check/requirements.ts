// SPDX-License-Identifier: MIT
import {
  capabilityNames,
  CAP_SYS_RESOURCE,
  capabilitySet,
  CAPABILITY_NAMES,
  isLive,
  isLiveSetup,
  type Capability,
  type CapabilitySet,
  type Operation,
  type Setup,
} from '@kernel-models/exec-check';
import { decode } from '@kernel-models/model-core';
import type { Hello } from '../probe/protocol.ts';
import type { Case } from '../target.ts';

/** What the probe of exec-check adds to its hello. */
const factsDecoder = decode.object({
  capabilities: decode.array(decode.oneOf(CAPABILITY_NAMES)),
  busyUids: decode.array(decode.integer(0)),
});

/** What a host that answers has, beside its kernel. */
export interface HostFacts {
  /** What root may have there: a container or a virtual machine may have less than everything. */
  readonly capabilities: CapabilitySet;
  /** Users that have processes there, which count towards RLIMIT_NPROC. */
  readonly busyUids: readonly number[];
}

/** @throws DecodeError where the hello is another probe's */
export function hostFacts({ facts }: Hello): HostFacts {
  const { capabilities, busyUids } = factsDecoder(facts, 'hello');
  return { capabilities: capabilitySet(capabilities), busyUids };
}

/** The capabilities that nobody can have there. */
export function missingCapabilities(hello: Hello): readonly Capability[] {
  return capabilityNames(capabilitySet(CAPABILITY_NAMES) & ~hostFacts(hello).capabilities);
}

/**
 * Why a case cannot be put to a kernel, naming what is missing there; undefined where it can.
 *
 * A capability that the host lacks is left out of tasks in silence, unless the case could tell:
 * files with it are EPERM to execute, capset(2) cannot raise it, and CAP_SYS_RESOURCE lets fork(2)
 * pass RLIMIT_NPROC.
 */
export function lacks(candidate: Case<Setup, Operation>, hello: Hello): string | undefined {
  const { setup, operations } = candidate;
  if (!isLiveSetup(setup)) return 'a security module or format whose rules the model plays';
  const modelOnly = operations.find((operation) => !isLive(operation));
  if (modelOnly !== undefined)
    return `a way to be asked ${modelOnly.op}, which the model alone has`;

  const host = hostFacts(hello);
  const unavailable = namedCapabilities(candidate) & ~host.capabilities;
  if (unavailable !== 0n) return capabilityNames(unavailable).join(', ');
  // Root has processes everywhere: kernel threads at least.
  const busy = limitedUids(candidate).find((uid) => uid === 0 || host.busyUids.includes(uid));
  return busy === undefined ? undefined : `a user ${busy} without other processes`;
}

/** The capabilities whose absence a case could tell. */
function namedCapabilities({ setup, operations }: Case<Setup, Operation>): CapabilitySet {
  let named = 0n;
  for (const node of setup.nodes) {
    if (node.kind === 'file' && node.fcaps !== undefined) named |= node.fcaps.permitted;
  }
  for (const operation of operations) {
    if (operation.op === 'setfcaps') named |= operation.fcaps?.permitted ?? 0n;
    else if (operation.op === 'capset') {
      named |= operation.permitted | operation.effective | operation.inheritable;
    } else if (operation.op === 'fork' && limitsProcesses({ setup, operations })) {
      for (const { caps } of setup.tasks) named |= caps.permitted & CAP_SYS_RESOURCE;
    }
  }
  return named;
}

function limitsProcesses({ setup, operations }: Case<Setup, Operation>): boolean {
  return (
    setup.tasks.some(({ nprocLimit }) => nprocLimit !== undefined) ||
    operations.some((operation) => operation.op === 'setrlimit' && operation.resource === 'nproc')
  );
}

/**
 * Users whose processes a case counts. Root's are never limited, but where a task makes a user
 * namespace as root: then they bound, by the limit of its maker, those inside.
 */
function limitedUids(candidate: Case<Setup, Operation>): readonly number[] {
  if (!limitsProcesses(candidate)) return [];
  const { setup, operations } = candidate;
  const uids = setup.tasks.flatMap(({ ruid, euid, suid }) => [ruid, euid, suid]);
  for (const operation of operations) {
    if (operation.op === 'setresuid') uids.push(operation.ruid, operation.euid, operation.suid);
  }
  const leastUid = operations.some(({ op }) => op === 'unshareUser') ? 0 : 1;
  return uids.filter((uid) => uid >= leastUid);
}
