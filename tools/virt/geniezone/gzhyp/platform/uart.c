// SPDX-License-Identifier: GPL-2.0
/*
 * PL011, transmit only and polled. The host's driver sets it up and also writes to
 * it: lines may mix, but no characters are lost.
 */
#include "platform/platform.h"

#define UART_DR		0x00
#define UART_FR		0x18
#define UART_FR_TXFF	BIT(5)

static u64 uart_base;

void uart_init(u64 base)
{
	uart_base = base;
}

static void uart_putc_raw(char c)
{
	volatile u32 *fr = (u32 *)(uart_base + UART_FR);
	volatile u32 *dr = (u32 *)(uart_base + UART_DR);
	unsigned int tries = 100000;

	/* Bounded: the host may have turned the transmitter off. */
	while ((*fr & UART_FR_TXFF) && tries--)
		;
	*dr = (u8)c;
}

void uart_putc(char c)
{
	if (!uart_base)
		return;
	if (c == '\n')
		uart_putc_raw('\r');
	uart_putc_raw(c);
}
