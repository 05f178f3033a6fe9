// SPDX-License-Identifier: MIT

/*
 * Layouts of quotes and of what they are about. Little-endian. Origin: Intel TDX DCAP Quoting
 * Library API, "Quote Format" (versions 4 and 5); Intel SGX ECDSA Quote Library, Appendix A
 * (version 3).
 */

/** Bytes of a quote's header. */
export const HEADER_SIZE = 48;
/** Bytes of the type and size before a body of version 5. */
export const BODY_DESCRIPTOR_SIZE = 6;
/** Bytes of an SGX enclave report. */
export const ENCLAVE_REPORT_SIZE = 384;
/** Bytes of a TD quote body 1.0 and 1.5. */
export const TD_BODY_10_SIZE = 584;
export const TD_BODY_15_SIZE = 648;

/** Offsets in the header. */
export const HEADER_OFFSET = {
  version: 0,
  attestationKeyType: 2,
  teeType: 4,
  qeSvn: 8,
  pceSvn: 10,
  qeVendorId: 12,
  userData: 28,
} as const;

/** TEE types of the header. */
export const TEE_TYPE_SGX = 0x00;
export const TEE_TYPE_TDX = 0x81;

/** Attestation key types. 3 is ECDSA on P-384, which no quoting enclave issues. */
export const ATTESTATION_KEY_ECDSA_P256 = 2;

/** Body types of version 5. */
export const BODY_TYPE = { sgx: 1, td10: 2, td15: 3 } as const;

/** Certification data types. */
export const CERTIFICATION_TYPE = {
  ppidPlain: 1,
  ppidEncrypted2048: 2,
  ppidEncrypted3072: 3,
  pckLeaf: 4,
  pckChain: 5,
  qeReport: 6,
} as const;

/** Intel's quoting enclaves: 939a7233-f79c-4ca9-940a-0db3957f0607. */
export const INTEL_QE_VENDOR_ID: Uint8Array = Uint8Array.of(
  0x93,
  0x9a,
  0x72,
  0x33,
  0xf7,
  0x9c,
  0x4c,
  0xa9,
  0x94,
  0x0a,
  0x0d,
  0xb3,
  0x95,
  0x7f,
  0x06,
  0x07,
);

/** Offsets in a TD quote body; those from `teeTcbSvn2` on are of 1.5 alone. */
export const TD_BODY_OFFSET = {
  teeTcbSvn: 0,
  mrSeam: 16,
  mrSignerSeam: 64,
  seamAttributes: 112,
  tdAttributes: 120,
  xfam: 128,
  mrTd: 136,
  mrConfigId: 184,
  mrOwner: 232,
  mrOwnerConfig: 280,
  rtmr: 328,
  reportData: 520,
  teeTcbSvn2: 584,
  mrServiceTd: 600,
} as const;

/** Offsets in an enclave report. */
export const ENCLAVE_REPORT_OFFSET = {
  cpuSvn: 0,
  miscSelect: 16,
  attributes: 48,
  mrEnclave: 64,
  mrSigner: 128,
  isvProdId: 256,
  isvSvn: 258,
  reportData: 320,
} as const;
