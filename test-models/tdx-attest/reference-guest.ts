// SPDX-License-Identifier: MIT
import type { driver, tsm } from '@kernel-models/tdx-attest';

/*
 * The guest driver and its report items once more, naively: mutable objects, strings for bytes, one
 * function an operation, what Linux 6.12.117 was seen to do. Shares no code with the model.
 */

interface ReferenceItem {
  generation: number;
  /** Generation that `quote` is of. */
  readAt: number;
  nonce: readonly number[];
  quote: readonly number[] | undefined;
}

/** What the reference answers: as an outcome, without what only a model knows. */
export type ReferenceAnswer = Readonly<Record<string, unknown>>;

const IN_FLIGHT = -1;
const failed = (errno: string, cost?: object): ReferenceAnswer => ({
  kind: 'errno',
  errno,
  ...(cost && { cost }),
});
const zero: ReferenceAnswer = { kind: 'value', value: 0n };
const cost = (tdcalls: number, hypercalls: number, seconds: number): object => ({
  tdcalls,
  hypercalls,
  seconds,
});

/** Linux 6.12.117 with a fake TDX module and a scripted host. */
export class ReferenceGuest {
  loaded = false;
  items = new Map<string, ReferenceItem>();
  patience = 30;
  tdcall = 0n;
  hypercall = 0n;
  final = 0n;
  length = 100;
  delay: 'inside' | 'never' | number = 'inside';
  /** Status of the shared buffer: -1 in flight, 0 success, 1 an error. */
  status = 0;
  bufferNonce: readonly number[] = [];
  bufferLength = 0;
  everAsked = false;
  dueIn: number | undefined;

  do(operation: tsm.TsmOperation): ReferenceAnswer {
    switch (operation.op) {
      case 'load':
        if (this.loaded) return failed('EEXIST');
        if (this.items.size > 0) return failed('EBUSY');
        this.loaded = true;
        this.patience = operation.getquoteTimeout ?? 30;
        [this.tdcall, this.hypercall, this.final, this.length] = [0n, 0n, 0n, 100];
        this.delay = 'inside';
        this.status = 0;
        this.bufferNonce = [];
        this.everAsked = false;
        this.dueIn = undefined;
        return zero;
      case 'unload':
        if (!this.loaded) return failed('ENOENT');
        this.loaded = false;
        this.dueIn = undefined;
        return zero;
      case 'mkdir':
        if (this.items.has(operation.name)) return failed('EEXIST');
        if (!this.loaded) return failed('ENXIO');
        this.items.set(operation.name, { generation: 0, readAt: 0, nonce: [], quote: undefined });
        return zero;
      case 'rmdir':
        return this.items.delete(operation.name) ? zero : failed('ENOENT');
      case 'write-inblob':
        return this.write(operation.name, [...operation.content]);
      case 'read-outblob':
        return this.read(operation.name);
      case 'read-generation': {
        const item = this.items.get(operation.name);
        return item ? { kind: 'text', text: `${item.generation}\n` } : failed('ENOENT');
      }
      case 'read-provider':
        if (!this.items.has(operation.name)) return failed('ENOENT');
        return this.loaded ? { kind: 'text', text: 'tdx_guest\n' } : failed('ENXIO');
      case 'set-host':
        this.hypercall = operation.hypercallStatus ?? this.hypercall;
        this.final = operation.finalStatus ?? this.final;
        this.length = operation.outLen ?? this.length;
        this.delay = operation.delay ?? this.delay;
        return zero;
      case 'set-tdcall-status':
        this.tdcall = operation.status;
        return zero;
      case 'host-completes':
        if (this.loaded && this.everAsked) this.answer();
        return zero;
      case 'ioctl':
        return this.ioctl(operation.cmd, operation.buffer);
      default:
        throw new Error(`reference: ${operation.op} is not played`);
    }
  }

  private answer(): void {
    this.dueIn = undefined;
    this.bufferLength = this.length;
    this.status = this.final === 0n ? 0 : 1;
  }

  private write(name: string, content: readonly number[]): ReferenceAnswer {
    const item = this.items.get(name);
    if (!item) return failed('ENOENT');
    const answer = content.length > 64 ? 'EFBIG' : content.length === 0 ? 'EFAULT' : content.length;
    item.nonce = typeof answer === 'number' ? content : [];
    item.generation += 1;
    return { kind: 'written', write: answer, generation: BigInt(item.generation) };
  }

  private tdcallErrno(): string | undefined {
    if (this.tdcall === 0n) return undefined;
    return this.tdcall >> 32n === 0xc0000100n ? 'EINVAL' : 'EIO';
  }

  private read(name: string): ReferenceAnswer {
    const item = this.items.get(name);
    if (!item) return failed('ENOENT', cost(0, 0, 0));
    if (item.nonce.length === 0) return failed('EINVAL', cost(0, 0, 0));
    if (item.quote && item.readAt === item.generation) return this.show(item.quote, cost(0, 0, 0));
    if (!this.loaded) return failed('ENXIO', cost(0, 0, 0));
    item.quote = undefined;
    if (this.status === IN_FLIGHT) return failed('EBUSY', cost(0, 0, 0));
    if (item.nonce.length !== 64) return failed('EINVAL', cost(0, 0, 0));
    const errno = this.tdcallErrno();
    if (errno) return failed(errno, cost(1, 0, 0));
    this.bufferNonce = item.nonce;
    this.bufferLength = 0;
    this.status = 0;
    this.dueIn = undefined;
    if (this.hypercall !== 0n) return failed('EIO', cost(1, 1, 0));
    this.everAsked = true;
    this.status = IN_FLIGHT;
    if (this.delay === 'inside') this.answer();
    else if (this.delay !== 'never') this.dueIn = this.delay;
    let slept = 0;
    while (this.status === IN_FLIGHT && slept < this.patience) {
      slept += 1;
      if (this.dueIn !== undefined) {
        this.dueIn -= 1000;
        if (this.dueIn <= 0) this.answer();
      }
    }
    const answeredInTheLast = this.status !== IN_FLIGHT && slept === this.patience;
    if (answeredInTheLast) return failed('ETIMEDOUT', cost(1, 1, slept));
    if (this.bufferLength > 8168) return failed('EFBIG', cost(1, 1, slept));
    item.readAt = item.generation;
    item.quote = Array.from({ length: this.bufferLength }, (_, at) =>
      at < 64 ? (item.nonce[at] ?? 0) ^ 0xff : 0x51,
    );
    return this.show(item.quote, cost(1, 1, slept));
  }

  private show(quote: readonly number[], spent: object): ReferenceAnswer {
    return { kind: 'blob', size: quote.length, bytes: Uint8Array.from(quote), cost: spent };
  }

  private ioctl(cmd: bigint, { mapped, writable, reportData }: driver.UserBuffer): ReferenceAnswer {
    if (!this.loaded) return failed('ENOENT');
    if (cmd % (1n << 32n) !== 0xc4405401n) return { kind: 'errno', errno: 'ENOTTY', tdcalls: 0 };
    if (mapped < 64) return { kind: 'errno', errno: 'EFAULT', tdcalls: 0 };
    const errno = this.tdcallErrno();
    if (errno) return { kind: 'errno', errno, tdcalls: 1 };
    if (mapped < 1088 || !writable) return { kind: 'errno', errno: 'EFAULT', tdcalls: 1 };
    return { kind: 'report', tdcalls: 1, echo: reportData };
  }
}
