// SPDX-License-Identifier: MIT
import {
  boolean,
  decodeDer,
  enumerated,
  objectIdentifier,
  octets,
  sequence,
  smallInteger,
  type Element,
} from './asn1.ts';
import { OID } from './certificate.ts';

/**
 * What a PCK certificate says of its platform. Origin: Intel SGX PCK Certificate and CRL Profile
 * Specification, section 1.5, object identifiers under 1.2.840.113741.1.13.1.
 */
export interface PckExtension {
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  /** SVNs of the 16 components of the SGX TCB, 0 to 255 each. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  readonly sgxType: 'standard' | 'scalable' | 'scalable-with-integrity';
  /** 16 bytes; only in certificates of the platform CA. */
  readonly platformInstanceId: Uint8Array | undefined;
  /** Only in certificates of the platform CA. */
  readonly configuration: PckConfiguration | undefined;
}

/** How a multi-package platform is set up. */
export interface PckConfiguration {
  readonly dynamicPlatform: boolean | undefined;
  readonly cachedKeys: boolean | undefined;
  readonly smtEnabled: boolean | undefined;
}

const SGX_TYPES = ['standard', 'scalable', 'scalable-with-integrity'] as const;
const COMPONENT_COUNT = 16;

/**
 * Reads the extension; undefined where a field that every PCK certificate has is missing or
 * malformed.
 */
export function parsePckExtension(content: Uint8Array): PckExtension | undefined {
  const fields = entriesOf(decodeDer(content), OID.sgxExtensions);
  const tcb = entriesOf(fields?.get(2), `${OID.sgxExtensions}.2`);
  if (fields === undefined || tcb === undefined) return undefined;
  const components = Array.from({ length: COMPONENT_COUNT }, (_, index) =>
    smallInteger(tcb.get(index + 1)),
  );
  const pceSvn = smallInteger(tcb.get(17));
  const cpuSvn = sized(tcb.get(18), 16);
  const ppid = sized(fields.get(1), 16);
  const pceId = sized(fields.get(3), 2);
  const fmspc = sized(fields.get(4), 6);
  const sgxType = SGX_TYPES[enumerated(fields.get(5)) ?? -1];
  if (
    pceSvn === undefined ||
    cpuSvn === undefined ||
    ppid === undefined ||
    pceId === undefined ||
    fmspc === undefined ||
    sgxType === undefined ||
    !components.every((svn) => svn !== undefined && svn <= 255)
  ) {
    return undefined;
  }
  const configuration = entriesOf(fields.get(7), `${OID.sgxExtensions}.7`);
  return {
    ppid,
    components: components.map((svn) => svn ?? 0),
    pceSvn,
    cpuSvn,
    pceId,
    fmspc,
    sgxType,
    platformInstanceId: sized(fields.get(6), 16),
    configuration: configuration && {
      dynamicPlatform: boolean(configuration.get(1)),
      cachedKeys: boolean(configuration.get(2)),
      smtEnabled: boolean(configuration.get(3)),
    },
  };
}

/** Values of a sequence of (identifier, value) by the last number of the identifier. */
function entriesOf(
  element: Element | undefined,
  prefix: string,
): ReadonlyMap<number, Element> | undefined {
  const entries = new Map<number, Element>();
  const items = sequence(element);
  if (items === undefined) return undefined;
  for (const item of items) {
    const [id, value] = sequence(item) ?? [];
    const name = objectIdentifier(id);
    if (name === undefined || value === undefined || !name.startsWith(`${prefix}.`))
      return undefined;
    const number = Number(name.slice(prefix.length + 1));
    if (entries.has(number)) return undefined;
    entries.set(number, value);
  }
  return entries;
}

function sized(element: Element | undefined, size: number): Uint8Array | undefined {
  const bytes = octets(element);
  return bytes?.length === size ? bytes : undefined;
}
