// SPDX-License-Identifier: MIT

/**
 * C that cannot be read, or that means nothing. The message begins with line and column, from 1.
 */
export class CSyntaxError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(source: string, offset: number, message: string) {
    const before = source.slice(0, offset);
    const line = before.split('\n').length;
    const column = offset - (before.lastIndexOf('\n') + 1) + 1;
    super(`line ${line}, column ${column}: ${message}`);
    this.name = 'CSyntaxError';
    this.line = line;
    this.column = column;
  }
}
