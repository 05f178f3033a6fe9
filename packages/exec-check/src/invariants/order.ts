// SPDX-License-Identifier: MIT
import { apply } from '../apply.ts';
import { AT_EMPTY_PATH, AT_EXECVE_CHECK, AT_SYMLINK_NOFOLLOW, PATH_MAX } from '../constants.ts';
import { at } from '../lists.ts';
import { fileOf } from '../open-files.ts';
import { featuresOf } from '../revisions.ts';
import type { State } from '../state.ts';
import {
  again,
  errnoOf,
  located,
  ofCheck,
  ofExec,
  releases,
  type ExecInvariant,
} from './exec-call.ts';

const NULL_ARRAY = { kind: 'null' } as const;

/** Which error wins where several would be right. */
export const ORDER_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.first-failing-step-decides',
    'The path is copied first, then the process limit, then the flags; every error of the file wins over those of the arguments.',
    (call) => {
      const { path, flags } = call.operation;
      const errno = errnoOf(call.step.outcome);
      if (path.kind !== 'text') return errno === 'EFAULT';
      if (path.text.length >= PATH_MAX) return errno === 'ENAMETOOLONG';
      if (path.text === '' && (flags & AT_EMPTY_PATH) === 0) return errno === 'ENOENT';
      if (call.step.rule === 'execveat.process-limit') return errno === 'EAGAIN';
      const known =
        AT_SYMLINK_NOFOLLOW |
        AT_EMPTY_PATH |
        (featuresOf(call.revision).checkFlag ? AT_EXECVE_CHECK : 0);
      if ((flags & ~known) !== 0) return errno === 'EINVAL';
      const bare = again(call, {
        argv: NULL_ARRAY,
        envp: NULL_ARRAY,
        flags: flags | (featuresOf(call.revision).checkFlag ? AT_EXECVE_CHECK : 0),
      });
      return bare.kind !== 'errno' || bare.errno === 'E2BIG' || bare.errno === errno;
    },
    releases((id) => !featuresOf(id).argvBeforeFile),
  ),
  ofCheck(
    'exec.fd-and-path-agree',
    'A check by descriptor and one by path agree where the path leads to the same mount and file and says nothing more.',
    (call) => {
      const { dirfd, path, flags } = call.operation;
      const byFd = path.kind === 'text' && path.text === '' && (flags & AT_EMPTY_PATH) !== 0;
      const file = fileOf(call.before, call.task, dirfd);
      if (!byFd || file === undefined || (flags & ~(AT_EMPTY_PATH | AT_EXECVE_CHECK)) !== 0) {
        return true;
      }
      const absolute = pathTo(call.before, file.mount, file.dentry);
      if (absolute === undefined) return true;
      const byPath = { ...call.operation, path: { kind: 'text' as const, text: absolute } };
      const named = apply(call.before, byPath, call.revision);
      // The walk may be refused, or lead elsewhere; the name takes another number of bytes.
      if (named.rule.startsWith('walk.') || call.step.rule.startsWith('arguments.')) return true;
      const place = located({ ...call, operation: byPath });
      if (place?.mount !== file.mount || place.dentry !== file.dentry) return true;
      return (
        named.rule.startsWith('arguments.') || errnoOf(named.outcome) === errnoOf(call.step.outcome)
      );
    },
  ),
];

/** An absolute path that leads to a dentry through a mount, where it still has one. */
function pathTo(state: State, mountId: number, dentryId: number): string | undefined {
  let path = '';
  let mount = at(state.mounts, mountId);
  let dentry = dentryId;
  for (;;) {
    if (dentry !== mount.root) {
      const { name, parent } = at(state.dentries, dentry);
      if (at(state.dentries, parent).children[name] !== dentry) return undefined;
      path = `/${name}${path}`;
      dentry = parent;
    } else if (mount.parent >= 0) {
      dentry = mount.mountpoint;
      mount = at(state.mounts, mount.parent);
    } else {
      return mount === state.mounts[0] && path !== '' ? path : undefined;
    }
  }
}
