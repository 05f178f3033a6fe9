// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

/*
 * Every rule that decides an outcome or stands in a trail. A sentence says what must hold, or,
 * where nothing was refused, what has happened.
 */

const WALK = {
  'walk.empty-path': 'A path that must name something is not empty.',
  'walk.path-too-long': 'The path has at most 4095 bytes.',
  'walk.bad-dirfd': 'A relative or empty path needs an open descriptor to begin from.',
  'walk.dirfd-not-a-directory': 'A relative path begins in a directory.',
  'walk.search-permission':
    'Each directory of the path lets the caller search it, before anything is looked up in it.',
  'walk.not-a-directory': 'Only a directory has names in it.',
  'walk.name-too-long': 'A name has at most 255 bytes.',
  'walk.missing': 'The name exists.',
  'walk.too-many-links': 'One walk follows at most 40 symbolic links.',
  'walk.nosymfollow': 'A symbolic link on a nosymfollow mount is not followed.',
  'walk.protected-symlink':
    'With fs.protected_symlinks, a link in a sticky directory that all may write is followed only by its owner, or where the owner of the directory made it.',
  'walk.disconnected-parent': '`..` does not leave the tree that a bind mount shows.',
} as const;

const EXECVEAT = {
  'execveat.copy-path': 'The path was copied from user space.',
  'execveat.path-fault': 'The path can be read; NULL cannot, even with AT_EMPTY_PATH.',
  'execveat.path-too-long': 'The path has at most 4095 bytes.',
  'execveat.path-empty': 'An empty path needs AT_EMPTY_PATH.',
  'execveat.process-limit':
    'Who went beyond RLIMIT_NPROC by a set*uid call, and still is, executes nothing.',
  'execveat.flags': 'Only the flags that the kernel knows are set.',
  'execveat.walk': 'The path led to something.',
  'execveat.trailing-slash': 'A slash behind the last name demands a directory.',
  'execveat.file-type': 'The object is a regular file.',
  'execveat.is-symlink': 'A symbolic link that was not followed is no program.',
  'execveat.is-directory': 'A directory is no program.',
  'execveat.is-special': 'A device, FIFO or socket is no program.',
  'execveat.noexec': 'Nothing is executed through a noexec mount or from a noexec superblock.',
  'execveat.permission': 'The caller has execute permission by mode, ACL or CAP_DAC_OVERRIDE.',
  'execveat.lease': 'A write lease of somebody else is waited for.',
  'execveat.no-open': 'The file system can open the file.',
  'execveat.arguments': 'The strings of argv and envp were copied.',
  'execveat.check-passed': 'The check turns back here: the file may be executed.',
} as const;

const WRITE_ACCESS = {
  'write-access.busy-with-writers': 'A file that is open for writing is not executed.',
  'write-access.busy-with-deniers':
    'A file that is being executed or checked is not opened for writing, nor truncated.',
} as const;

const ARGUMENTS = {
  'arguments.argv-pointer': 'The array of arguments can be read.',
  'arguments.argv-count': 'There are at most 0x7fffffff arguments.',
  'arguments.envp-pointer': 'The array of the environment can be read.',
  'arguments.envp-count': 'There are at most 0x7fffffff environment strings.',
  'arguments.pointers-exceed-limit': 'The pointers alone leave room for strings.',
  'arguments.string-pointer': 'Every string can be read.',
  'arguments.string-too-long': 'A string has at most 131072 bytes, its NUL included.',
  'arguments.limit':
    'Strings and pointers fit a quarter of the stack limit: at most 6 MiB, at least 128 KiB.',
  'arguments.stack-mapping': 'The temporary stack does not outgrow RLIMIT_STACK.',
} as const;

const EXEC = {
  'exec.unknown-format': 'Some format handler knows the file.',
  'exec.interpreter-depth': 'A script is handed on at most five times.',
  'exec.path-closes': 'A script by a close-on-exec descriptor cannot be opened by its interpreter.',
  'exec.file-capabilities':
    'Capabilities that the file demands by its effective bit are within reach of the caller.',
  'exec.killed': 'Behind the point of no return a failure kills the task.',
  'exec.ran': 'The program ran to its exit.',
} as const;

