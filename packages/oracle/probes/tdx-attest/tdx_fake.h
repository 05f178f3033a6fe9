/* SPDX-License-Identifier: MIT */
/*
 * What the fake TDX module and host are told, by ioctls on /dev/tdx-fake. Read by the kernel module
 * and by the probe.
 */
#ifndef TDX_FAKE_H
#define TDX_FAKE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* delay_ms: the host answers within the hypercall, or never by itself. */
#define TDX_FAKE_INSIDE (-2)
#define TDX_FAKE_NEVER (-1)

/* How the module and the host answer from now on. */
struct tdx_fake_script {
	__u64 tdcall_status;	/* of TDG.MR.REPORT; 0: there is a report */
	__u64 hypercall_status;	/* R10 of GetQuote; 0: accepted */
	__u64 final_status;	/* what the host leaves in the buffer */
	__u32 out_len;		/* likewise; as many bytes are written, as far as the buffer goes */
	__s32 delay_ms;		/* from the hypercall to the answer */
};

#define TDX_FAKE_STATUS (1u << 0)
#define TDX_FAKE_OUT_LEN (1u << 1)
#define TDX_FAKE_DATA (1u << 2)

/* A write of the host to the memory that it shares. */
struct tdx_fake_write {
	__u32 fields;
	__u32 out_len;
	__u64 status;
	__u32 size;
	__u8 data[4096];
};

/* What was asked since the last look, and how much of the buffer the host has written since. */
struct tdx_fake_counts {
	__u32 tdcalls;
	__u32 hypercalls;
	__u32 host_bytes;
};

/* Faults of the kernel below the driver, for one load or one ioctl. */
#define TDX_FAKE_FAIL_MISC_REGISTER (1u << 0)
#define TDX_FAKE_FAIL_SET_MEMORY_DECRYPTED (1u << 1)
/* The first or second allocation of the driver. */
#define TDX_FAKE_FAIL_ALLOCATION_1 (1u << 2)
#define TDX_FAKE_FAIL_ALLOCATION_2 (1u << 3)

#define TDX_FAKE_SCRIPT _IOW('F', 1, struct tdx_fake_script)
#define TDX_FAKE_WRITE _IOW('F', 2, struct tdx_fake_write)
/* The scripted answer now. */
#define TDX_FAKE_COMPLETE _IO('F', 3)
#define TDX_FAKE_COUNTS _IOR('F', 4, struct tdx_fake_counts)
/* Whether the kernel takes itself for a TD: X86_FEATURE_TDX_GUEST. */
#define TDX_FAKE_FEATURE _IO('F', 5)
/* Whether somebody else has the misc device that the driver wants. */
#define TDX_FAKE_TAKE_NAME _IO('F', 6)
#define TDX_FAKE_FAIL _IO('F', 7)

#endif
