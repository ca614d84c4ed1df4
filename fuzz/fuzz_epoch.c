/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs on a hostile plane: signals, sets, waits for one and for several, the
 * pool and its owners, panics and boots, with words written over in between and
 * meanwhile. Layout inos, which also has the table of taken epochs.
 */
#include "fuzz.h"

#define NAMED (FUZZ_MAY(EINDEX) | FUZZ_MAY(EFREED))
#define WAITED \
	(NAMED | FUZZ_MAY(ETIMEDOUT) | FUZZ_MAY(EINTR) | FUZZ_MAY(EPANIC) | \
	 FUZZ_MAY(ECONTEXT))

/* A name that was found or allocated; an index; or any number. */
static uint64_t epoch(void)
{
	uint32_t how = fuzz_byte();

	if (how < 96)
		return fuzz.handles[how % FUZZ_KEPT];
	if (how < 250)
		return fuzz_byte();
	return fuzz_number(8);
}

static void find(struct aether_participant *me)
{
	uint32_t index = fuzz_byte() + (fuzz_byte() == 255);
	uint64_t name, tenancy;

	(void)me;
	if (FUZZ_CALL(NAMED, aether_epoch_find(&fuzz.plane, index, &name)) == 0)
		fuzz_keep(name);
	FUZZ_CALL(FUZZ_MAY(EINDEX),
		  aether_epoch_owner(&fuzz.plane, index, &tenancy));
}

static void signal_it(struct aether_participant *me)
{
	FUZZ_CALL(NAMED | FUZZ_MAY(EKIND) | FUZZ_MAY(ECONTEXT),
		  aether_epoch_signal(me, epoch()));
}

static void set_it(struct aether_participant *me)
{
	uint64_t name = epoch();

	FUZZ_CALL(NAMED | FUZZ_MAY(EKIND) | FUZZ_MAY(ECONTEXT) |
			  FUZZ_MAY(EINVAL),
		  aether_epoch_set(me, name, fuzz_byte()));
}

static void wait_for(struct aether_participant *me)
{
	uint64_t name = epoch();
	uint32_t value = 0;

	FUZZ_CALL(NAMED, aether_epoch_load(&fuzz.plane, name, &value));
	value += fuzz_byte() >> 6;
	FUZZ_CALL(WAITED,
		  aether_epoch_wait(me, name, value,
				    fuzz.deadline = fuzz_deadline(), &value));
}

static void wait_for_any(struct aether_participant *me)
{
	struct aether_epoch_watch watches[AETHER_EPOCHS_WAITED_MAX + 2];
	uint32_t count = fuzz_byte() % 4 ? fuzz_byte() % 5 : fuzz_byte();
	uint32_t which = 0;

	if (count > AETHER_EPOCHS_WAITED_MAX + 2)
		count = AETHER_EPOCHS_WAITED_MAX + 2;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = 0;

		watches[i].epoch = epoch();
		aether_epoch_load(&fuzz.plane, watches[i].epoch, &value);
		watches[i].seen = value;
	}
	if (FUZZ_CALL(WAITED | FUZZ_MAY(EINVAL) | FUZZ_MAY(EMANY),
		      aether_epoch_wait_any(me, watches, count,
					    fuzz.deadline = fuzz_deadline(),
					    &which)) == 0 &&
	    which >= count)
		fuzz_fail("wait_any", "names none of those waited for");
}

static void allocate(struct aether_participant *me)
{
	uint64_t name;

	if (FUZZ_CALL(FUZZ_MAY(EPOOL) | FUZZ_MAY(ECONTEXT),
		      aether_epoch_allocate(me, &name)) == 0)
		fuzz_keep(name);
}

static void give_back(struct aether_participant *me)
{
	FUZZ_CALL(NAMED | FUZZ_MAY(ENOTHELD), aether_epoch_free(me, epoch()));
}

static void boot(struct aether_participant *me)
{
	uint32_t how = fuzz_byte();
	uint32_t code;

	switch (how % 4) {
	case 0:
		FUZZ_CALL(FUZZ_MAY(EINVAL) | FUZZ_MAY(ECONTEXT),
			  aether_epoch_panic(me, how >> 2));
		break;
	case 1:
		FUZZ_CALL(FUZZ_MAY(ECONTEXT), aether_epoch_calm(me));
		break;
	case 2:
		FUZZ_CALL(FUZZ_MAY(EINVAL), aether_context_begin(me, how >> 2));
		break;
	default:
		FUZZ_CALL(FUZZ_MAY(ECONTEXT), aether_context_check(me));
		aether_epoch_in_panic(&fuzz.plane, &code);
	}
}

static void reap(struct aether_participant *me)
{
	FUZZ_CALL(0, aether_reap(me, NULL));
}

static void call(struct aether_participant *me, uint32_t what)
{
	static void (*const calls[])(struct aether_participant *) = {
		find,     signal_it, set_it, wait_for, wait_for_any,
		allocate, give_back, boot,   reap,
	};

	calls[what % (sizeof(calls) / sizeof(calls[0]))](me);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!fuzz.plane.base)
		fuzz_plane("inos", 0);
	fuzz_begin(data, size);
	fuzz_play(call);
	return 0;
}