const ELF = {
  'elf.type': 'An ELF program is ET_EXEC or ET_DYN.',
  'elf.machine': 'An ELF program is for this machine.',
  'elf.program-headers':
    'The program headers have the right size and number and lie within the file.',
  'elf.interpreter-name-size': 'PT_INTERP has 2 to 4096 bytes.',
  'elf.interpreter-name-beyond-end': 'PT_INTERP lies within the file.',
  'elf.interpreter-name-unterminated': 'PT_INTERP ends in a NUL.',
  'elf.interpreter-too-short': 'An ELF interpreter has a whole header.',
  'elf.interpreter-bad':
    'An ELF interpreter is an ELF file of this machine with readable program headers.',
} as const;

const LSM = {
  'lsm.inode-permission': 'The played security module permits access to the inode.',
  'lsm.file-open': 'The played security module permits the open.',
  'lsm.file-post-open': 'The played security module permits the opened file.',
  'lsm.bprm-creds-for-exec':
    'The played security module prepares credentials, knowing whether it is a check.',
  'lsm.bprm-check': 'The played security module permits the program; a check never asks it.',
  'lsm.bprm-creds-from-file':
    'The played security module takes credentials from the file; a check never asks it.',
  'lsm.userns-create': 'The played security module permits a user namespace.',
  'lsm.rule-added': 'The played security module has one rule more.',
} as const;

const LANDLOCK = {
  'landlock.execute': 'Every domain has a rule that lets the file be executed.',
  'landlock.reparent': 'In a domain, a file does not change its directory.',
  'landlock.ptrace': 'A tracer in a domain traces only within it.',
  'landlock.needs-no-new-privs': 'A domain takes no_new_privs or CAP_SYS_ADMIN.',
  'landlock.too-many-layers': 'A task has at most 16 domains.',
  'landlock.restricted': 'The task is in a further domain.',
} as const;

const INTEGRITY = {
  'ima.file-check': 'IMA finds a valid signature when the file is opened.',
  'ima.bprm-check': 'IMA finds a valid signature on each file of a real exec.',
  'ima.execve-check': 'IMA finds a valid signature on a checked file.',
  'ipe.bprm-check': 'IPE trusts each file of a real exec.',
  'ipe.execve-check': 'IPE trusts a checked file.',
} as const;

const FANOTIFY = {
  'fanotify.open-permission': 'No listener forbids the open.',
  'fanotify.access-permission': 'No listener forbids reading the header.',
  'fanotify.mask': 'The mask has events that the class of the group may have.',
  'fanotify.pre-content-unsupported': 'The file system has pre-content events.',
  'fanotify.no-group': 'The group exists.',
  'fanotify.made': 'The group exists now.',
  'fanotify.marked': 'The object is marked.',
  'fanotify.closed': 'The group and its marks are gone.',
  'inotify.watched': 'The object is watched.',
} as const;

const SECUREBITS = {
  'securebits.changes-locked-bit': 'A locked bit does not change.',
  'securebits.drops-lock': 'A lock is not taken away.',
  'securebits.unknown-bit':
    'No bit is set that the kernel does not know, in all 64 of the argument.',
  'securebits.unprivileged-no-change':
    'Without CAP_SETPCAP, a call that changes nothing is refused.',
  'securebits.privileged-bit': 'Without CAP_SETPCAP, only the exec bits and their locks change.',
  'securebits.set': 'The word is set.',
  'securebits.get': 'The word is told.',
  'securebits.get-keepcaps': 'Bit 4 is told.',
  'securebits.keepcaps-argument': 'PR_SET_KEEPCAPS takes 0 or 1.',
  'securebits.keepcaps-locked': 'A locked KEEP_CAPS does not change.',
  'securebits.keepcaps-set': 'Bit 4 is set or cleared.',
} as const;

const CREDENTIALS = {
  'credentials.id-unmapped': 'The id exists in the user namespace of the caller.',
  'credentials.setuid-denied': 'Without CAP_SETUID, the new ids are among the old ones.',
  'credentials.uids-kept':
    'A call that asks for the ids that there are changes nothing, and leaves fsuid as it was.',
  'credentials.uids-set':
    'The uids are set; more processes than the limit for a new real uid are remembered.',
  'credentials.fsuid-kept': 'fsuid stays as it was.',
  'credentials.fsuid-set': 'fsuid is set, and the file capabilities of root go or come with it.',
  'credentials.capset-denied': 'Capability sets only shrink.',
  'credentials.capabilities-set': 'The capability sets are set.',
  'credentials.no-new-privs-set': 'no_new_privs is set.',
  'credentials.get-no-new-privs': 'no_new_privs is told.',
  'credentials.userns-owner-unmapped':
    'The ids of who makes a user namespace exist in its own one.',
  'credentials.userns-made':
    'The task has every capability in a new user namespace, and its securebits are forgotten.',
  'credentials.limit-set': 'The soft limit is set.',
} as const;

