// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import * as clients from './client-operations.ts';
import type { Context } from './context.ts';
import * as credentials from './credential-operations.ts';
import * as descriptors from './descriptor-operations.ts';
import * as exec from './exec-operations.ts';
import * as files from './file-operations.ts';
import * as micro from './micro-operations.ts';
import type {
  CredentialOperation,
  DescriptorOperation,
  FileOperation,
  MicroOperation,
  Operation,
  WorldOperation,
} from './operation.ts';
import type { Outcome } from './outcome.ts';
import { ptraceAttach } from './ptrace.ts';
import { featuresOf } from './revisions.ts';
import { INIT } from './setup.ts';
import type { State } from './state.ts';
import { answer, value, type ExecStep } from './step.ts';
import * as world from './world-operations.ts';

const GONE: Outcome = Object.freeze({ kind: 'gone' });
const REFUSED: Outcome = Object.freeze({ kind: 'refused' });
const BUSY: Outcome = Object.freeze({ kind: 'blocked', by: 'call-in-progress' });

type Family = 'file' | 'world' | 'descriptor' | 'exec' | 'credential' | 'client' | 'micro';

/** Which family an operation belongs to. */
const FAMILIES: Readonly<Record<Operation['op'], Family>> = {
  mkdir: 'file',
  create: 'file',
  symlink: 'file',
  unlink: 'file',
  rename: 'file',
  chmod: 'file',
  fchmod: 'file',
  write: 'file',
  truncate: 'file',
  mkfifo: 'world',
  mknod: 'world',
  link: 'world',
  chown: 'world',
  setacl: 'world',
  setfcaps: 'world',
  mount: 'world',
  remount: 'world',
  umount: 'world',
  watch: 'world',
  fanotifyInit: 'world',
  fanotifyMark: 'world',
  fanotifyClose: 'world',
  sysctlMemfdNoexec: 'world',
  lsmRule: 'world',
  open: 'descriptor',
  close: 'descriptor',
  dup: 'descriptor',
  memfdCreate: 'descriptor',
  fwrite: 'descriptor',
  anonymous: 'descriptor',
  mmap: 'descriptor',
  mprotect: 'descriptor',
  munmap: 'descriptor',
  fstat: 'descriptor',
  execveat: 'exec',
  faccessat: 'exec',
  uselib: 'exec',
  setresuid: 'credential',
  setfsuid: 'credential',
  capset: 'credential',
  setSecurebits: 'credential',
  getSecurebits: 'credential',
  setKeepcaps: 'credential',
  getKeepcaps: 'credential',
  setNoNewPrivs: 'credential',
  getNoNewPrivs: 'credential',
  unshareUser: 'credential',
  setrlimit: 'credential',
  landlockRestrict: 'credential',
  ptraceAttach: 'credential',
  fork: 'credential',
  exit: 'credential',
  interpret: 'client',
  load: 'client',
  checkBegin: 'micro',
  checkEnd: 'micro',
  execBegin: 'micro',
  execEnd: 'micro',
  cloneFs: 'micro',
  interpretBegin: 'micro',
  interpretEnd: 'micro',
  lease: 'micro',
};

/** What `init` may do of the credential operations: it stays who it is. */
const BUILDER_MAY: ReadonlySet<Operation['op']> = new Set<Operation['op']>([
  'getSecurebits',
  'getKeepcaps',
  'getNoNewPrivs',
  'ptraceAttach',
  'fork',
]);

const ENDS: ReadonlySet<Operation['op']> = new Set<Operation['op']>([
  'checkEnd',
  'execEnd',
  'interpretEnd',
]);

/** The transition function of the model: see `Model.apply`. */
export function apply(state: State, operation: Operation, revision: RevisionId): ExecStep {
  const features = featuresOf(revision);
  const task = Object.hasOwn(state.tasks, operation.task) ? state.tasks[operation.task] : undefined;
  if (task === undefined) return answer(state, GONE, 'task.gone');
  if (task.call !== null && !ENDS.has(operation.op))
    return answer(state, BUSY, 'micro.call-in-progress');
  const family = FAMILIES[operation.op];
  const isBuilder = operation.task === INIT;
  if (isBuilder ? family === 'credential' && !BUILDER_MAY.has(operation.op) : family === 'world') {
    return answer(state, REFUSED, 'task.builder');
  }
  return dispatch({ state, task, features }, operation);
}

function dispatch(context: Context, operation: Operation): ExecStep {
  switch (operation.op) {
    case 'execveat':
      return exec.execveat(context, operation);
    case 'faccessat':
      return exec.faccessat(context, operation);
    case 'uselib':
      return exec.uselib(context);
    case 'interpret':
      return clients.interpret(context, operation);
    case 'load':
      return clients.load(context, operation);
    case 'mkdir':
    case 'create':
    case 'symlink':
    case 'unlink':
    case 'rename':
    case 'chmod':
    case 'fchmod':
    case 'write':
    case 'truncate':
      return applyFile(context, operation);
    case 'open':
    case 'close':
    case 'dup':
    case 'memfdCreate':
    case 'fwrite':
    case 'anonymous':
    case 'mmap':
    case 'mprotect':
    case 'munmap':
    case 'fstat':
      return applyDescriptor(context, operation);
    case 'setresuid':
    case 'setfsuid':
    case 'capset':
    case 'setSecurebits':
    case 'getSecurebits':
    case 'setKeepcaps':
    case 'getKeepcaps':
    case 'setNoNewPrivs':
    case 'getNoNewPrivs':
    case 'unshareUser':
    case 'setrlimit':
    case 'landlockRestrict':
    case 'ptraceAttach':
    case 'fork':
    case 'exit':
      return applyCredential(context, operation);
    case 'checkBegin':
    case 'checkEnd':
    case 'execBegin':
    case 'execEnd':
    case 'cloneFs':
    case 'interpretBegin':
    case 'interpretEnd':
    case 'lease':
      return applyMicro(context, operation);
    default:
      return applyWorld(context, operation);
  }
}

