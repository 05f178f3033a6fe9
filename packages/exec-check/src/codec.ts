// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  ERRNO_NAMES,
  formatMode,
  plainCodec,
  type Codec,
  type Decoder,
  type Json,
} from '@kernel-models/model-core';
import { CAPABILITY_NAMES, capabilityNames, capabilitySet } from './capability.ts';
import type { CapabilitySet } from './capability.ts';
import {
  ANONYMOUS_KINDS,
  FANOTIFY_CLASSES,
  FANOTIFY_MASKS,
  LOAD_KINDS,
  MEMFD_FLAGS,
  OPEN_FLAGS,
  PROTECTIONS,
} from './operation.ts';
import type { OpenFlag, Operation } from './operation.ts';
import { AUDIT_TYPES, FSNOTIFY_EVENTS, STAT_TYPES } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { ELF_VARIATIONS, LSM_HOOKS, MOUNT_FLAGS } from './setup.ts';
import type { Setup } from './setup.ts';

const { array, boolean, hex, integer, object, octalMode, oneOf, optional, union } = decode;

const ACCESS_MODES: readonly OpenFlag[] = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'];
const U32_MAX = 0xffff_ffff;

function text(pattern: RegExp, expected: string): Decoder<string> {
  return (json, field) => {
    if (typeof json !== 'string' || !pattern.test(json)) {
      throw new DecodeError(field, expected, json);
    }
    return json;
  };
}

// eslint-disable-next-line no-control-regex -- a path may hold any byte of ASCII but NUL
const ascii = text(/^[\x01-\x7f]*$/, 'ASCII without NUL');
// eslint-disable-next-line no-control-regex -- as above
const absolutePath = text(/^\/[\x01-\x7f]*$/, 'an absolute path in ASCII without NUL');
// eslint-disable-next-line no-control-regex -- as above
const linkTarget = text(/^[\x01-\x7f]{1,4095}$/, 'a link target of 1 to 4095 ASCII characters');
const taskName = text(/^[a-z0-9-]{1,15}$/, 'a task name: 1 to 15 of a-z, 0-9, -');
const base64 = text(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'base64');

const uid = integer(0, U32_MAX - 1);
const changedUid = integer(-1, U32_MAX - 1);
const permission = integer(0, 7);
const fd = integer(0, 63);
const map = integer(0, 15);
const u32: Decoder<number> = (json, field) => Number(hex(0n, BigInt(U32_MAX))(json, field));
const dirfd: Decoder<number> = (json, field) => {
  const value = integer(-0x8000_0000, 0x7fff_ffff)(json, field);
  if (value >= 64 && value < 1024) {
    throw new DecodeError(field, 'an s32 outside 64 to 1023, which belong to the target', json);
  }
  return value;
};
const capabilities: Decoder<CapabilitySet> = (json, field) =>
  capabilitySet(array(oneOf(CAPABILITY_NAMES))(json, field));
const memfdNoexec: Decoder<0 | 1 | 2> = (json, field) => {
  if (json !== 0 && json !== 1 && json !== 2) throw new DecodeError(field, '0, 1 or 2', json);
  return json;
};

