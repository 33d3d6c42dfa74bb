// SPDX-License-Identifier: GPL-2.0
/* The C library's string functions that gzhyp, libfdt and the compiler need. */
#include "lib/string.h"
#include "lib/types.h"

/*
 * Uses whole words where both pointers allow it; the compiler makes pairs of them.
 * Speed counts: each exit copies a few hundred bytes, and guest pages are copied and
 * wiped.
 */
static void copy_line(u64 *d, const u64 *s)
{
	u64 a = s[0], b = s[1], c = s[2], e = s[3];
	u64 f = s[4], g = s[5], h = s[6], i = s[7];

	d[0] = a;
	d[1] = b;
	d[2] = c;
	d[3] = e;
	d[4] = f;
	d[5] = g;
	d[6] = h;
	d[7] = i;
}

void *memcpy(void *dst, const void *src, size_t n)
{
	const u8 *s = src;
	u8 *d = dst;

	if (IS_ALIGNED((uintptr_t)d | (uintptr_t)s, 8)) {
		for (; n >= 64; n -= 64, d += 64, s += 64)
			copy_line((u64 *)d, (const u64 *)s);
		for (; n >= 8; n -= 8, d += 8, s += 8)
			*(u64 *)d = *(const u64 *)s;
	}
	while (n--)
		*d++ = *s++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	const u8 *s = src;
	u8 *d = dst;

	if (d <= s || d >= s + n)
		return memcpy(dst, src, n);
	while (n--)
		d[n] = s[n];
	return dst;
}

static void set_line(u64 *d, u64 word)
{
	d[0] = word;
	d[1] = word;
	d[2] = word;
	d[3] = word;
	d[4] = word;
	d[5] = word;
	d[6] = word;
	d[7] = word;
}

void *memset(void *dst, int c, size_t n)
{
	u64 word = 0x0101010101010101ULL * (u8)c;
	u8 *d = dst;

	if (IS_ALIGNED((uintptr_t)d, 8)) {
		for (; n >= 64; n -= 64, d += 64)
			set_line((u64 *)d, word);
		for (; n >= 8; n -= 8, d += 8)
			*(u64 *)d = word;
	}
	while (n--)
		*d++ = c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n--; p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n--; p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n--; a++, b++) {
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	return memchr(s, c, strlen(s) + 1);
}

char *strrchr(const char *s, int c)
{
	size_t n = strlen(s) + 1;

	while (n--)
		if (s[n] == (char)c)
			return (char *)s + n;
	return NULL;
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; *s; s++)
		if (!strncmp(s, what, n))
			return (char *)s;
	return n ? NULL : (char *)s;
}
