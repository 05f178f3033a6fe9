/* SPDX-License-Identifier: MIT */
/*
 * The device of the TDX guest driver, as the probes of tdx-attest use it, and how they say what
 * came of it.
 */
#ifndef TDX_ATTEST_DEVICE_H
#define TDX_ATTEST_DEVICE_H

#include <sys/ioctl.h>

#include "../probe.h"

#define DEVICE "/dev/tdx_guest"

/* Origin: struct tdx_report_req, include/uapi/linux/tdx-guest.h. */
#define REPORTDATA_SIZE 64
#define REQUEST_SIZE (REPORTDATA_SIZE + 1024)
#define ECHO_AT (REPORTDATA_SIZE + 128)

static void say_errno(int error)
{
	const char *name = strerrorname_np(error);

	if (!name)
		fail("the kernel answered errno %d", error);
	say("{\"kind\":\"errno\",\"errno\":\"%s\"", name);
}

static void say_result(long result)
{
	if (result < 0)
		say_errno(errno);
	else
		say("{\"kind\":\"value\",\"value\":\"0x%lx\"", result);
	say("}");
}

static void say_hex(const char *key, const uint8_t *bytes, size_t size)
{
	say(",\"%s\":\"", key);
	for (size_t i = 0; i < size; i++)
		say("%02x", bytes[i]);
	say("\"");
}

/* Bytes in hexadecimal digits. */
static size_t bytes_of(const struct word *object, const char *key, uint8_t *bytes, size_t room)
{
	const char *text = text_of(object, key);
	size_t size = strlen(text) / 2;

	if (size > room)
		fail("%s: expected at most %zu bytes, got %zu", key, room, size);
	for (size_t i = 0; i < size; i++)
		if (sscanf(text + 2 * i, "%2hhx", &bytes[i]) != 1)
			fail("%s: expected hexadecimal digits, got %s", key, text);
	return size;
}

/* Memory of which a number of bytes is mapped, up to a page that is not. */
static uint8_t *mapped_memory(size_t mapped, const uint8_t *reportdata, bool writable)
{
	size_t page = sysconf(_SC_PAGESIZE), room = 2 * page;
	uint8_t *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at = memory + room - mapped;

	if (memory == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	memcpy(at, reportdata, mapped < REPORTDATA_SIZE ? mapped : REPORTDATA_SIZE);
	if (mprotect(memory + room, page, PROT_NONE) ||
	    (!writable && mprotect(memory, room, PROT_READ)))
		fail("mprotect: %s", strerror(errno));
	return at;
}

/* The outcome of an ioctl, without the brace that ends it. */
static void say_report(long result, const uint8_t *memory, size_t mapped)
{
	if (result < 0) {
		say_errno(errno);
	} else if (mapped < REQUEST_SIZE) {
		fail("the ioctl returned %ld with %zu bytes mapped", result, mapped);
	} else {
		say("{\"kind\":\"report\"");
		say_hex("echo", memory + ECHO_AT, REPORTDATA_SIZE);
	}
}

static void do_device_call(const struct word *operation)
{
	const char *call = text_of(operation, "call");
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	char bytes[16] = "";
	long result;

	if (fd < 0)
		result = -1;
	else if (!strcmp(call, "read"))
		result = read(fd, bytes, sizeof(bytes));
	else if (!strcmp(call, "write"))
		result = write(fd, bytes, sizeof(bytes));
	else
		result = lseek(fd, 0, SEEK_SET);
	say_result(result);
	close(fd);
}

#endif