const content = union('kind', {
  elf: {
    program: oneOf(['exit', 'hash']),
    exitCode: integer(0, 255),
    interp: optional(ascii),
    programHeaders: optional(integer(1, 2000)),
    variations: optional(array(oneOf(ELF_VARIATIONS))),
  },
  script: { line: ascii, newline: optional(boolean) },
  bytes: { base64 },
  empty: {},
});
const acl = object({
  users: array(object({ uid, perm: permission })),
  groups: array(object({ gid: uid, perm: permission })),
  groupObj: permission,
  mask: permission,
});
const fcaps = object({ permitted: capabilities, inheritable: capabilities, effective: boolean });
const flags = array(oneOf(MOUNT_FLAGS));
const mount = union('kind', {
  tmpfs: { at: absolutePath, flags },
  bind: { from: absolutePath, at: absolutePath, flags },
  overlay: { lower: absolutePath, at: absolutePath, flags },
  proc: { at: absolutePath, flags },
});
const ownership = { path: absolutePath, mode: octalMode, uid, gid: uid };
const node = union('kind', {
  file: { ...ownership, content, acl: optional(acl), fcaps: optional(fcaps) },
  dir: { ...ownership, acl: optional(acl) },
  symlink: { path: absolutePath, target: linkTarget },
  fifo: ownership,
  socket: ownership,
  char: ownership,
  block: ownership,
  link: { path: absolutePath, target: absolutePath },
});
const idMap = array(object({ inside: uid, outside: uid, count: integer(1, U32_MAX) }));
const userns = { uidMap: idMap, gidMap: idMap };
const task = object({
  name: taskName,
  ruid: uid,
  euid: uid,
  suid: uid,
  fsuid: uid,
  rgid: uid,
  egid: uid,
  sgid: uid,
  fsgid: uid,
  groups: array(uid),
  caps: object({
    effective: capabilities,
    permitted: capabilities,
    inheritable: capabilities,
    bounding: capabilities,
    ambient: capabilities,
  }),
  securebits: u32,
  noNewPrivs: boolean,
  stackLimit: optional(hex()),
  nprocLimit: optional(hex()),
  cwd: absolutePath,
  userns: optional(object(userns)),
  landlock: optional(array(array(absolutePath))),
});
const errno = oneOf(ERRNO_NAMES);
const lsmRule = object({
  hook: oneOf(LSM_HOOKS),
  path: optional(absolutePath),
  task: optional(taskName),
  isCheck: optional(boolean),
  errno,
});
const setup: Decoder<Setup> = object({
  mounts: array(mount),
  nodes: array(node),
  tasks: array(task),
  processes: optional(array(object({ uid, count: integer(1, 16) }))),
  sysctls: optional(
    object({ memfdNoexec: optional(memfdNoexec), protectedSymlinks: optional(boolean) }),
  ),
  lsm: optional(array(lsmRule)),
  ima: optional(
    object({
      mode: oneOf(['log', 'enforce']),
      functions: array(oneOf(['BPRM_CHECK', 'FILE_CHECK'])),
      unsigned: array(absolutePath),
    }),
  ),
  ipe: optional(object({ mode: oneOf(['log', 'enforce']), untrusted: array(absolutePath) })),
  audit: optional(boolean),
  binfmtMisc: optional(
    array(
      object({
        name: ascii,
        match: union('kind', {
          magic: { offset: integer(0, 255), base64 },
          extension: { extension: ascii },
        }),
        interpreter: absolutePath,
        flags: array(oneOf(['P', 'O', 'C', 'F'])),
      }),
    ),
  ),
});