const TASK = {
  'fork.process-limit':
    'Without CAP_SYS_RESOURCE and CAP_SYS_ADMIN, a fork stays within RLIMIT_NPROC.',
  'fork.made': 'The task has a child.',
  'fork.fs-in-exec': 'No fs_struct is shared while an exec or check is under way in it.',
  'fork.fs-shared': 'The task has a sibling with the same fs_struct.',
  'task.gone': 'The task exists.',
  'task.builder': 'init builds the world and stays who it is; nobody else builds.',
  'task.name-in-use': 'A new task has a new name.',
  'task.exited': 'The task is gone.',
} as const;

const PTRACE = {
  'ptrace.self': 'A task does not trace itself.',
  'ptrace.other-user': 'Without CAP_SYS_PTRACE, the tracee has the ids of the tracer.',
  'ptrace.undumpable': 'Without CAP_SYS_PTRACE, the tracee is dumpable.',
  'ptrace.more-capable':
    'Without CAP_SYS_PTRACE, the tracee has no capability that the tracer lacks.',
  'ptrace.less-restricted':
    'As posted: without CAP_SYS_PTRACE, the tracee has the exec securebits of the tracer and their locks.',
  'ptrace.attached': 'The task may be traced.',
} as const;

const FILE = {
  'file.exists': 'The new name is free.',
  'file.missing': 'The file exists.',
  'file.missing-directory': 'A new name with a slash behind it is for a directory.',
  'file.create-with-slash': 'A regular file is not made under a name that demands a directory.',
  'file.directory-permission': 'The caller may write and search the directory.',
  'file.fixed-tree': 'The file system lets files be made.',
  'file.sticky': 'In a sticky directory only the owners take names away.',
  'file.is-directory': 'A directory is not written, truncated, unlinked or replaced by a file.',
  'file.is-not-directory': 'What is not a directory does not stand where one must.',
  'file.mount-point': 'A mount point keeps its name.',
  'file.no-name': '`/`, `.` and `..` are not renamed.',
  'file.other-mount': 'Both names are on one mount.',
  'file.into-itself': 'A directory does not move below itself.',
  'file.not-empty': 'A directory that is replaced is empty.',
  'file.not-owner': 'Only the owner or CAP_FOWNER changes the mode.',
  'file.chmod-anonymous': 'Anonymous inodes have no mode to change.',
  'file.chmod-pidfd': 'pidfs did not let the mode change before it refused as anonymous inodes do.',
  'file.chmod-proc': 'The files of a task in procfs keep their mode.',
  'file.chmod-symlink': 'A symbolic link has no mode to change.',
  'file.exec-sealed': 'F_SEAL_EXEC keeps the execute bits as they are.',
  'file.mode-changed': 'The mode is set.',
  'file.not-regular': 'Only a regular file is truncated.',
  'file.write-permission': 'The caller has write permission.',
  'file.made': 'The file is made.',
  'file.unlinked': 'The name is gone; who has the file open keeps it.',
  'file.renamed': 'The name has moved.',
  'file.written': 'The content is replaced; setuid, setgid and file capabilities are gone.',
  'file.truncated': 'The file has the size.',
  'file.link-directory': 'A directory has one name.',
  'file.linked': 'The file has one name more.',
  'file.attributes-fixed': 'The file system lets attributes be changed.',
  'file.attributes-kept': "procfs takes a new owner for a task's file, and forgets it.",
  'file.attributes-unsupported': 'Files of this kind have such attributes.',
  'file.owner-changed': 'Owner and group are set.',
  'file.acl-changed': 'The ACL is set or removed.',
  'file.fcaps-changed': 'The file capabilities are set or removed.',
} as const;

