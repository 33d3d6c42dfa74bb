// SPDX-License-Identifier: GPL-2.0
/* /sys/kernel/gzvm: values that may be written, and values that are read then. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gz_test.h"

#define SYSFS	"/sys/kernel/gzvm/"

FIXTURE(sysfs)
{
	char path[128];
	char old[32];
};

FIXTURE_VARIANT(sysfs)
{
	const char *name;
	unsigned int last_bit;
};

FIXTURE_VARIANT_ADD(sysfs, demand_paging)
{
	.name = "demand_paging_batch_pages",
	.last_bit = 9,
};

FIXTURE_VARIANT_ADD(sysfs, destroy)
{
	.name = "destroy_batch_pages",
	.last_bit = 14,
};

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != strlen(text))
		ret = -errno;
	close(fd);
	return ret;
}

static void get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, size - 1);

	text[len < 0 ? 0 : len] = 0;
	close(fd);
}

FIXTURE_SETUP(sysfs)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	snprintf(self->path, sizeof(self->path), SYSFS "%s", variant->name);
	get(self->path, self->old, sizeof(self->old));
}

FIXTURE_TEARDOWN(sysfs)
{
	put(self->path, self->old);
}

#define expect_text(expected)						\
do {									\
	const char *__expected = (expected);				\
	char __now[32];							\
									\
	get(self->path, __now, sizeof(__now));				\
	EXPECT_EQ(0, strcmp(__expected, __now))				\
		TH_LOG("'%s' instead of '%s'", __now, __expected);	\
} while (0)

#define expect_refused(err, text)					\
do {									\
	const char *__text = (text);					\
									\
	EXPECT_EQ(-(err), put(self->path, __text))			\
		TH_LOG("'%s'", __text);					\
	expect_text("16\n");						\
} while (0)

TEST_F(sysfs, mode)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->path, &st));
	EXPECT_EQ(S_IFREG | 0660, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
}

TEST_F(sysfs, each_power_of_two)
{
	char text[32];
	unsigned int bit;

	for (bit = 0; bit <= variant->last_bit; bit++) {
		snprintf(text, sizeof(text), "%u\n", 1U << bit);
		EXPECT_EQ(0, put(self->path, text));
		expect_text(text);
	}
}

/* As in shipped drivers */
TEST_F(sysfs, leading_zero_is_not_octal)
{
	EXPECT_EQ(0, put(self->path, "016"));
	expect_text("16\n");
}

TEST_F(sysfs, nothing_else)
{
	static const char * const bad[] = {
		"0", "3", "6", "511", "513", "1000", "4294967295", "-1", "-16",
		"", "\n", " ", "x", "8x", "8 8", "8\n8", "8\n\n", "0x", "0x10",
		"8.", "1e1",
	};
	char text[32];
	unsigned int i;

	ASSERT_EQ(0, put(self->path, "16"));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		/* sysfs does not pass on an empty write */
		if (*bad[i])
			expect_refused(EINVAL, bad[i]);
	expect_refused(ERANGE, "4294967296");
	expect_refused(ERANGE, "4294967304");
	expect_refused(ERANGE, "18446744073709551632");
	if (variant->last_bit < 31) {
		snprintf(text, sizeof(text), "%u", 2U << variant->last_bit);
		expect_refused(EINVAL, text);
	}
}

TEST_F(sysfs, short_reads)
{
	char text[32] = "";
	unsigned int i;
	int fd;

	ASSERT_EQ(0, put(self->path, "256"));
	fd = open(self->path, O_RDONLY);
	for (i = 0; i < 5; i++)
		ASSERT_LE(0, read(fd, text + i, 1));
	EXPECT_EQ(0, strcmp("256\n", text));
	EXPECT_EQ(0, read(fd, text, 1));
	close(fd);
}

TEST(sysfs_has_two_files)
{
	unsigned int nr = 0;
	struct dirent *e;
	DIR *dir;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	dir = opendir(SYSFS);
	ASSERT_NE(NULL, dir);
	while ((e = readdir(dir)))
		nr += e->d_name[0] != '.';
	closedir(dir);
	EXPECT_EQ(2, nr);
}

TEST_HARNESS_MAIN
