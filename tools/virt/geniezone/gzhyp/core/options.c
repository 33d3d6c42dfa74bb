// SPDX-License-Identifier: GPL-2.0
/* Reads gzhyp's options from the host's command line. */
#include "core/options.h"
#include "lib/print.h"
#include "lib/string.h"

/* Longer words are cut in messages. */
#define MAX_WORD	32

struct word {
	const char *name;
	enum option opt;
};

static const struct word words[] = {
	{ "gzhyp.noblock", OPT_NO_BLOCK },
	{ "gzhyp.nodemand", OPT_NO_DEMAND },
	{ "gzhyp.strict", OPT_STRICT },
	{ "gzhyp.unlisted", OPT_UNLISTED },
#ifdef GZHYP_CONTROL
	{ "gzhyp.controls", OPT_CONTROLS },
#endif
};

/*
 * gzhyp.as: EL2 answers as a phone's may, which no shipped driver minds. All words
 * combine.
 */
static const struct word as_words[] = {
	/* DESTROY_VCPU is not implemented */
	{ "dvcpunone", OPT_DESTROY_VCPU_NONE },
	/* DESTROY_VCPU is done, but returns an error */
	{ "dvcpuerror", OPT_DESTROY_VCPU_ERROR },
	/* RUN returns an error in x0 beside a valid reason in x1 */
	{ "runerror", OPT_RUN_ERROR },
	/* The upper half of x0 is zero */
	{ "st32zero", OPT_STATUS_ZERO },
	/* The upper half of x0 is anything */
	{ "st32junk", OPT_STATUS_JUNK },
	/* The SVE hint in a function id is ignored, as SMCCC 1.3 says */
	{ "svehint", OPT_SVE_HINT },
	/* IDLE: vtimer_migrate is 0 although a timer is armed */
	{ "idlenomigrate", OPT_IDLE_NO_MIGRATE },
	/* IDLE: vtimer_delay is 0 although the timer is not due */
	{ "idlenodelay", OPT_IDLE_NO_DELAY },
	/* The virtual counter has an offset: it starts at 0 when the VM is created */
	{ "vtoffset", OPT_VTIMER_OFFSET },
	/* No firmware: GET_PVMFW_SIZE and SET_PVMFW_GPA are refused */
	{ "nofw", OPT_NO_FIRMWARE },
	/* No protected VMs: SET_PVMFW_GPA and SET_PROTECTED_VM are refused */
	{ "noprotect", OPT_NO_PROTECTION },
	/* A list register shows an EOI at each exit until it is used again */
	{ "lrstay", OPT_LRS_STAY },
	/* IRQ_LINE with level 1 raises an SPI's line until level 0 lowers it */
	{ "held", OPT_HELD },
	/* IRQ_LINE makes an SPI pending once, whatever the level */
	{ "nolevel", OPT_NO_LEVEL },
	/* A level-sensitive SPI that becomes pending while it is active is lost */
	{ "dropactive", OPT_DROP_ACTIVE },
	/* The guest gets the host's answer to MEM_RELINQUISH, not EL2's */
	{ "hostrelinquish", OPT_HOST_RELINQUISH },
	/* MAP_*, SET_MEMREGION and *_ONE_REG return BUSY, not only DESTROY_VM */
	{ "mapbusy", OPT_MAP_BUSY },
	/* 8 vCPUs and 10 regions for a VM */
	{ "few", OPT_FEW },
	/* GET_ONE_REG is not implemented */
	{ "nogetreg", OPT_NO_GET_ONE_REG },
	/* MAP_GUEST_BLOCK takes all of a block's pages in the region, or nothing */
	{ "wholeblocks", OPT_WHOLE_BLOCKS },
	/* DESTROY_VM returns BUSY for ever */
	{ "destroystuck", OPT_DESTROY_STUCK },
	/* MAP_* and a populating SET_MEMREGION return BUSY for ever */
	{ "mapstuck", OPT_MAP_STUCK },
	/* CREATE_VCPU of vCPU 4 and up fails after EL2 has taken the shared pages */
	{ "vcpuerror", OPT_CREATE_VCPU_ERROR },
	/* An access outside regions, at 0x10000000 and up, is an INTERNAL_ERROR */
	{ "mmiolow", OPT_MMIO_LOW },
	/* SET_ONE_REG: PSTATE only, but for vCPU 0, which takes ID registers too */
	{ "pstateonly", OPT_PSTATE_ONLY },
	/* A guest's access to a region without flags is an INTERNAL_ERROR */
	{ "romflag", OPT_ROM_FLAG },
	/* The distributor is at 0x3fff0000, the redistributors end there */
	{ "gicfixed", OPT_GIC_FIXED },
	/* Accesses to redistributors' SGI frames exit to the host */
	{ "gicsgi", OPT_GIC_SGI_EXITS },
	/* The older generation: ids, version, shared page, INTIDs, idle vCPUs' timers */
	{ "old", OPT_OLD },
};

#define AS	"gzhyp.as="

u64 options;

static bool is_word(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && !memcmp(name, text, len);
}

static bool begins_with(const char *text, size_t len, const char *start)
{
	return len >= strlen(start) && !memcmp(text, start, strlen(start));
}

static bool find_word(const struct word *table, unsigned int nr,
		      const char *text, size_t len)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!is_word(table[i].name, text, len))
			continue;
		options |= BIT(table[i].opt);
		return true;
	}
	return false;
}

static void unknown(const char *text, size_t len)
{
	char word[MAX_WORD + 1];

	len = MIN(len, (size_t)MAX_WORD);
	memcpy(word, text, len);
	word[len] = '\0';
	print("gzhyp: unknown option %s\n", word);
}

static size_t word_length(const char *text, char end)
{
	size_t len = 0;

	while (text[len] && text[len] != ' ' && text[len] != end)
		len++;
	return len;
}

/* WORD,WORD,... */
static void parse_as(const char *text, const char *end)
{
	size_t len;

	for (; text < end; text += len + 1) {
		len = word_length(text, ',');
		if (!find_word(as_words, ARRAY_SIZE(as_words), text, len))
			unknown(text, len);
	}
}

static void parse_word(const char *text, size_t len)
{
	if (!begins_with(text, len, "gzhyp."))
		return;
	if (begins_with(text, len, AS))
		parse_as(text + strlen(AS), text + len);
	else if (!find_word(words, ARRAY_SIZE(words), text, len))
		unknown(text, len);
}

/**
 * options_parse() - set the options that the command line names
 * @args: command line, or NULL
 *
 * Only whole words count. A word that begins with "gzhyp." and is not known is
 * reported on the console.
 */
void options_parse(const char *args)
{
	size_t len;

	options = 0;
	while (args && *args) {
		len = word_length(args, ' ');
		parse_word(args, len);
		args += len;
		while (*args == ' ')
			args++;
	}
}
