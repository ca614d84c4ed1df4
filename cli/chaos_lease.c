/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one participant of chaos holds, and what must be true of it: the bytes
 * are as it left them, the lease is still its own, and no name of a lease comes
 * twice. It believes nothing but its own memory.
 */
#include "chaos.h"

#include <stdarg.h>
#include <string.h>

#define INDEX(handle) ((uint32_t)AETHER_HANDLE_STRIDE(handle))

/* What travels in the user's bytes of a lease. */
struct letter {
	uint64_t handle;
	uint64_t from;
	uint64_t to;
	uint64_t check;
};

void chaos_found(struct chaos_worker *w, enum chaos_kind kind, uint64_t handle,
		 const char *what, ...)
{
	struct chaos_record *r = w->record;
	va_list list;
	int n;

	if (w->shared->scribbled && kind != CHAOS_HUNG) {
		r->noticed++;
		return;
	}
	n = snprintf(r->text, CHAOS_TEXT,
		     "participant %u (tenancy %llx): ", w->self,
		     (unsigned long long)w->tenancy);
	if (handle)
		n += snprintf(
			r->text + n, (size_t)(CHAOS_TEXT - n),
			"stride %u, generation %llu: ", INDEX(handle),
			(unsigned long long)AETHER_HANDLE_GENERATION(handle));
	va_start(list, what);
	vsnprintf(r->text + n, (size_t)(CHAOS_TEXT - n), what, list);
	va_end(list);
	r->texts++;
	r->found[kind]++;
}

/* A call on a lease of mine that must not be refused. */
static int refused(struct chaos_worker *w, int err, uint64_t handle,
		   const char *call)
{
	if (err >= 0)
		return 0;
	chaos_found(w, CHAOS_LOST, handle, "%s of a lease of mine answers %s",
		    call, aether_error_name(err));
	return 1;
}

/* Its address, NULL if it has none for me: it is suspect, or refused. */
static void *bytes_of(struct chaos_worker *w, struct chaos_lease *lease,
		      size_t *size)
{
	void *bytes = NULL;
	int err = aether_stride_bytes(w->me, lease->handle, size, &bytes);

	if (err == AETHER_ESUSPECT && lease->hold == CHAOS_SUSPECT)
		return NULL;
	return refused(w, err, lease->handle, "bytes") ? NULL : bytes;
}

/* All its strides are mine now, and were not before. */
static void claim(struct chaos_worker *w, struct chaos_lease *lease,
		  uint32_t span)
{
	uint32_t first = INDEX(lease->handle), i;

	if (span > w->strides - first)
		span = w->strides - first;
	for (i = lease->span; i < span; i++) {
		if (w->mine[first + i])
			chaos_found(w, CHAOS_DOUBLE, lease->handle,
				    "I hold its stride %u already, by another "
				    "lease",
				    i);
		w->mine[first + i] = 1;
	}
	lease->span = span;
}

/* Generations only rise: `least` is what it must be by now. */
static struct chaos_lease *add(struct chaos_worker *w, uint64_t handle,
			       uint64_t least, const char *how)
{
	uint64_t generation = AETHER_HANDLE_GENERATION(handle);
	uint32_t index = INDEX(handle);
	struct chaos_lease *lease;

	if (generation < least)
		chaos_found(w, CHAOS_DOUBLE, handle,
			    "%s, but its generation must be %llu by now", how,
			    (unsigned long long)least);
	if (w->count == w->strides) {
		chaos_found(w, CHAOS_DOUBLE, handle,
			    "%s, but I hold as many as there are", how);
		return NULL;
	}
	if (w->next[index] <= generation)
		w->next[index] = generation + 1;
	if (w->least[index] < generation)
		w->least[index] = generation;
	lease = &w->held[w->count++];
	memset(lease, 0, sizeof(*lease));
	lease->handle = handle;
	claim(w, lease, 1);
	return lease;
}

static int is_handle(struct chaos_worker *w, uint64_t handle)
{
	if (INDEX(handle) < w->strides)
		return 1;
	chaos_found(w, CHAOS_LOST, handle, "there is no such stride");
	return 0;
}

void chaos_lease_reserved(struct chaos_worker *w, uint64_t handle)
{
	struct chaos_lease *lease;
	size_t size = 0;
	void *bytes;

	w->record->reserved++;
	if (!is_handle(w, handle))
		return;
	lease = add(w, handle, w->next[INDEX(handle)], "reserved");
	bytes = lease ? bytes_of(w, lease, &size) : NULL;
	if (!bytes)
		return;
	claim(w, lease, (uint32_t)(size / w->size));
	if (w->zero && !chaos_content_zero(bytes, size))
		chaos_found(w, CHAOS_DIRTY, handle,
			    "a new lease is not all zero");
	chaos_lease_write(w, lease);
}

void chaos_lease_write(struct chaos_worker *w, struct chaos_lease *lease)
{
	size_t size = 0;
	void *bytes = bytes_of(w, lease, &size);

	if (!bytes)
		return;
	lease->stamp = chaos_stamp_make(lease->handle, w->tenancy,
					++w->sequence);
	refused(w,
		aether_stride_describe(w->me, lease->handle, size,
				       AETHER_FORMAT_RAW, 0),
		lease->handle, "describe");
	chaos_content_write(bytes, size, &lease->stamp);
}