function applyFile(context: Context, operation: FileOperation): ExecStep {
  switch (operation.op) {
    case 'mkdir':
      return files.mkdir(context, operation);
    case 'create':
      return files.create(context, operation);
    case 'symlink':
      return files.symlink(context, operation);
    case 'unlink':
      return files.unlink(context, operation);
    case 'rename':
      return files.rename(context, operation);
    case 'chmod':
      return files.chmod(context, operation);
    case 'fchmod':
      return files.fchmod(context, operation);
    case 'write':
      return files.write(context, operation);
    case 'truncate':
      return files.truncate(context, operation);
  }
}

function applyWorld(context: Context, operation: WorldOperation): ExecStep {
  switch (operation.op) {
    case 'mkfifo':
      return world.makeNode(context, operation.path, 'fifo', operation.mode);
    case 'mknod':
      return world.makeNode(context, operation.path, operation.kind, operation.mode);
    case 'link':
      return world.link(context, operation);
    case 'chown':
      return world.chown(context, operation);
    case 'setacl':
      return world.setacl(context, operation);
    case 'setfcaps':
      return world.setfcaps(context, operation);
    case 'mount':
      return world.mount(context, operation);
    case 'remount':
      return world.remount(context, operation.path, operation.flags);
    case 'umount':
      return world.umount(context, operation);
    case 'watch':
      return world.watch(context, operation);
    case 'fanotifyInit':
      return world.fanotifyInit(context, operation);
    case 'fanotifyMark':
      return world.fanotifyMark(context, operation);
    case 'fanotifyClose':
      return world.fanotifyClose(context, operation);
    case 'sysctlMemfdNoexec':
      return world.sysctlMemfdNoexec(context, operation);
    case 'lsmRule':
      return world.lsmRule(context, operation);
  }
}

function applyDescriptor(context: Context, operation: DescriptorOperation): ExecStep {
  switch (operation.op) {
    case 'open':
      return descriptors.open(context, operation);
    case 'close':
      return descriptors.close(context, operation);
    case 'dup':
      return descriptors.dup(context, operation);
    case 'memfdCreate':
      return descriptors.memfdCreate(context, operation);
    case 'fwrite':
      return descriptors.fwrite(context, operation);
    case 'anonymous':
      return descriptors.anonymous(context, operation);
    case 'mmap':
      return descriptors.mmap(context, operation);
    case 'mprotect':
      return descriptors.mprotect(context, operation);
    case 'munmap':
      return descriptors.munmap(context, operation);
    case 'fstat':
      return descriptors.fstat(context, operation);
  }
}

function applyCredential(context: Context, operation: CredentialOperation): ExecStep {
  const { state, task } = context;
  switch (operation.op) {
    case 'setresuid':
      return credentials.setresuid(context, operation);
    case 'setfsuid':
      return credentials.setfsuid(context, operation);
    case 'capset':
      return credentials.capset(context, operation);
    case 'setSecurebits':
      return credentials.setSecurebits(context, operation);
    case 'getSecurebits':
      return value(state, task.credentials.securebits, 'securebits.get');
    case 'setKeepcaps':
      return credentials.setKeepcaps(context, operation);
    case 'getKeepcaps':
      return value(state, (task.credentials.securebits >> 4) & 1, 'securebits.get-keepcaps');
    case 'setNoNewPrivs':
      return credentials.setNoNewPrivs(context);
    case 'getNoNewPrivs':
      return value(state, task.credentials.noNewPrivs ? 1 : 0, 'credentials.get-no-new-privs');
    case 'unshareUser':
      return credentials.unshareUser(context, operation);
    case 'setrlimit':
      return credentials.setrlimit(context, operation);
    case 'landlockRestrict':
      return credentials.landlockRestrict(context, operation);
    case 'ptraceAttach':
      return ptraceAttach(context, operation);
    case 'fork':
      return credentials.fork(context, operation);
    case 'exit':
      return credentials.exit(context);
  }
}

function applyMicro(context: Context, operation: MicroOperation): ExecStep {
  switch (operation.op) {
    case 'checkBegin':
      return micro.checkBegin(context, operation);
    case 'checkEnd':
      return micro.checkEnd(context);
    case 'execBegin':
      return micro.execBegin(context, operation);
    case 'execEnd':
      return micro.execEnd(context);
    case 'cloneFs':
      return credentials.cloneFs(context, operation);
    case 'interpretBegin':
      return micro.interpretBegin(context, operation);
    case 'interpretEnd':
      return micro.interpretEnd(context);
    case 'lease':
      return micro.lease(context, operation);
  }
}
