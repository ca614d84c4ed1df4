/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: words that are signalled and waited on.
 */
#include "ae_base.h"
#include "ae_host.h"

/* The word of an epoch whose index was checked. */
static struct aether_word32 *word_of(const struct aether_plane *plane,
				     uint32_t index)
{
	uint64_t offset = 0;

	aether_geometry_epoch(index, &offset);
	return (void *)(plane->base + offset);
}

int aether_epoch_load(const struct aether_plane *plane, uint64_t epoch,
		      uint32_t *value)
{
	if (epoch >= AETHER_EPOCHS)
		return AETHER_EINDEX;
	/* acquire: what was written before. pairs: release in
	 * aether_epoch_signal */
	*value = ae_load32_acquire(word_of(plane, (uint32_t)epoch));
	return 0;
}

int aether_epoch_signal(struct aether_participant *me, uint64_t epoch)
{
	if (epoch >= AETHER_EPOCHS)
		return AETHER_EINDEX;
	/* release: what was written before. pairs: acquire in
	 * aether_epoch_load */
	ae_add32_release(word_of(me->plane, (uint32_t)epoch), 1);
	ae_guard_signalled(me, (uint32_t)epoch);
	return 0;
}
