/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and texts of the errors, from the one list in the schema.
 */
#include "ae_base.h"

struct entry {
	int code;
	const char *name;
	const char *message;
	const char *remedy;
};

#define ENTRY(name, code, message, remedy) \
	{ code, "AETHER_" #name, message, remedy },
static const struct entry entries[] = { AETHER_ERROR_LIST(ENTRY) };
#undef ENTRY

static const struct entry *entry_of(int code)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (entries[i].code == code)
			return &entries[i];
	return NULL;
}

const char *aether_error_name(int code)
{
	const struct entry *entry = entry_of(code);

	if (code >= 0)
		return "AETHER_OK";
	return entry ? entry->name : NULL;
}

const char *aether_error_message(int code)
{
	const struct entry *entry = entry_of(code);

	if (code >= 0)
		return "no error";
	return entry ? entry->message : "an unknown error";
}

const char *aether_error_remedy(int code)
{
	const struct entry *entry = entry_of(code);

	if (code >= 0)
		return "nothing to do";
	return entry ? entry->remedy
		     : "aether strerror --all lists the codes of this release";
}