void chaos_lease_check(struct chaos_worker *w, struct chaos_lease *lease,
		       int whole)
{
	char text[CHAOS_TEXT];
	size_t size = 0;
	void *bytes;

	if (lease->hold == CHAOS_SUSPECT)
		return;
	bytes = bytes_of(w, lease, &size);
	if (bytes &&
	    chaos_content_check(bytes, size, whole, &lease->stamp, text) < 0)
		chaos_found(w, CHAOS_DOUBLE, lease->handle,
			    "changed while I %s it: %s",
			    lease->hold == CHAOS_READ ? "read" : "held", text);
}

void chaos_lease_address(struct chaos_worker *w, struct chaos_lease *lease,
			 uint64_t to)
{
	struct letter letter = { .handle = lease->handle,
				 .from = w->tenancy,
				 .to = to };
	void *user;
	int err = aether_stride_user(w->me, lease->handle, &user);

	if (err == AETHER_ESUSPECT && lease->hold == CHAOS_SUSPECT)
		return;
	if (refused(w, err, lease->handle, "user"))
		return;
	letter.check = chaos_mix(letter.handle ^ chaos_mix(letter.from) ^ to);
	memcpy(user, &letter, sizeof(letter));
}

/* The user's bytes of mail are those of its last sender. */
static void read_letter(struct chaos_worker *w, const struct chaos_lease *lease)
{
	struct letter letter;
	void *user;

	if (refused(w, aether_stride_user(w->me, lease->handle, &user),
		    lease->handle, "user"))
		return;
	memcpy(&letter, user, sizeof(letter));
	if (letter.handle != lease->handle ||
	    letter.check != chaos_mix(letter.handle ^ chaos_mix(letter.from) ^
				      letter.to))
		chaos_found(w, CHAOS_LOST, lease->handle,
			    "mail that is not suspect has wrong user data "
			    "(lease %llx, from %llx)",
			    (unsigned long long)letter.handle,
			    (unsigned long long)letter.from);
	else
		w->record->inherited += letter.to && letter.to != w->tenancy;
}

/* Mail that is not suspect was finished by its sender: nothing is torn. */
static void read_mail(struct chaos_worker *w, struct chaos_lease *lease)
{
	char text[CHAOS_TEXT];
	size_t size = 0;
	void *bytes = bytes_of(w, lease, &size);

	if (!bytes)
		return;
	claim(w, lease, (uint32_t)(size / w->size));
	read_letter(w, lease);
	if (!chaos_content_read(bytes, &lease->stamp) ||
	    lease->stamp.handle != lease->handle) {
		chaos_found(w, CHAOS_LOST, lease->handle,
			    "mail that is not suspect holds nothing whole "
			    "(%llx %llx)",
			    (unsigned long long)lease->stamp.handle,
			    (unsigned long long)lease->stamp.writer);
		if (lease->hold == CHAOS_OWN)
			chaos_lease_write(w, lease);
	} else if (chaos_content_check(bytes, size, 1, &lease->stamp, text) < 0)
		chaos_found(w, CHAOS_LOST, lease->handle,
			    "mail that is not suspect is torn: %s", text);
}

/* What the plane says that I have got. */
static enum chaos_hold look(struct chaos_worker *w, uint64_t handle)
{
	struct aether_stride_info info = { .state = 0 };
	const char *state;

	if (aether_stride_query(w->plane, handle, &info) < 0 ||
	    info.handle != handle)
		info.state = AETHER_STATE_DORMANT;
	if (info.state == AETHER_STATE_SHARED)
		return CHAOS_READ;
	if (info.slot == AETHER_TENANCY_SLOT(w->tenancy)) {
		if (info.state == AETHER_STATE_SUSPECT)
			return CHAOS_SUSPECT;
		if (info.state == AETHER_STATE_BUSY)
			return CHAOS_OWN;
	}
	state = aether_registry_state_name(info.state);
	chaos_found(w, CHAOS_LOST, handle,
		    "taken, but its word says %s, slot %u, generation %llu",
		    state ? state : "what cannot be", info.slot,
		    (unsigned long long)info.generation);
	return CHAOS_OWN;
}

void chaos_lease_taken(struct chaos_worker *w, uint64_t handle)
{
	struct chaos_lease *lease;

	w->record->taken++;
	if (!is_handle(w, handle))
		return;
	lease = add(w, handle, w->least[INDEX(handle)], "taken");
	if (!lease)
		return;
	lease->hold = look(w, handle);
	if (lease->hold == CHAOS_SUSPECT)
		w->record->suspect++;
	else
		read_mail(w, lease);
}

void chaos_lease_gone(struct chaos_worker *w, uint32_t at, int over)
{
	struct chaos_lease *lease = &w->held[at];
	uint32_t index = INDEX(lease->handle);

	memset(&w->mine[index], 0, lease->span);
	if (over)
		w->least[index] = w->next[index];
	*lease = w->held[--w->count];
}

void chaos_lease_release(struct chaos_worker *w, uint32_t at)
{
	struct chaos_lease *lease = &w->held[at];

	chaos_lease_check(w, lease, chaos_below(&w->seed, 4) == 0);
	refused(w, aether_stride_release(w->me, lease->handle), lease->handle,
		"release");
	chaos_lease_gone(w, at, lease->hold != CHAOS_READ);
}

void chaos_lease_accept(struct chaos_worker *w, struct chaos_lease *lease)
{
	size_t size = 0;
	void *bytes;

	if (refused(w, aether_stride_accept(w->me, lease->handle),
		    lease->handle, "accept"))
		return;
	lease->hold = CHAOS_OWN;
	bytes = bytes_of(w, lease, &size);
	if (!bytes)
		return;
	claim(w, lease, (uint32_t)(size / w->size));
	chaos_lease_write(w, lease);
}
