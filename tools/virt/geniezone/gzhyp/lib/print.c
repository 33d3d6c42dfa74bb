// SPDX-License-Identifier: GPL-2.0
/* EL2's log: %s %c %d %u %x %p, width, 0 and l. */
#include "lib/print.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "platform/platform.h"

static struct spinlock console_lock;
static bool console_forced;

static void put_string(const char *s, int width)
{
	int pad = width - (int)strlen(s);

	while (pad-- > 0)
		uart_putc(' ');
	while (*s)
		uart_putc(*s++);
}

static void put_number(u64 val, unsigned int base, int width, char fill)
{
	char buf[24];
	int i = sizeof(buf);

	buf[--i] = '\0';
	do {
		buf[--i] = "0123456789abcdef"[val % base];
		val /= base;
	} while (val);
	while ((int)sizeof(buf) - 1 - i < width && i > 0)
		buf[--i] = fill;
	put_string(buf + i, 0);
}

static void put_signed(s64 val, int width)
{
	if (val < 0) {
		uart_putc('-');
		val = -val;
	}
	put_number(val, 10, width, ' ');
}

struct spec {
	int width;
	char fill;
	bool is_long;
};

static const char *parse_spec(const char *fmt, struct spec *spec)
{
	*spec = (struct spec) { .fill = ' ' };
	if (*fmt == '0') {
		spec->fill = '0';
		fmt++;
	}
	while (*fmt >= '0' && *fmt <= '9')
		spec->width = spec->width * 10 + *fmt++ - '0';
	while (*fmt == 'l') {
		spec->is_long = true;
		fmt++;
	}
	return fmt;
}

static void format(const char *fmt, va_list *args)
{
	struct spec spec;

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			uart_putc(*fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec);
		switch (*fmt) {
		case 's':
			put_string(va_arg(*args, const char *), spec.width);
			break;
		case 'c':
			uart_putc(va_arg(*args, int));
			break;
		case 'd':
			put_signed(spec.is_long ? va_arg(*args, s64) :
				   va_arg(*args, int), spec.width);
			break;
		case 'u':
			put_number(spec.is_long ? va_arg(*args, u64) :
				   va_arg(*args, u32), 10, spec.width, spec.fill);
			break;
		case 'x':
			put_number(spec.is_long ? va_arg(*args, u64) :
				   va_arg(*args, u32), 16, spec.width, spec.fill);
			break;
		case 'p':
			put_number((uintptr_t)va_arg(*args, void *), 16, 16, '0');
			break;
		case '\0':
			return;
		default:
			uart_putc(*fmt);
		}
	}
}

void vprint(const char *fmt, va_list args)
{
	va_list copy;

	va_copy(copy, args);
	if (!console_forced)
		spin_lock(&console_lock);
	format(fmt, &copy);
	if (!console_forced)
		spin_unlock(&console_lock);
	va_end(copy);
}

void print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprint(fmt, args);
	va_end(args);
}

/* For a panic, which must print even if another CPU holds the lock. */
void console_force_unlock(void)
{
	console_forced = true;
}
