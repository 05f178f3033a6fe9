// SPDX-License-Identifier: MIT
export { PAGE_SHIFT, PAGE_SIZE } from './constants.ts';
