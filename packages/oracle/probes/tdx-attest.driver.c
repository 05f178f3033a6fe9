/* SPDX-License-Identifier: MIT */
/*
 * The probe of tdx-attest.driver: the ioctl of a TDX guest's driver as it is loaded there. What its
 * TDX module answers is nobody's script; what the driver makes of commands and buffers is its own.
 */
#include "probe.h"

#include "tdx-attest/device.h"

static void do_ioctl(const struct word *operation)
{
	const struct word *buffer = need(operation, "buffer");
	uint8_t reportdata[REPORTDATA_SIZE] = { 0 };
	size_t mapped = number_of(buffer, "mapped");
	uint8_t *memory;
	long result;
	int fd, error;

	bytes_of(buffer, "reportData", reportdata, sizeof(reportdata));
	memory = mapped_memory(mapped, reportdata, is_true(buffer, "writable"));
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		say_result(fd);
		return;
	}
	result = syscall(SYS_ioctl, fd, number_of(operation, "cmd"), memory);
	error = errno;
	close(fd);
	errno = error;
	say_report(result, memory, mapped);
	say("}");
}

static void step(const struct word *operation, const char *line, size_t length)
{
	const char *op = text_of(operation, "op");

	(void)line;
	(void)length;
	/* The kernel in use has its driver. */
	if (!strcmp(op, "load"))
		say_result(0);
	else if (!strcmp(op, "ioctl"))
		do_ioctl(operation);
	else if (!strcmp(op, "device-call"))
		do_device_call(operation);
	else
		fail("op: expected load, ioctl or device-call, got %s", op);
}

static void build_world(const struct word *setup)
{
	if (!is_true(setup, "tdxGuest") || is_true(setup, "nameTaken"))
		lacks("another world than a TDX guest with its driver");
}

static const struct probe probe;

/* Runs once the host's tree is left behind: the device is looked for in a devtmpfs of its own. */
static void describe(void)
{
	mkdir("/dev", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		unavailable(&probe, "devtmpfs: %s", strerror(errno));
	if (access(DEVICE, F_OK))
		unavailable(&probe, DEVICE ": not a TDX guest");
}

static const struct probe probe = {
	.name = "tdx-attest.driver",
	.describe = describe,
	.world = build_world,
	.step = step,
};

int main(int argc, char **argv)
{
	return probe_main(argc, argv, &probe);
}
