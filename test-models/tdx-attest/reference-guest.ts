// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { report } from '@kernel-models/hw-model/tdx';
import { driver, type tsm } from '@kernel-models/tdx-attest';
import { ReferenceDriver } from './reference-driver.ts';

/*
 * The report items and the buffer shared with the host once more, naively: mutable objects, one block
 * of memory, one function a call, for every kernel that has them. Shares no code with the model, and
 * no table of what the kernels do.
 */

/** What the kernels do differently. */
interface Kernel {
  /** Bytes of the shared buffer behind its header. */
  readonly room: number;
  readonly mostBytes: number;
  readonly refusesLongAnswers: boolean;
  readonly refusesFailures: boolean;
  readonly countsTimeoutsRight: boolean;
  /** Header and memory are written before the TDCALL. */
  readonly clearsFirst: boolean;
  readonly commitsFailedWrites: boolean;
}

const AS_MERGED: Kernel = {
  room: 8192 - 24,
  mostBytes: 32_768,
  refusesLongAnswers: false,
  refusesFailures: false,
  countsTimeoutsRight: false,
  clearsFirst: false,
  commitsFailedWrites: true,
};
const LATEST: Kernel = {
  ...AS_MERGED,
  room: 131_072 - 24,
  mostBytes: 16_777_216,
  refusesLongAnswers: true,
  refusesFailures: true,
  clearsFirst: true,
};
const KERNELS: Readonly<Record<string, Kernel>> = {
  'linux-6.7': AS_MERGED,
  'linux-6.12': { ...AS_MERGED, refusesLongAnswers: true },
  'linux-6.16': { ...AS_MERGED, clearsFirst: true },
  'linux-7.0': LATEST,
  'linux-7.0-fixed': { ...LATEST, countsTimeoutsRight: true, commitsFailedWrites: false },
};

/** The kernels that the reference plays. */
export const REFERENCE_GUESTS: readonly string[] = Object.keys(KERNELS);

interface Quote {
  readonly bytes: Uint8Array;
  /** More than `bytes`, where the kernel copied on behind the buffer. */
  readonly size: number;
}

interface Item {
  isGone: boolean;
  generation: bigint;
  /** Generation that `quote` is of. */
  readAt: bigint;
  nonce: Uint8Array;
  quote: Quote | undefined;
}

interface File {
  readonly item: Item;
  readonly kind: tsm.ItemFile;
  readonly writes: boolean;
  at: number;
  written: Uint8Array | undefined;
  tried: boolean;
  text: string | undefined;
  quote: Quote | undefined;
  announced: number | undefined;
}

type Answer = tsm.TsmOutcome;
type Half = 'size' | 'data';
type Op<Name extends tsm.TsmOperation['op']> = Extract<tsm.TsmOperation, { readonly op: Name }>;

const IN_FLIGHT = (1n << 64n) - 1n;
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const failed = (errno: Errno, cost?: tsm.Cost): Answer => ({
  kind: 'errno',
  errno,
  ...(cost && { cost }),
});
const zero: Answer = { kind: 'value', value: 0n };
const blocked: Answer = { kind: 'blocked' };
const cost = (tdcalls: number, hypercalls: number, seconds: number): tsm.Cost => ({
  tdcalls,
  hypercalls,
  seconds,
});
const FREE = cost(0, 0, 0);

/** One TD with its kernel, and the host below it. */
export class ReferenceGuest {
  private readonly kernel: Kernel;
  private readonly driver: ReferenceDriver;
  private readonly td: ReturnType<typeof driver.tdNamed>;
  private readonly firstGeneration: bigint;
  private readonly items = new Map<string, Item>();
  private readonly files = new Map<number, File>();
  private patience = 30;
  private host: tsm.Host = { hypercallStatus: 0n, delay: 'inside', finalStatus: 0n, outLen: 100 };
  private status = 0n;
  private length = 0;
  private memory: Uint8Array;
  private hasAsked = false;
  private dueIn: number | undefined;
  /** The read that sleeps, with the nonce that it asked for. */
  private sleeper: { readonly file: File; readonly half: Half; slept: number } | undefined;

  constructor(kernel: string, setup: tsm.Setup) {
    const known = KERNELS[kernel];
    if (known === undefined) throw new RangeError(`reference: ${kernel} is not played`);
    this.kernel = known;
    this.driver = new ReferenceDriver(kernel, setup);
    this.td = driver.tdNamed(setup.platform);
    this.firstGeneration = setup.firstGeneration ?? 0n;
    this.memory = new Uint8Array(known.room);
  }

