// SPDX-License-Identifier: MIT
export * from './exception.ts';
export * from './features.ts';
export * from './registers.ts';
export * from './save-state.ts';
export * from './state.ts';
export * from './virtualization.ts';
