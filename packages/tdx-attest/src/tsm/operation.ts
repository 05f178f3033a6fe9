// SPDX-License-Identifier: MIT
import type { DriverOperation } from '../driver/index.ts';

/** How a host treats GetQuote that no explicit move of it says otherwise. */
export interface Host {
  /** R10 of the hypercall: 0 accepts the request. */
  readonly hypercallStatus: bigint;
  /** When it answers: before the hypercall returns, never, or after milliseconds. */
  readonly delay: 'inside' | 'never' | number;
  /** Status that it leaves in the buffer. */
  readonly finalStatus: bigint;
  /** out_len that it leaves in the buffer. It writes as many bytes, as far as the buffer goes. */
  readonly outLen: number;
}

/** Answers 100 bytes before the hypercall returns. */
export const DEFAULT_HOST: Host = Object.freeze({
  hypercallStatus: 0n,
  delay: 'inside',
  finalStatus: 0n,
  outLen: 100,
});

/** A name in an item's directory, whether a TDX guest shows it or not. */
export type ItemFile =
  | 'inblob'
  | 'outblob'
  | 'generation'
  | 'provider'
  | 'privlevel'
  | 'privlevel_floor'
  | 'service_provider'
  | 'service_guid'
  | 'service_manifest_version'
  | 'auxblob'
  | 'manifestblob';

export const ITEM_FILES: readonly ItemFile[] = [
  'inblob',
  'outblob',
  'generation',
  'provider',
  'privlevel',
  'privlevel_floor',
  'service_provider',
  'service_guid',
  'service_manifest_version',
  'auxblob',
  'manifestblob',
];

/** The items: /sys/kernel/config/tsm/report. */
export type ItemOperation =
  | { readonly op: 'mkdir'; readonly name: string; readonly parent: 'report' | 'tsm' }
  | { readonly op: 'rmdir'; readonly name: string }
  /** open, write all at once, close; then the generation is read. */
  | { readonly op: 'write-inblob'; readonly name: string; readonly content: Uint8Array }
  /**
   * open, read to the end, close. `signalAfter`: a signal comes after so many seconds of waiting.
   */
  | { readonly op: 'read-outblob'; readonly name: string; readonly signalAfter?: number }
  | { readonly op: 'read-generation'; readonly name: string }
  | { readonly op: 'read-provider'; readonly name: string };

/** The same, call by call. A descriptor that is in use is replaced without being closed first. */
export type FileOperation =
  | {
      readonly op: 'open';
      readonly fd: number;
      readonly name: string;
      readonly file: ItemFile;
      readonly access: 'read' | 'write' | 'read-write';
    }
  /** write(2), or pwrite(2) where `offset` is given. */
  | {
      readonly op: 'write';
      readonly fd: number;
      readonly content: Uint8Array;
      readonly offset?: number;
    }
  /** read(2) of at most `size` bytes at the file's position. */
  | { readonly op: 'read'; readonly fd: number; readonly size: number }
  /** To the start of the file. */
  | { readonly op: 'lseek'; readonly fd: number }
  | { readonly op: 'close'; readonly fd: number }
  /** The first of configfs's two calls for a file's bytes: it asks how many there are. */
  | { readonly op: 'read-size'; readonly fd: number }
  /** The second: it fetches them. */
  | { readonly op: 'read-data'; readonly fd: number }
  /** A second passes for the read that waits for the host. */
  | { readonly op: 'tick' }
  /** A signal reaches the read that waits for the host. */
  | { readonly op: 'signal' };

/** The host. */
export type HostOperation =
  | ({ readonly op: 'set-host' } & Partial<Host>)
  /** The scripted answer now, to whatever is in the buffer. */
  | { readonly op: 'host-completes' }
  /** An explicit move: the host writes to the shared buffer what it likes, when it likes. */
  | {
      readonly op: 'host-writes';
      readonly status?: bigint;
      readonly outLen?: number;
      readonly data?: Uint8Array;
    }
  /** Time passes, and a scripted answer may come due. */
  | { readonly op: 'pass-time'; readonly milliseconds: number };

/** Loading, with the driver's module parameter. */
export interface LoadOperation {
  readonly op: 'load';
  readonly fails?: 'misc-register' | 'quote-buffer';
  readonly tdcallStatus?: bigint;
  /** getquote_timeout, seconds; absent: 30. A load begins with {@link DEFAULT_HOST}. */
  readonly getquoteTimeout?: number;
}

/** Everything that can be asked of the model. */
export type TsmOperation =
  | Exclude<DriverOperation, { readonly op: 'load' }>
  | LoadOperation
  | ItemOperation
  | FileOperation
  | HostOperation;