  do(operation: tsm.TsmOperation): Answer {
    switch (operation.op) {
      case 'load':
        return this.load(operation);
      case 'unload': {
        if (this.sleeper !== undefined) return blocked;
        const answer = this.driver.do(operation);
        if (answer.kind === 'value') this.dueIn = undefined;
        return answer;
      }
      case 'bind':
      case 'unbind':
      case 'ioctl':
      case 'device-call':
      case 'set-tdcall-status':
        return this.driver.do(operation);
      case 'mkdir':
      case 'rmdir':
      case 'write-inblob':
      case 'read-outblob':
      case 'read-generation':
      case 'read-provider':
        return this.shell(operation);
      case 'set-host':
      case 'host-completes':
      case 'host-writes':
      case 'pass-time':
        return this.hostMove(operation);
      default:
        return this.call(operation);
    }
  }

  private load({ getquoteTimeout = 30, ...insmod }: Op<'load'>): Answer {
    const isTaken = this.items.size > 0;
    const fails = insmod.fails ?? (isTaken ? ('report-provider' as const) : undefined);
    const { tdcallStatus } = insmod;
    const answer = this.driver.do({
      op: 'load',
      ...(fails !== undefined && { fails }),
      ...(tdcallStatus !== undefined && { tdcallStatus }),
    });
    if (answer.kind !== 'value') return answer;
    this.patience = getquoteTimeout;
    this.host = { hypercallStatus: 0n, delay: 'inside', finalStatus: 0n, outLen: 100 };
    this.clear();
    this.hasAsked = false;
    this.dueIn = undefined;
    return answer;
  }

  private clear(): void {
    this.status = 0n;
    this.length = 0;
    this.memory = new Uint8Array(this.kernel.room);
  }

  private shell(
    operation: Op<
      'mkdir' | 'rmdir' | 'write-inblob' | 'read-outblob' | 'read-generation' | 'read-provider'
    >,
  ): Answer {
    const item = this.items.get(operation.name);
    const sleeps = this.sleeper !== undefined;
    switch (operation.op) {
      case 'mkdir':
        if (operation.parent === 'tsm') return failed('EPERM');
        if (item) return failed('EEXIST');
        if (sleeps) return blocked;
        if (!this.driver.isLoaded) return failed('ENXIO');
        this.items.set(operation.name, {
          isGone: false,
          generation: this.firstGeneration,
          readAt: 0n,
          nonce: new Uint8Array(),
          quote: undefined,
        });
        return zero;
      case 'rmdir':
        if (!item) return failed('ENOENT');
        if (this.sleeper?.file.item === item) return blocked;
        item.isGone = true;
        this.items.delete(operation.name);
        return zero;
      case 'read-generation':
        if (!item) return failed('ENOENT');
        return sleeps ? blocked : this.textOf(item, 'generation');
      case 'read-provider':
        if (!item) return failed('ENOENT');
        return sleeps ? blocked : this.textOf(item, 'provider');
      case 'write-inblob': {
        if (!item) return failed('ENOENT');
        if (sleeps) return blocked;
        const file = this.opened(item, 'inblob');
        const answer = this.write(file, operation.content, undefined);
        this.commit(file);
        const write = answer.kind === 'errno' ? answer.errno : operation.content.length;
        return { kind: 'written', write, generation: item.generation };
      }
      case 'read-outblob': {
        if (!item) return failed('ENOENT', FREE);
        if (sleeps) return blocked;
        return this.readAll(this.opened(item, 'outblob'), operation.signalAfter);
      }
    }
  }

  private readAll(file: File, signalAfter: number | undefined): Answer {
    let answer = this.fetch(file, 'size');
    while (answer.kind === 'waiting') {
      answer = this.sleeper?.slept === signalAfter ? this.signal() : this.second();
    }
    if (answer.kind !== 'size') return answer;
    const spent = answer.cost;
    if (answer.size === 0) answer = shown({ bytes: new Uint8Array(), size: 0 }, FREE);
    else answer = this.fetch(file, 'data');
    return answer.kind === 'blob' && spent ? { ...answer, cost: spent } : answer;
  }

  private textOf(item: Item, kind: 'generation' | 'provider'): Answer {
    if (kind === 'generation') return { kind: 'text', text: `${item.generation}\n` };
    return this.driver.isLoaded ? { kind: 'text', text: 'tdx_guest\n' } : failed('ENXIO');
  }

  private hostMove(
    operation: Op<'set-host' | 'host-completes' | 'host-writes' | 'pass-time'>,
  ): Answer {
    switch (operation.op) {
      case 'set-host': {
        const { hypercallStatus, delay, finalStatus, outLen } = operation;
        this.host = {
          hypercallStatus: hypercallStatus ?? this.host.hypercallStatus,
          delay: delay ?? this.host.delay,
          finalStatus: finalStatus ?? this.host.finalStatus,
          outLen: outLen ?? this.host.outLen,
        };
        return zero;
      }
      case 'host-completes':
        if (this.driver.isLoaded && this.hasAsked) this.answer();
        return zero;
      case 'pass-time':
        this.pass(operation.milliseconds);
        return zero;
      case 'host-writes':
        if (!this.driver.isLoaded) return zero;
        this.status = operation.status ?? this.status;
        this.length = operation.outLen ?? this.length;
        if (operation.data) {
          this.memory = new Uint8Array(this.kernel.room);
          this.memory.set(operation.data);
        }
        return zero;
    }
  }

