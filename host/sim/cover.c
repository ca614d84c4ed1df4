/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which operations of core the actors of all scenes of a program came by, and
 * before which of them they were killed. What the setup of a scene does, and
 * what is done after it, does not count.
 */
#include "state.h"

static struct ae_sim_site *first;

void ae_sim_came(struct ae_sim_site *site)
{
	if (ae_sim.calm)
		return;
	site->came++;
	if (site->listed)
		return;
	site->listed = 1;
	site->next = first;
	first = site;
}

int ae_sim_cover(const char *path)
{
	FILE *to = fopen(path, "w");
	int err;

	if (!to)
		return -1;
	for (const struct ae_sim_site *s = first; s; s = s->next)
		fprintf(to, "%s\t%d\t%s\t%llu\t%llu\n", s->file, s->line,
			s->function, s->came, s->killed);
	fprintf(to, "end\n");
	err = ferror(to);
	return fclose(to) || err ? -1 : 0;
}