const path = union('kind', { text: { text: ascii }, null: {}, bad: {} });
const strings = union('kind', {
  null: {},
  bad: {},
  list: {
    strings: array(
      union('kind', {
        text: { text: ascii },
        fill: { size: integer(0, 1 << 24), count: integer(1, 0x1_0000_0000) },
        bad: {},
      }),
    ),
  },
});
const by = { task: taskName };
const execveat = { ...by, dirfd, path, flags: u32, argv: strings, envp: strings };
const prot = array(oneOf(PROTECTIONS));
const openFlags: Decoder<readonly OpenFlag[]> = (json, field) => {
  const flags = array(oneOf(OPEN_FLAGS))(json, field);
  const modes = flags.filter((flag) => ACCESS_MODES.includes(flag));
  if (modes.length > 1) throw new DecodeError(field, `one of ${ACCESS_MODES.join(', ')}`, json);
  return flags;
};
const operation: Decoder<Operation> = union('op', {
  mkdir: { ...by, path: ascii, mode: octalMode },
  create: { ...by, path: ascii, mode: octalMode, content },
  symlink: { ...by, path: ascii, target: linkTarget },
  unlink: { ...by, path: ascii },
  rename: { ...by, from: ascii, to: ascii },
  chmod: { ...by, path: ascii, mode: octalMode },
  fchmod: { ...by, fd, mode: octalMode },
  write: { ...by, path: ascii, content },
  truncate: { ...by, path: ascii, size: integer(0, 1 << 24) },
  mkfifo: { ...by, path: ascii, mode: octalMode },
  mknod: { ...by, path: ascii, kind: oneOf(['socket', 'char', 'block']), mode: octalMode },
  link: { ...by, from: ascii, to: ascii },
  chown: { ...by, path: ascii, uid, gid: uid },
  setacl: { ...by, path: ascii, acl: optional(acl) },
  setfcaps: { ...by, path: ascii, fcaps: optional(fcaps) },
  mount: { ...by, mount },
  remount: { ...by, path: ascii, flags },
  umount: { ...by, path: ascii },
  watch: { ...by, watch: integer(0, 15), path: ascii },
  fanotifyInit: {
    ...by,
    group: integer(0, 7),
    class: oneOf(FANOTIFY_CLASSES),
    answer: oneOf(['FAN_ALLOW', 'FAN_DENY']),
  },
  fanotifyMark: {
    ...by,
    group: integer(0, 7),
    scope: oneOf(['inode', 'mount', 'filesystem']),
    mask: array(oneOf(FANOTIFY_MASKS)),
    path: ascii,
  },
  fanotifyClose: { ...by, group: integer(0, 7) },
  sysctlMemfdNoexec: { ...by, value: memfdNoexec },
  lsmRule: { ...by, rule: lsmRule },
  open: { ...by, fd, path: ascii, flags: openFlags, mode: optional(octalMode) },
  close: { ...by, fd },
  dup: { ...by, from: fd, to: fd, cloexec: boolean },
  memfdCreate: { ...by, fd, flags: array(oneOf(MEMFD_FLAGS)) },
  fwrite: { ...by, fd, content },
  anonymous: { ...by, fd, kind: oneOf(ANONYMOUS_KINDS) },
  mmap: { ...by, map, fd: optional(fd), sharing: oneOf(['MAP_SHARED', 'MAP_PRIVATE']), prot },
  mprotect: { ...by, map, prot },
  munmap: { ...by, map },
  fstat: { ...by, fd },
  execveat,
  faccessat: { ...by, dirfd, path, access: integer(0, 7), flags: u32 },
  uselib: { ...by, path },
  setresuid: { ...by, ruid: changedUid, euid: changedUid, suid: changedUid },
  setfsuid: { ...by, fsuid: uid },
  capset: {
    ...by,
    effective: capabilities,
    permitted: capabilities,
    inheritable: capabilities,
  },
  setSecurebits: { ...by, value: hex() },
  getSecurebits: by,
  setKeepcaps: { ...by, value: hex() },
  getKeepcaps: by,
  setNoNewPrivs: by,
  getNoNewPrivs: by,
  unshareUser: { ...by, ...userns },
  setrlimit: { ...by, resource: oneOf(['stack', 'nproc']), soft: hex() },
  landlockRestrict: { ...by, allow: array(ascii) },
  ptraceAttach: { ...by, target: taskName },
  fork: { ...by, child: taskName },
  exit: by,
  interpret: {
    ...by,
    enlightened: boolean,
    source: union('kind', {
      file: { path: ascii },
      stdin: { fd },
      snippet: {},
      snippetAndFile: { path: ascii },
    }),
  },
  load: { ...by, enlightened: boolean, path: ascii, as: oneOf(LOAD_KINDS), secure: boolean },
  checkBegin: execveat,
  checkEnd: by,
  execBegin: execveat,
  execEnd: by,
  cloneFs: { ...by, child: taskName },
  interpretBegin: { ...by, path: ascii, reads: oneOf(['descriptor', 'path']) },
  interpretEnd: by,
  lease: { ...by, fd, type: oneOf(['F_RDLCK', 'F_WRLCK', 'F_UNLCK']) },
});

const observed = {
  events: optional(array(object({ watch: integer(0, 15), events: array(oneOf(FSNOTIFY_EVENTS)) }))),
  audit: optional(
    array(
      object({
        type: oneOf(AUDIT_TYPES),
        path: optional(ascii),
      }),
    ),
  ),
};
const outcome: Decoder<Outcome> = union('kind', {
  value: { value: hex(), ...observed },
  errno: { errno, ...observed },
  ran: { exitCode: optional(integer(0, 255)), ...observed },
  signal: { signal: oneOf(['SIGSEGV']), ...observed },
  stat: {
    type: oneOf(STAT_TYPES),
    mode: octalMode,
    uid: integer(0, U32_MAX),
    gid: integer(0, U32_MAX),
    size: integer(0),
  },
  decided: {
    allowed: boolean,
    checked: boolean,
    check: optional(oneOf(['ok', ...ERRNO_NAMES])),
    content: optional(base64),
  },
  gone: {},
  refused: {},
  blocked: { by: oneOf(['lease', 'call-in-progress']) },
});

const CAPABILITY_FIELDS = new Set(['effective', 'permitted', 'inheritable', 'bounding', 'ambient']);
const HEX_FIELDS = new Set(['flags', 'securebits']);

/**
 * Numbers by the names of their fields, which mean the same in setups, operations and outcomes:
 * `mode` is octal, words of bits are hexadecimal, capability sets are names.
 */
function spell(value: bigint | number, field: string): Json | undefined {
  if (typeof value === 'bigint') {
    return CAPABILITY_FIELDS.has(field) ? capabilityNames(value) : undefined;
  }
  if (field === 'mode') return formatMode(value);
  return HEX_FIELDS.has(field) ? `0x${value.toString(16)}` : undefined;
}

/** Setups, operations and outcomes as traces spell them. Mirrored by the probe of the oracle. */
export const codec: Codec<Setup, Operation, Outcome> = plainCodec({
  setup,
  operation,
  outcome,
  spell,
});