  private pass(milliseconds: number): void {
    if (this.dueIn === undefined) return;
    this.dueIn -= milliseconds;
    if (this.dueIn <= 0) this.answer();
  }

  private answer(): void {
    this.dueIn = undefined;
    const { outLen, finalStatus } = this.host;
    const nonce = this.memory.slice(128, 192);
    for (let at = 0; at < Math.min(outLen, this.kernel.room); at += 1) {
      this.memory[at] = at < 64 ? (nonce[at] ?? 0) ^ 0xff : 0x51;
    }
    this.length = outLen;
    this.status = finalStatus;
  }

  private opened(item: Item, kind: tsm.ItemFile): File {
    const none = { written: undefined, text: undefined, quote: undefined, announced: undefined };
    return { item, kind, writes: kind === 'inblob', at: 0, tried: false, ...none };
  }

  private call(
    operation: Op<
      'open' | 'write' | 'read' | 'lseek' | 'close' | 'read-size' | 'read-data' | 'tick' | 'signal'
    >,
  ): Answer {
    if (operation.op === 'tick') return this.sleeper ? this.second() : zero;
    if (operation.op === 'signal') return this.sleeper ? this.signal() : zero;
    if (operation.op === 'open') return this.open(operation);
    const file = this.files.get(operation.fd);
    // The file's position, and configfs's mutex of the open file, are the sleeper's.
    const isHeld = file !== undefined && this.sleeper?.file === file;
    switch (operation.op) {
      case 'write':
        if (isHeld && operation.offset === undefined) return blocked;
        if (!file?.writes) return failed('EBADF');
        return this.write(file, operation.content, operation.offset);
      case 'lseek':
        if (!file) return failed('EBADF');
        if (isHeld) return blocked;
        if (file.kind !== 'generation' && file.kind !== 'provider') return failed('ESPIPE');
        file.at = 0;
        return zero;
      case 'close':
        if (!file) return failed('EBADF');
        if (this.commits(file) && this.sleeper) return blocked;
        this.files.delete(operation.fd);
        this.commit(file);
        return zero;
      case 'read':
        if (file?.kind === 'generation' || file?.kind === 'provider') {
          return this.readText(file, file.kind, operation.size);
        }
        if (file?.kind !== 'outblob') return failed('EBADF');
        return isHeld ? blocked : this.readPart(file, operation.size);
      case 'read-size':
      case 'read-data':
        if (file?.kind !== 'outblob') return failed('EBADF');
        return isHeld ? blocked : this.fetch(file, operation.op === 'read-size' ? 'size' : 'data');
    }
  }

  private open({ fd, name, file: kind, access }: Op<'open'>): Answer {
    const item = this.items.get(name);
    if (!item) return failed('ENOENT');
    const isShown = ['inblob', 'outblob', 'generation', 'provider'].includes(kind);
    if (!isShown) return failed('ENOENT');
    if (access !== (kind === 'inblob' ? 'write' : 'read')) return failed('EACCES');
    this.files.set(fd, this.opened(item, kind));
    return zero;
  }

  private write(file: File, content: Uint8Array, offset: number | undefined): Answer {
    file.tried = true;
    const start = offset ?? file.at;
    if (start + content.length > 64) return failed('EFBIG');
    if (content.length === 0) return failed('EFAULT');
    const old = file.written ?? new Uint8Array();
    const now = new Uint8Array(Math.max(old.length, start + content.length));
    now.set(old);
    now.set(content, start);
    file.written = now;
    if (offset === undefined) file.at += content.length;
    return { kind: 'value', value: BigInt(content.length) };
  }

  private commits({ tried, written }: File): boolean {
    return this.kernel.commitsFailedWrites ? tried : written !== undefined;
  }

  private commit(file: File): void {
    const { item } = file;
    if (!this.commits(file) || item.isGone) return;
    if (item.generation === u64(item.readAt - 1n)) return;
    item.generation = u64(item.generation + 1n);
    item.nonce = file.written ?? new Uint8Array();
  }

  private readText(file: File, kind: 'generation' | 'provider', size: number): Answer {
    if (file.text === undefined) {
      if (file.item.isGone) return failed('ENOENT');
      if (this.sleeper) return blocked;
      const answer = this.textOf(file.item, kind);
      if (answer.kind !== 'text') return answer;
      file.text = answer.text;
    }
    const text = file.text.slice(file.at, file.at + size);
    file.at += text.length;
    return { kind: 'text', text };
  }

