// SPDX-License-Identifier: MIT
// Asks the running kernel (root, Linux 6.18) the cases on which a model was once wrong, and writes what it
// answers to test-models/corpus/exec-check:
//
//   npm run build && node scripts/record/exec-check-corpus.mjs
import { writeFileSync } from 'node:fs';
import { execCheck, plainTask } from '../../packages/exec-check/dist/index.js';
import { replay, writeTrace } from '../../packages/model-core/dist/index.js';
import { subsystemOf } from '../../packages/oracle/dist/index.js';
import { answersOf, openTarget } from './recording.mjs';

const NONE = { kind: 'null' };
const task = plainTask('t1', 7);
const elf = { kind: 'elf', program: 'exit', exitCode: 42 };
const exec = (path, flags = 0, task = 't1', dirfd = -100) => ({
  op: 'execveat',
  task,
  dirfd,
  path: { kind: 'text', text: path },
  flags,
  argv: NONE,
  envp: NONE,
});
const cases = {
  'fifo-below-proc-fd': {
    setup: { mounts: [{ kind: 'proc', at: '/p', flags: [] }], nodes: [], tasks: [] },
    operations: [{ op: 'mkfifo', task: 'init', path: '/p/self/fd/3', mode: 0o755 }],
  },
  'open-path-too-long': {
    setup: {
      mounts: [],
      nodes: [{ kind: 'file', path: '/e/f', mode: 0o644, uid: 0, gid: 0, content: elf }],
      tasks: [],
    },
    operations: [
      { op: 'open', task: 'init', fd: 6, path: '/e/f' + '/'.repeat(4092), flags: ['O_WRONLY'] },
    ],
  },
  'acl-mask-zero-skips-the-list': {
    setup: {
      mounts: [],
      nodes: [
        {
          kind: 'file',
          path: '/f',
          mode: 0o701,
          uid: 0,
          gid: 0,
          content: elf,
          acl: { users: [{ uid: 7, perm: 7 }], groups: [], groupObj: 7, mask: 0 },
        },
      ],
      tasks: [task],
    },
    operations: [exec('/f', 0x10000), exec('/f')],
  },
  'nested-user-namespace-of-nobody': {
    setup: { mounts: [], nodes: [], tasks: [task] },
    operations: [
      { op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] },
      { op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] },
    ],
  },
  'elf-with-1170-program-headers': {
    setup: {
      mounts: [],
      nodes: [
        {
          kind: 'file',
          path: '/f',
          mode: 0o755,
          uid: 0,
          gid: 0,
          content: { ...elf, programHeaders: 1170 },
        },
      ],
      tasks: [task],
    },
    operations: [exec('/f')],
  },
  'mmap-of-a-pipe': {
    setup: { mounts: [], nodes: [], tasks: [task] },
    operations: [
      { op: 'anonymous', task: 't1', fd: 3, kind: 'pipe' },
      { op: 'mmap', task: 't1', map: 2, fd: 3, sharing: 'MAP_PRIVATE', prot: ['PROT_EXEC'] },
    ],
  },
};
const [target] = subsystemOf('exec-check').targets({});
const { facts } = await openTarget(target, 'exec-check', 'scripts/record/exec-check-corpus.mjs');
const names = Object.keys(cases);
const { traces } = await answersOf(target, Object.values(cases), facts, { strict: true });
await target.close();
if (traces.length < names.length) throw new Error('this kernel lacks what a case needs');
for (const [index, name] of names.entries()) {
  const file = new URL(`../../test-models/corpus/exec-check/${name}.jsonl`, import.meta.url);
  writeFileSync(file, writeTrace(traces[index], execCheck.codec));
  console.log(`${name}: the model's verdict: ${replay(execCheck, traces[index], facts).verdict}`);
}
