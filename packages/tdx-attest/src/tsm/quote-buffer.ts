// SPDX-License-Identifier: MIT
import { TDREPORT_OFFSET, REPORTDATA_SIZE } from '@kernel-models/hw-model/tdx';
import type { Features } from '../revisions.ts';
import type { Host } from './operation.ts';
import type { QuoteBuffer, TsmState } from './state.ts';

/*
 * The buffer of TDG.VP.VMCALL<GetQuote>. Origin: Guest-Host-Communication Interface for Intel TDX,
 * "TDG.VP.VMCALL<GetQuote>"; struct tdx_quote_buf, drivers/virt/coco/tdx-guest/tdx-guest.c.
 */

/** The host processes the request and owns the buffer. */
export const GET_QUOTE_IN_FLIGHT = 0xffff_ffff_ffff_ffffn;
/** The quote is there. */
export const GET_QUOTE_SUCCESS = 0n;
/** The request failed. */
export const GET_QUOTE_ERROR = 0x8000_0000_0000_0000n;
/** There is no quoting service. */
export const GET_QUOTE_SERVICE_UNAVAILABLE = 0x8000_0000_0000_0001n;

/** Bytes of version, status, in_len and out_len before the data. */
export const QUOTE_HEADER_SIZE = 24;

/** A buffer that was never used. */
export const EMPTY_QUOTE_BUFFER: QuoteBuffer = Object.freeze({
  status: 0n,
  outLen: 0,
  data: new Uint8Array(),
  accepted: false,
});

/** Bytes of data that the buffer holds. */
export function dataCapacity({ quoteBufferSize }: Features): number {
  return quoteBufferSize - QUOTE_HEADER_SIZE;
}

/** The first bytes of the buffer's data. */
export function dataOf({ data }: QuoteBuffer, size: number): Uint8Array {
  if (size <= data.length) return data.slice(0, size);
  const bytes = new Uint8Array(size);
  bytes.set(data);
  return bytes;
}

/**
 * The scripted host answers: to the REPORTDATA of the TDREPORT in the buffer, with its complement
 * and filler behind. Data first, then out_len, then the status.
 */
export function answer(
  buffer: QuoteBuffer,
  { outLen, finalStatus }: Host,
  features: Features,
): QuoteBuffer {
  const { reportData } = TDREPORT_OFFSET;
  const size = Math.min(outLen, dataCapacity(features));
  const data = dataOf(buffer, Math.max(size, buffer.data.length));
  data.fill(ANSWER_FILLER, REPORTDATA_SIZE, Math.max(size, REPORTDATA_SIZE));
  for (let index = 0; index < Math.min(size, REPORTDATA_SIZE); index += 1) {
    data[index] = (buffer.data[reportData + index] ?? 0) ^ 0xff;
  }
  return { ...buffer, status: finalStatus, outLen, data };
}

/** What follows the complement of REPORTDATA. */
const ANSWER_FILLER = 0x51;

/** The state after milliseconds in which a scripted answer may come due. */
export function passTime(state: TsmState, milliseconds: number, features: Features): TsmState {
  const { answerDue, quoteBuffer, host } = state;
  if (answerDue === null || quoteBuffer === null) return state;
  if (answerDue > milliseconds) return { ...state, answerDue: answerDue - milliseconds };
  return { ...state, answerDue: null, quoteBuffer: answer(quoteBuffer, host, features) };
}