  /** read(2): both halves the first time, then from what the file has. */
  private readPart(file: File, size: number): Answer {
    let spent = FREE;
    if (!file.quote) {
      const asked = this.fetch(file, 'size');
      if (asked.kind !== 'size') return asked;
      spent = asked.cost ?? FREE;
      if (asked.size === 0) return shown({ bytes: new Uint8Array(), size: 0 }, spent);
      const fetched = this.fetch(file, 'data');
      if (fetched.kind !== 'blob') return fetched;
    }
    const whole: Quote = file.quote ?? { bytes: new Uint8Array(), size: 0 };
    const end = Math.min(whole.size, file.at + size);
    const part = { bytes: whole.bytes.slice(file.at, end), size: end - file.at };
    file.at = end;
    return shown(part, spent);
  }

  /** One of configfs's two calls. */
  private fetch(file: File, half: Half): Answer {
    if (file.quote) {
      const { quote } = file;
      return half === 'size' ? { kind: 'size', size: quote.size, cost: FREE } : shown(quote, FREE);
    }
    const { item } = file;
    if (this.sleeper) return blocked;
    if (item.isGone) return failed('ENOENT', FREE);
    if (item.nonce.length === 0) return failed('EINVAL', FREE);
    if (item.quote && item.readAt === item.generation) {
      return this.handOut(file, half, item.quote, FREE);
    }
    if (!this.driver.isLoaded) return failed('ENXIO', FREE);
    item.quote = undefined;
    return this.request(file, half);
  }

  private request(file: File, half: Half): Answer {
    const { nonce } = file.item;
    if (this.status === IN_FLIGHT) return failed('EBUSY', FREE);
    if (nonce.length !== 64) return failed('EINVAL', FREE);
    const errno = this.driver.errnoOf(this.driver.tdcall);
    if (errno !== undefined) {
      if (this.kernel.clearsFirst) this.clear();
      return failed(errno, cost(1, 0, 0));
    }
    this.clear();
    this.memory.set(report(this.td, nonce).report);
    this.dueIn = undefined;
    if (this.host.hypercallStatus !== 0n) return failed('EIO', cost(1, 1, 0));
    this.hasAsked = true;
    this.status = IN_FLIGHT;
    const { delay } = this.host;
    if (delay === 'inside') this.answer();
    else if (delay !== 'never') this.dueIn = delay;
    this.sleeper = { file, half, slept: 0 };
    return this.look(this.sleeper);
  }

  private second(): Answer {
    if (!this.sleeper) throw new Error('reference: nobody sleeps');
    this.sleeper.slept += 1;
    this.pass(1000);
    return this.look(this.sleeper);
  }

  private signal(): Answer {
    const slept = this.sleeper?.slept ?? 0;
    this.sleeper = undefined;
    return failed('EINTR', cost(1, 1, slept));
  }

  private look(sleeper: NonNullable<typeof this.sleeper>): Answer {
    const { file, half, slept } = sleeper;
    const spent = cost(1, 1, slept);
    const isPending = this.status === IN_FLIGHT;
    if (isPending && slept < this.patience) return { kind: 'waiting', cost: spent };
    this.sleeper = undefined;
    const givesUp = this.kernel.countsTimeoutsRight
      ? isPending
      : !isPending && slept === this.patience;
    if (givesUp) return failed('ETIMEDOUT', spent);
    if (this.kernel.refusesFailures && this.status !== 0n) return failed('EIO', spent);
    const isTooLong = this.length > this.kernel.room;
    if (isTooLong && this.kernel.refusesLongAnswers) return failed('EFBIG', spent);
    if (this.length >= 2 ** 31 - 1) return failed('ENOMEM', spent);
    const { item } = file;
    item.quote = { bytes: this.memory.slice(0, this.length), size: this.length };
    item.readAt = item.generation;
    return this.handOut(file, half, item.quote, spent);
  }

  private handOut(file: File, half: Half, quote: Quote, spent: tsm.Cost): Answer {
    if (half === 'size') {
      if (quote.size > this.kernel.mostBytes) return failed('EFBIG', spent);
      file.announced = quote.size;
      return { kind: 'size', size: quote.size, cost: spent };
    }
    const size = Math.min(quote.size, file.announced ?? quote.size);
    file.quote = { bytes: quote.bytes.slice(0, size), size };
    return shown(file.quote, spent);
  }
}

function shown({ bytes, size }: Quote, spent: tsm.Cost): Answer {
  return { kind: 'blob', size, head: bytes.slice(0, 16), bytes, cost: spent };
}