const OPEN = {
  'open.must-be-directory':
    'O_DIRECTORY, O_TMPFILE or a slash behind the last name demands a directory.',
  'open.is-symlink': 'O_NOFOLLOW opens no symbolic link.',
  'open.is-directory': 'A directory is not opened for writing.',
  'open.nodev': 'A device is not opened through a nodev mount.',
  'open.permission': 'The caller has the permission that the access mode asks for.',
  'open.no-driver': 'Somebody serves the FIFO, socket or device.',
  'open.tmpfile-read-only': 'O_TMPFILE is for writing.',
  'open.tmpfile-immutable': 'An immutable directory takes no file.',
  'open.tmpfile-unsupported': 'The file system makes files without a name.',
  'fd.bad': 'The descriptor is open, and not O_PATH where it is used.',
  'fd.opened': 'The descriptor is open.',
  'fd.closed': 'The descriptor is closed.',
  'fd.dup-same': 'dup3 is given two numbers.',
  'fd.duplicated': 'The descriptor has a second number.',
  'fd.not-writable': 'The descriptor is open for writing.',
  'fd.pidfd-write': 'A pidfd of pidfs is not truncated.',
  'fd.stat': 'Type, mode, owner, group and size are told.',
} as const;

const MEMORY = {
  'memfd.flags': 'The flags are known and do not contradict each other.',
  'memfd.noexec-enforced': 'vm.memfd_noexec=2 allows no executable memfd.',
  'memfd.no-sysctl': 'The kernel has vm.memfd_noexec.',
  'memfd.sysctl': 'vm.memfd_noexec is set.',
  'memfd.made': 'The memfd is open.',
  'mmap.shared-read-only': 'A shared writable mapping takes a writable descriptor.',
  'mmap.unreadable': 'A mapping takes a readable descriptor.',
  'mmap.noexec': 'Nothing is mapped executable from a noexec mount.',
  'mmap.no-method': 'The file can be mapped.',
  'mmap.mapped': 'The page is mapped.',
  'mmap.unmapped': 'The slot is free.',
  'mprotect.not-mapped': 'The page is mapped.',
  'mprotect.may-not':
    'The mapping may have the protection: one from a noexec mount is never executable.',
  'mprotect.changed': 'The protection is set.',
} as const;

const MOUNT = {
  'mount.kinds-differ': 'A directory is mounted on a directory, a file on a file.',
  'mount.root': 'Nothing is mounted on the root.',
  'mount.not-a-mount-root': 'The path leads to the root of a mount.',
  'mount.mounted': 'The mount is in the tree.',
  'mount.remounted': 'The mount has exactly these flags.',
  'mount.unmounted': 'The mount and those below it are out of the tree.',
} as const;

const FACCESSAT = {
  'faccessat.flags': 'Only AT_EACCESS, AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH are set.',
  'faccessat.path-fault': 'The path can be read.',
  'faccessat.path-too-long': 'The path has at most 4095 bytes.',
  'faccessat.path-empty': 'An empty path needs AT_EMPTY_PATH.',
  'faccessat.trailing-slash': 'A slash behind the last name demands a directory.',
  'faccessat.noexec': 'A regular file on a noexec mount is not executable.',
  'faccessat.immutable': 'An immutable directory is not writable for anybody.',
  'faccessat.permission': 'The real ids have the permission.',
  'faccessat.allowed': 'The access would be allowed.',
  'uselib.no-entry': 'The native x86-64 call table has no uselib.',
} as const;

const LEASE = {
  'lease.not-regular': 'Only a regular file is leased.',
  'lease.not-owner': 'Only the owner or CAP_LEASE leases a file.',
  'lease.file-in-use': 'Nobody else uses the file in the way that the lease forbids.',
  'lease.set': 'The lease is set or given back.',
} as const;

const CLIENT = {
  'interpreter.unenlightened':
    'An interpreter that knows nothing of the check runs what it is given.',
  'interpreter.unrestricted': 'The securebits do not restrict this source of code.',
  'interpreter.executable': 'The check lets the code run.',
  'interpreter.not-executable': 'The check keeps the code from running.',
  'interpreter.denied': 'Code that is in no checked file does not run.',
  'loader.secure-mode': 'A program in secure mode leaves preloads out.',
  'loader.not-executable': 'The check keeps an enlightened loader from mapping.',
  'loader.not-mappable': 'The kernel does not map the file executable.',
  'loader.mapped': 'The object is mapped and its code runs.',
} as const;

const MICRO = {
  'micro.call-in-progress': 'A task makes one call at a time.',
  'micro.no-call': 'There is a call to end.',
  'micro.check-holds': 'A check is under way and holds writers off.',
  'micro.program-runs': 'A program runs and its file is not written.',
  'micro.interpreter-checked': 'An interpreter has checked and not yet read.',
} as const;

