// SPDX-License-Identifier: MIT
export { codec } from './codec.ts';
export { INBLOB_MAX } from './inblob.ts';
export { TSM_INVARIANTS } from './invariants.ts';
export { model } from './model.ts';
export {
  DEFAULT_HOST,
  ITEM_FILES,
  type FileOperation,
  type Host,
  type HostOperation,
  type ItemFile,
  type ItemOperation,
  type LoadOperation,
  type TsmOperation,
} from './operation.ts';
export type { Cost, TsmOutcome } from './outcome.ts';
export {
  GET_QUOTE_ERROR,
  GET_QUOTE_IN_FLIGHT,
  GET_QUOTE_SERVICE_UNAVAILABLE,
  GET_QUOTE_SUCCESS,
  QUOTE_HEADER_SIZE,
} from './quote-buffer.ts';
export { TSM_RULES, type TsmRule } from './rules.ts';
export { GETQUOTE_TIMEOUT, initial, type Setup } from './setup.ts';
export type { Blob, Item, OpenFile, QuoteBuffer, ReportFile, TsmState } from './state.ts';
