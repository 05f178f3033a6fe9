// SPDX-License-Identifier: MIT
import { CAP_SYS_PTRACE } from './capability.ts';
import type { Context } from './context.ts';
import { at } from './lists.ts';
import type { OperationOf } from './operation.ts';
import { refusal, type Refusal } from './refusal.ts';
import { INIT } from './setup.ts';
import { INITIAL_USERNS, type Credentials, type State, type UsernsId } from './state.ts';
import { answer, refuse, succeed, type ExecStep } from './step.ts';

const SELF = refusal('EPERM', 'ptrace.self');
const OTHER_USER = refusal('EPERM', 'ptrace.other-user');
const UNDUMPABLE = refusal('EPERM', 'ptrace.undumpable');
const MORE_CAPABLE = refusal('EPERM', 'ptrace.more-capable');
const LESS_RESTRICTED = refusal('EPERM', 'ptrace.less-restricted');
const OTHER_DOMAIN = refusal('EPERM', 'landlock.ptrace');

/** The exec securebits of the posting. */
const RESTRICTIONS = 0x500;

/**
 * PTRACE_SEIZE. Mirrors __ptrace_may_access() with PTRACE_MODE_ATTACH_REALCREDS, kernel/ptrace.c,
 * cap_ptrace_access_check(), security/commoncap.c, and hook_ptrace_access_check(),
 * security/landlock/task.c.
 */
export function ptraceAttach(
  { state, task, features }: Context,
  operation: OperationOf<'ptraceAttach'>,
): ExecStep {
  if (operation.target === INIT) return answer(state, { kind: 'refused' }, 'task.builder');
  const target = state.tasks[operation.target];
  if (target === undefined) return answer(state, { kind: 'gone' }, 'task.gone');
  if (target.name === task.name) return refuse(state, SELF);

  const tracer = task.credentials;
  const tracee = target.credentials;
  const privileged = capableIn(state, tracer, tracee.userns);
  if (!sameUser(tracer, tracee) && !privileged) return refuse(state, OTHER_USER);
  if (!target.dumpable && !privileged) return refuse(state, UNDUMPABLE);
  const refused = compareCapabilities(tracer, tracee, features.ptraceComparesSecurebits);
  if (refused !== undefined && !privileged) return refuse(state, refused);
  const inDomain = tracer.landlock.every((domain, index) => tracee.landlock[index] === domain);
  if (!inDomain) return refuse(state, OTHER_DOMAIN);
  return succeed(state, 'ptrace.attached');
}

function sameUser({ ruid, rgid }: Credentials, tracee: Credentials): boolean {
  return (
    [tracee.ruid, tracee.euid, tracee.suid].every((uid) => uid === ruid) &&
    [tracee.rgid, tracee.egid, tracee.sgid].every((gid) => gid === rgid)
  );
}

/** Mirrors cap_ptrace_access_check(); the posting also compares the exec securebits. */
function compareCapabilities(
  tracer: Credentials,
  tracee: Credentials,
  comparesSecurebits: boolean,
): Refusal | undefined {
  const contained =
    tracer.userns === tracee.userns && (tracee.permitted & ~tracer.permitted) === 0n;
  if (!contained) return MORE_CAPABLE;
  if (!comparesSecurebits) return undefined;
  return restrictionsAllowTracing(tracer.securebits, tracee.securebits)
    ? undefined
    : LESS_RESTRICTED;
}

/**
 * Whether a tracer does not escape its own restrictions by acting through the tracee: the tracee
 * has every restriction of the tracer, and every lock of one. Locks of bits that are not set do not
 * count. Mirrors the change to cap_ptrace_access_check() of Message-ID
 * 20240704190137.696169-3-mic@digikod.net.
 *
 * @param tracer securebits of the tracing task
 * @param tracee securebits of the traced one
 */
export function restrictionsAllowTracing(tracer: number, tracee: number): boolean {
  const bits = tracer & RESTRICTIONS;
  const otherBits = tracee & RESTRICTIONS;
  const locks = (bits << 1) & tracer;
  const otherLocks = (otherBits << 1) & tracee;
  return (bits & ~otherBits) === 0 && (locks & ~otherLocks) === 0;
}

/**
 * CAP_SYS_PTRACE towards a namespace: in it, or as the owner of one on the way up. Mirrors
 * cap_capable().
 */
function capableIn(state: State, credentials: Credentials, userns: UsernsId): boolean {
  for (let id = userns; ;) {
    if (id === credentials.userns) return (credentials.effective & CAP_SYS_PTRACE) !== 0n;
    if (id === INITIAL_USERNS) return false;
    const namespace = at(state.userNamespaces, id);
    if (namespace.parent === credentials.userns && namespace.owner === credentials.euid)
      return true;
    id = namespace.parent;
  }
}