/** The id of a rule of this package. */
export type RuleName =
  | keyof typeof WALK
  | keyof typeof EXECVEAT
  | keyof typeof WRITE_ACCESS
  | keyof typeof ARGUMENTS
  | keyof typeof EXEC
  | keyof typeof ELF
  | keyof typeof LSM
  | keyof typeof LANDLOCK
  | keyof typeof INTEGRITY
  | keyof typeof FANOTIFY
  | keyof typeof SECUREBITS
  | keyof typeof CREDENTIALS
  | keyof typeof TASK
  | keyof typeof PTRACE
  | keyof typeof FILE
  | keyof typeof OPEN
  | keyof typeof MEMORY
  | keyof typeof MOUNT
  | keyof typeof FACCESSAT
  | keyof typeof LEASE
  | keyof typeof CLIENT
  | keyof typeof MICRO;

function rules(origin: string, sentences: Readonly<Record<string, string>>): Rule[] {
  return Object.entries(sentences).map(([id, sentence]) => ({ id, sentence, origin }));
}

/** The rules of the model. */
export const RULES: readonly Rule[] = [
  ...rules('path_openat() and what it calls, fs/namei.c, Linux 6.18', WALK),
  ...rules(
    'do_execveat_common(), do_open_execat() and bprm_execve(), fs/exec.c; may_open(), fs/namei.c; do_dentry_open(), fs/open.c, Linux 6.18',
    EXECVEAT,
  ),
  ...rules(
    'exe_file_deny_write_access() and get_write_access(), include/linux/fs.h, Linux 6.14',
    WRITE_ACCESS,
  ),
  ...rules('count(), bprm_stack_limits() and copy_strings(), fs/exec.c, Linux 6.12', ARGUMENTS),
  ...rules(
    'exec_binprm(), fs/exec.c; load_script(), fs/binfmt_script.c; begin_new_exec(), fs/exec.c, Linux 6.12',
    EXEC,
  ),
  ...rules('load_elf_binary() and load_elf_phdrs(), fs/binfmt_elf.c, Linux 6.12', ELF),
  ...rules('the hook of this name, security/security.c, Linux 6.14', LSM),
  ...rules('security/landlock/fs.c, task.c and syscalls.c, Linux 6.12', LANDLOCK),
  ...rules(
    'security/integrity/ima/ima_main.c, Linux 6.14; security/ipe/hooks.c, Linux 6.19',
    INTEGRITY,
  ),
  ...rules(
    'fsnotify_open_perm(), include/linux/fsnotify.h; do_fanotify_mark(), fs/notify/fanotify/fanotify_user.c, Linux 6.14',
    FANOTIFY,
  ),
  ...rules('cap_task_prctl(), security/commoncap.c, Linux 6.14', SECUREBITS),
  ...rules(
    'kernel/sys.c, kernel/user_namespace.c and security/commoncap.c, Linux 6.12',
    CREDENTIALS,
  ),
  ...rules('copy_process() and copy_fs(), kernel/fork.c, Linux 6.12', TASK),
  ...rules(
    '__ptrace_may_access(), kernel/ptrace.c; cap_ptrace_access_check(), security/commoncap.c, Linux 6.12',
    PTRACE,
  ),
  ...rules('fs/namei.c, fs/open.c and fs/attr.c, Linux 6.12', FILE),
  ...rules(
    'do_open() and do_tmpfile(), fs/namei.c; do_dentry_open(), fs/open.c; fs/file.c, Linux 6.12',
    OPEN,
  ),
  ...rules('mm/memfd.c, mm/mmap.c and mm/mprotect.c, Linux 6.12', MEMORY),
  ...rules('fs/namespace.c, Linux 6.12', MOUNT),
  ...rules(
    'do_faccessat(), fs/open.c, Linux 6.12; arch/x86/entry/syscalls/syscall_64.tbl',
    FACCESSAT,
  ),
  ...rules('generic_setlease(), fs/locks.c, Linux 6.12', LEASE),
  ...rules(
    'Documentation/userspace-api/check_exec.rst and samples/check-exec/inc.c, Linux 6.14; ld.so(8)',
    CLIENT,
  ),
  ...rules('bprm_execve(), fs/exec.c, Linux 6.14', MICRO),
];
