// SPDX-License-Identifier: MIT
import type { DriverState } from '../driver/index.ts';
import type { Host } from './operation.ts';

/**
 * The report items of configfs on top of the driver, and the buffer that driver and host share.
 * Byte strings are shared between states and never written.
 */
export interface TsmState {
  readonly driver: DriverState;
  /** The driver has registered itself as the report provider. */
  readonly provider: boolean;
  /** Report items by name. */
  readonly items: Readonly<Record<string, Item>>;
  /** Open files by descriptor. */
  readonly files: Readonly<Record<number, OpenFile>>;
  /** The shared buffer, while the driver is loaded. */
  readonly quoteBuffer: QuoteBuffer | null;
  /** Seconds that the driver waits for a quote: getquote_timeout. */
  readonly timeout: number;
  readonly host: Host;
  /** Milliseconds until the host answers the request that it accepted, or null: not by itself. */
  readonly answerDue: number | null;
  /** The one read that waits for the host, holding the locks of all items. */
  readonly waiting: WaitingRead | null;
  readonly nextItemId: number;
  /** Write generation of a new item: 0 in a kernel. */
  readonly firstGeneration: bigint;
}

/** struct tsm_report_state. */
export interface Item {
  /** Tells an item from a later one of the same name. */
  readonly id: number;
  readonly writeGeneration: bigint;
  readonly readGeneration: bigint;
  /** 0 to 64 bytes. */
  readonly inblob: Uint8Array;
  readonly outblob: Blob | null;
}

/** What a report provider handed out. */
export interface Blob {
  readonly bytes: Uint8Array;
  /** Bytes behind those that came from beyond the shared buffer: kernel memory. */
  readonly leaked: number;
  /** The inblob that it was asked for. */
  readonly inblob: Uint8Array;
}

/** The GetQuote buffer, Guest-Host-Communication Interface, TDG.VP.VMCALL<GetQuote>. */
export interface QuoteBuffer {
  readonly status: bigint;
  readonly outLen: number;
  /** What was written behind the header; zero behind that. */
  readonly data: Uint8Array;
  /** The host has accepted a request since the buffer was made. */
  readonly accepted: boolean;
}

/** An open file of an item. */
export interface OpenFile {
  readonly name: string;
  readonly itemId: number;
  readonly file: ReportFile;
  readonly access: 'read' | 'write';
  /** File position, bytes. */
  readonly position: number;
  /** inblob: what was written; null before the first write. */
  readonly written: Uint8Array | null;
  /** inblob: a write was tried. */
  readonly tried: boolean;
  /** generation, provider: what this file shows from its first read on. */
  readonly shown: string | null;
  /** outblob: what this file shows from its first read on. */
  readonly fetched: Blob | null;
  /** outblob: bytes that the first of configfs's two calls announced; null before it. */
  readonly announced: number | null;
}

/** The files of a report item that a TDX guest shows. */
export type ReportFile = 'inblob' | 'outblob' | 'generation' | 'provider';

/** A read that sleeps in wait_for_quote_completion(). */
export interface WaitingRead {
  /** Null once it was closed, or opened anew: the call goes on, and its bytes reach no file. */
  readonly fd: number | null;
  /** What it reads: the open file as it was when the call began. */
  readonly file: OpenFile;
  /** Which of configfs's two calls it is in. */
  readonly call: 'size' | 'data';
  /** Seconds slept. */
  readonly slept: number;
  /** The inblob that the request is for. */
  readonly inblob: Uint8Array;
}
