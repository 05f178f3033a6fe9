// SPDX-License-Identifier: MIT
export { PAGE_SIZE } from './constants.ts';
