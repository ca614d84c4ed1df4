/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on its way, for routes that have a depth: per addressee a list of
 * the strides sent, oldest first, in the sender's private memory. Whether one
 * still is on its way is read from its lease word, so no counter is shared and
 * no death can make one wrong.
 */
#include "ae_base.h"

void ae_sent_add(struct aether_participant *me, struct ae_sender *sender,
		 uint32_t index, uint64_t word, uint32_t hops)
{
	struct ae_sent *sent = &me->sent[index];

	ae_sent_drop(me, index); /* a forged word gave back what was sent */
	sent->word = word;
	sent->hops = hops;
	sent->slot = (uint32_t)(sender - me->senders);
	sent->next = AE_NONE;
	sent->previous = sender->last;
	if (sender->count)
		me->sent[sender->last].next = index;
	else
		sender->first = index;
	sender->last = index;
	sender->count++;
	me->listed++;
}

/* Takes the stride from the list it is in, if it is in one. */
void ae_sent_drop(struct aether_participant *me, uint32_t index)
{
	struct ae_sent *sent = &me->sent[index];
	struct ae_sender *sender;

	if (sent->slot == AE_NONE)
		return;
	sender = &me->senders[sent->slot];
	if (sender->first == index)
		sender->first = sent->next;
	else
		me->sent[sent->previous].next = sent->next;
	if (sender->last == index)
		sender->last = sent->previous;
	else
		me->sent[sent->next].previous = sent->previous;
	sent->slot = AE_NONE;
	sender->count--;
	me->listed--;
}

/* Mail of one sender is taken in order: only the oldest need be looked at. */
void ae_sent_prune(struct aether_participant *me, struct ae_sender *sender)
{
	while (sender->count) {
		uint32_t index = sender->first;
		const struct aether_lease_seg *lease =
			&me->plane->leases[index];
		/* seq_cst: after my bit among the waiters, if I wait.
		 * pairs: seq_cst in accept_route */
		uint64_t word = ae_load64_seq_cst(&lease->word);

		if (word == me->sent[index].word)
			return;
		ae_sent_drop(me, index);
	}
}

void ae_sent_clear(struct aether_participant *me, struct ae_sender *sender)
{
	while (sender->count)
		ae_sent_drop(me, sender->first);
}
