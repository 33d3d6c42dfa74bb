// SPDX-License-Identifier: GPL-2.0
/* Options on the host's command line. */
#define OWN_OPTIONS

#include "core/options.h"
#include "platform/platform.h"
#include "tests/ktap.h"

static char console[256];
static size_t console_len;

void uart_putc(char c)
{
	if (console_len < sizeof(console) - 1)
		console[console_len++] = c;
}

static void parse(const char *args)
{
	memset(console, 0, sizeof(console));
	console_len = 0;
	options_parse(args);
}

static void no_command_line_is_no_option(void)
{
	parse(NULL);
	EXPECT(!options);
	parse("");
	EXPECT(!options);
	EXPECT(!console_len);
}

static void words_stand_anywhere(void)
{
	parse("gzhyp.noblock console=ttyAMA0  gzhyp.unlisted");
	EXPECT(options == (BIT(OPT_NO_BLOCK) | BIT(OPT_UNLISTED)));
	EXPECT(!console_len);
	parse("quiet gzhyp.nodemand quiet");
	EXPECT(options == BIT(OPT_NO_DEMAND));
}

static void only_whole_words_count(void)
{
	parse("xgzhyp.noblock a.gzhyp.noblock");
	EXPECT(!options);
	EXPECT(!console_len);
	parse("gzhyp.noblocks gzhyp.noblock=1");
	EXPECT(!options);
}

static void unknown_words_are_reported(void)
{
	parse("gzhyp.noblocks quiet");
	EXPECT(!strcmp(console, "gzhyp: unknown option gzhyp.noblocks\n"));
	parse("gzhyp.a23456789012345678901234567890");
	EXPECT(!strcmp(console,
		       "gzhyp: unknown option gzhyp.a2345678901234567890123456\n"));
}

static void as_takes_a_list(void)
{
	parse("gzhyp.as=runerror,st32zero,svehint quiet");
	EXPECT(options == (BIT(OPT_RUN_ERROR) | BIT(OPT_STATUS_ZERO) |
			   BIT(OPT_SVE_HINT)));
	EXPECT(!console_len);
	parse("gzhyp.as=runerror gzhyp.noblock gzhyp.as=svehint");
	EXPECT(options == (BIT(OPT_RUN_ERROR) | BIT(OPT_NO_BLOCK) |
			   BIT(OPT_SVE_HINT)));
	parse("gzhyp.as=runerrors,st32,runerror");
	EXPECT(options == BIT(OPT_RUN_ERROR));
	EXPECT(!strcmp(console, "gzhyp: unknown option runerrors\n"
		       "gzhyp: unknown option st32\n"));
	parse("gzhyp.as= gzhyp.as");
	EXPECT(!options);
	EXPECT(!strcmp(console, "gzhyp: unknown option gzhyp.as\n"));
}

static const struct test tests[] = {
	TEST(no_command_line_is_no_option),
	TEST(words_stand_anywhere),
	TEST(only_whole_words_count),
	TEST(unknown_words_are_reported),
	TEST(as_takes_a_list),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
