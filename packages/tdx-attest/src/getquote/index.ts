// SPDX-License-Identifier: MIT
export { model, type Setup } from './model.ts';
export { GETQUOTE_RULES } from './rules.ts';
export type {
  Content,
  GetQuoteOperation,
  GetQuoteOutcome,
  GetQuoteState,
  GuestPhase,
  Length,
  Result,
  SharedBuffer,
  Status,
} from './state.ts';
