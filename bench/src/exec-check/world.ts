// SPDX-License-Identifier: MIT
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  execCheck,
  plainTask,
  type NodeSpec,
  type Operation,
  type Setup,
  type State,
} from '@kernel-models/exec-check';

const USER = 7;

const MODES = [0o755, 0o644, 0o700, 0o111, 0o070, 0o007, 0o4755, 0o000];

/** A world of 1,000 inodes: 40 directories on two mounts with 24 files each, of every kind of mode. */
export function largeWorld(): Setup {
  const nodes: NodeSpec[] = [];
  for (let directory = 0; directory < 40; directory += 1) {
    const path = `${directory % 4 === 3 ? '/n' : '/e'}/d${directory}`;
    nodes.push({ kind: 'dir', path, mode: 0o755, uid: 0, gid: 0 });
    for (let file = 0; file < 24; file += 1) {
      nodes.push({
        kind: 'file',
        path: `${path}/f${file}`,
        mode: MODES[(directory + file) % MODES.length] ?? 0,
        uid: [0, USER, 9][file % 3] ?? 0,
        gid: [0, USER, 8][directory % 3] ?? 0,
        content: { kind: 'empty' },
        ...(file % 5 === 4 && {
          acl: { users: [{ uid: USER, perm: 5 }], groups: [], groupObj: 5, mask: 5 },
        }),
      });
    }
  }
  return {
    mounts: [
      { kind: 'tmpfs', at: '/e', flags: [] },
      { kind: 'tmpfs', at: '/n', flags: ['noexec'] },
    ],
    nodes,
    tasks: [plainTask('t1', USER, { groups: [8], cwd: '/e' })],
  };
}

/** The state of {@link largeWorld} with some descriptors open, one of them for writing. */
export function largeState(): State {
  let state = execCheck.initial(largeWorld());
  for (const [fd, path] of ['/e/d0/f0', '/e/d1/f3', '/n/d3/f1', '/e/d2/f6'].entries()) {
    const operation: Operation = { op: 'open', task: 'init', fd, path, flags: ['O_RDWR'] };
    state = execCheck.apply(state, operation, 'linux-6.18').state;
  }
  return state;
}

/** A thousand checks: by path, some refused by mode, mount, lookup or a writer; some pass. */
export function manyChecks(): readonly Operation[] {
  return Array.from({ length: 1000 }, (_, index): Operation => {
    const directory = (index * 7) % 40;
    const mount = directory % 4 === 3 ? '/n' : '/e';
    const file = index % 13 === 12 ? 'missing' : `f${(index * 11) % 24}`;
    return {
      op: 'execveat',
      task: 't1',
      dirfd: AT_FDCWD,
      path: { kind: 'text', text: `${mount}/d${directory}/${file}` },
      flags: index % 17 === 16 ? AT_EXECVE_CHECK | AT_EMPTY_PATH : AT_EXECVE_CHECK,
      argv: { kind: 'list', strings: [{ kind: 'text', text: 'a' }] },
      envp: { kind: 'null' },
    };
  });
}
