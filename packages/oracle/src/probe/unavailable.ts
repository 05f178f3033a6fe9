// SPDX-License-Identifier: MIT

/**
 * A target cannot answer on this host. The message names what is missing: the CONFIG option,
 * sysctl, capability, program or right.
 */
export class Unavailable extends Error {
  constructor(missing: string) {
    super(missing);
    this.name = 'Unavailable';
  }
}
