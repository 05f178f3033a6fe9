// SPDX-License-Identifier: MIT
export * from './message.ts';
export { model, type QgsOperation, type QgsOutcome, type QgsState, type Setup } from './model.ts';
