/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hypervisor answers as some phones' do: words of gzhyp.as= on the host's command
 * line. A test that expects another result with a word asks for it here.
 */
#ifndef GZHYP_AS_H
#define GZHYP_AS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline bool gzhyp_as(const char *word)
{
	FILE *f = fopen("/proc/cmdline", "re");
	char *at, text[512];
	bool found = false;

	while (f && fscanf(f, "%511s", text) == 1) {
		if (strncmp(text, "gzhyp.as=", 9))
			continue;
		for (at = strtok(text + 9, ","); at; at = strtok(NULL, ","))
			found |= !strcmp(at, word);
	}
	if (f)
		fclose(f);
	return found;
}

/* Whether a raised line that goes down makes its interrupt pending once more */
static inline bool falling_line_interrupts(void)
{
	return gzhyp_as("nolevel") && !gzhyp_as("held");
}

/* The same, if the interrupt is active */
static inline bool falling_line_interrupts_again(void)
{
	return falling_line_interrupts() && !gzhyp_as("dropactive");
}

/* Whether an SPI that becomes pending while it is active is lost */
static inline bool active_spi_is_lost(void)
{
	return gzhyp_as("dropactive") && !gzhyp_as("held");
}

#endif /* GZHYP_AS_H */
