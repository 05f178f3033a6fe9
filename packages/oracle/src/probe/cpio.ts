// SPDX-License-Identifier: MIT

/** One entry of an initramfs. Everything belongs to root. */
export type InitramfsEntry =
  | { readonly kind: 'dir'; readonly path: string; readonly mode: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'char';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/* File types in st_mode. Origin: include/uapi/linux/stat.h. */
const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

const NO_BYTES = new Uint8Array(0);

/**
 * An initramfs as Linux unpacks it at boot: a cpio archive in the "new ASCII" form without
 * checksums. Mirrors do_header() and the states after it in init/initramfs.c, and
 * Documentation/driver-api/early-userspace/buffer-format.rst.
 *
 * @param entries directories before what is in them; paths without a leading slash
 */
export function cpioArchive(entries: readonly InitramfsEntry[]): Uint8Array {
  const parts = entries.flatMap((entry, index) => record(entry, index + 1));
  parts.push(...record({ kind: 'file', path: 'TRAILER!!!', mode: 0, bytes: NO_BYTES }, 0));
  return Buffer.concat(parts);
}

function record(entry: InitramfsEntry, inode: number): readonly Uint8Array[] {
  const bytes = entry.kind === 'file' ? entry.bytes : NO_BYTES;
  const device = entry.kind === 'char' ? entry : { major: 0, minor: 0 };
  const name = Buffer.from(`${entry.path}\0`);
  const fields = [
    inode,
    fileType(entry) | entry.mode,
    0, // uid
    0, // gid
    entry.kind === 'dir' ? 2 : 1, // links
    0, // modification time
    bytes.length,
    0, // major and minor number of the device that the file is on
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum, which this form does not use
  ];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(header), name])), padded(bytes)];
}

function fileType({ kind, path }: InitramfsEntry): number {
  switch (kind) {
    case 'dir':
      return S_IFDIR;
    case 'char':
      return S_IFCHR;
    case 'file':
      return path === 'TRAILER!!!' ? 0 : S_IFREG;
  }
}

/** Names and contents each end on a multiple of four bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  const excess = bytes.length % 4;
  return excess === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(4 - excess)]);
}
