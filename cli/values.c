/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options that several verbs take: counts, tiers, stride sizes,
 * groups, modes. What is wrong with one is a usage error that names the option.
 */
#include "cli.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>

#define MODE_MAX 0777u

void cli_count(const struct cli_common *common, const char *option,
	       const char *text, uint32_t most, uint32_t *count)
{
	uint64_t number;

	if (cli_number(text, 1, most, &number) < 0)
		cli_usage(common, "-%s%s is '%s'; give a number from 1 to %u",
			  option[1] ? "-" : "", option, text, most);
	*count = (uint32_t)number;
}

void cli_tier(const struct cli_common *common, const char *text, uint32_t *tier)
{
#define TIER_NAME(name, number, text, data) [number] = (text),
	static const char *const tiers[] = { AETHER_TIER_LIST(TIER_NAME) };
#undef TIER_NAME
	const uint32_t count = sizeof(tiers) / sizeof(tiers[0]);
	uint32_t i = 0;

	while (i < count && (!tiers[i] || strcmp(tiers[i], text) != 0))
		i++;
	if (i == count)
		cli_usage(common, "--tier is '%s'; tiers are:" CLI_TIERS, text);
	*tier = i;
}

void cli_stride(const struct cli_common *common, const char *text,
		uint64_t *size)
{
	if (cli_size(text, size) < 0)
		cli_usage(common,
			  "--stride is '%s'; give bytes, or a number "
			  "with K, M or G",
			  text);
	if (*size < AETHER_STRIDE_SIZE_MIN || *size > AETHER_STRIDE_SIZE_MAX ||
	    (*size & (*size - 1)))
		cli_usage(common,
			  "--stride is '%s'; give a power of two from "
			  "%dK to %dM",
			  text, AETHER_STRIDE_SIZE_MIN >> 10,
			  AETHER_STRIDE_SIZE_MAX >> 20);
}

int cli_group_find(const char *text, uint32_t *group)
{
	const struct group *entry = getgrnam(text);
	uint64_t number;

	if (entry)
		*group = entry->gr_gid;
	else if (!cli_number(text, 0, UINT32_MAX - 1, &number))
		*group = (uint32_t)number;
	else
		return AETHER_EINVAL;
	return 0;
}

void cli_group(const struct cli_common *common, const char *text,
	       uint32_t *group)
{
	if (cli_group_find(text, group) < 0)
		cli_usage(common,
			  "--group is '%s'; give the name or the number of a "
			  "group of this machine",
			  text);
}

int cli_mode_read(const char *text, uint32_t least, uint32_t *mode)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '7')
		return AETHER_EINVAL;
	value = strtoul(text, &end, 8);
	if (*end || value > MODE_MAX || (value & least) != least)
		return AETHER_EINVAL;
	*mode = (uint32_t)value;
	return 0;
}
