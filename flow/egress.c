/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The egress: takes strides as they come, keeps those that came before their
 * turn, and writes the stream in order, un-slicing each where it lies. It
 * always takes what there is, however far ahead of its turn, so the stages
 * before it never wait for order; a stride that is missing is therefore always
 * on its way, and never waits for one that is kept here.
 */
#include "ahead.h"
#include "stage.h"

struct drain {
	const struct aether_flow_egress *options;
	struct ae_stage stage;
	struct ae_window window;
	struct ae_ahead ahead;
	uint64_t next; /* the sequence whose turn it is */
};

/* Turns the piece into the other format, in place. The padding behind the
 * content is still what the last burn made of it. */
static int turn(struct ae_stage *stage, const struct ae_cargo *cargo,
		struct aether_piece *piece, uint32_t format)
{
	int rc = 0;

	if (format == piece->format)
		return 0;
	piece->format = format;
	if (format == AETHER_FORMAT_SLICED) {
		piece->length = cargo->padded;
		piece->tile = cargo->tile;
		rc = aether_slice(piece->bytes, piece->bytes, cargo->padded,
				  cargo->tile);
	} else {
		piece->length = cargo->length;
		piece->tile = 0;
		rc = aether_unslice(piece->bytes, piece->bytes, cargo->padded,
				    cargo->tile);
	}
	return rc < 0 ? ae_stage_refused(stage, rc, "slicing a stride") : 0;
}

/* Takes one burn back: on bytes, unless it takes only bit-planes. */
static int undo(struct ae_stage *stage, const struct ae_cargo *cargo,
		const struct aether_burn *burn, struct aether_piece *piece)
{
	uint32_t format = AETHER_FORMAT_RAW;
	int rc;

	if (aether_burn_takes(burn, format, NULL) < 0)
		format = cargo->format;
	rc = aether_burn_takes(burn, format, stage->error);
	if (rc == 0)
		rc = turn(stage, cargo, piece, format);
	if (rc < 0)
		return rc;
	rc = burn->undo(burn->state, piece);
	if (rc == 0)
		return 0;
	return ae_stage_fail(stage, AETHER_EBURN, 0,
			     "undoing the burn %s failed with %d at byte %llu "
			     "of the stream; see what it computes there.",
			     burn->name, rc, (unsigned long long)piece->offset);
}

/* Shows the un-burned content to the tap. It has been written: the stride may
 * be changed. */
static int show(struct drain *d, const struct ae_cargo *cargo)
{
	const struct aether_flow_egress *o = d->options;
	struct aether_piece piece = { .bytes = cargo->bytes,
				      .length = cargo->length,
				      .offset = cargo->parcel.position,
				      .format = AETHER_FORMAT_RAW };
	int rc = 0;

	if (!o->tap.bytes)
		return 0;
	if (o->count)
		rc = ae_cargo_writable(&d->stage, cargo, "un-burned");
	for (uint32_t i = o->count; rc == 0 && i-- > 0;)
		rc = undo(&d->stage, cargo, &o->burns[i], &piece);
	if (rc == 0)
		rc = turn(&d->stage, cargo, &piece, AETHER_FORMAT_RAW);
	if (rc < 0)
		return rc;
	o->tap.bytes(o->tap.user, cargo->bytes, cargo->length);
	return 0;
}

static int write_copied(struct drain *d, const uint8_t *bytes, size_t length)
{
	uint8_t copy[AE_COPY_PIECE];
	int rc = 0;

	while (rc == 0 && length) {
		size_t n = length < sizeof(copy) ? length : sizeof(copy);

		ae_copy(&d->stage, copy, bytes, n);
		rc = ae_write(&d->stage, d->options->fd, copy, n);
		bytes += n;
		length -= n;
	}
	return rc;
}

/* Its turn has come. 1: it was the last. */
static int emit(struct drain *d, uint64_t handle)
{
	struct ae_cargo cargo;
	int rc = ae_cargo_look(&d->stage, handle, &cargo);

	if (rc == 0 && cargo.format == AETHER_FORMAT_SLICED)
		rc = ae_cargo_writable(&d->stage, &cargo, "un-sliced");
	if (rc == 0 && cargo.format == AETHER_FORMAT_SLICED)
		rc = aether_unslice(cargo.bytes, cargo.bytes, cargo.padded,
				    cargo.tile);
	if (rc < 0)
		return rc;
	ae_ahead_ask(&d->ahead, d->stage.report->bytes_out);
	if (d->options->copy)
		rc = write_copied(d, cargo.bytes, cargo.length);
	else
		rc = ae_write(&d->stage, d->options->fd, cargo.bytes,
			      cargo.length);
	if (rc == 0)
		rc = show(d, &cargo);
	if (rc < 0)
		return rc;
	rc = aether_stride_release(d->stage.me, handle);
	if (rc < 0)
		return ae_stage_refused(&d->stage, rc, "releasing a stride");
	return !!(cargo.parcel.flags & AETHER_PARCEL_LAST);
}

/* Takes one stride and keeps it for its turn. */
static int collect(struct drain *d)
{
	struct ae_cargo cargo;
	uint64_t handle, *place;
	int rc = ae_stage_take(&d->stage, &handle);

	if (rc == 0)
		rc = ae_cargo_look(&d->stage, handle, &cargo);
	if (rc != 0)
		return rc;
	if (cargo.parcel.flags & ~(uint32_t)AETHER_PARCEL_LAST)
		return ae_cargo_wrong(&d->stage, handle,
				      "what is no content, for the egress");
	place = &d->window.handles[cargo.parcel.sequence % d->window.size];
	if (cargo.parcel.sequence - d->next >= d->window.size || *place)
		return ae_stage_fail(
			&d->stage, AETHER_ECORRUPT, 0,
			"stride %u says it is number %llu of the stream, and "
			"%llu is the next; run one stream at a time.",
			(unsigned int)AETHER_HANDLE_STRIDE(handle),
			(unsigned long long)cargo.parcel.sequence,
			(unsigned long long)d->next);
	*place = handle;
	d->stage.report->strides++;
	d->stage.report->bytes_in += cargo.length;
	return 0;
}

/* Writes all that are due. 1: the last one was among them. */
static int emit_due(struct drain *d)
{
	uint64_t *place, handle;
	int rc = 0;

	while (rc == 0) {
		place = &d->window.handles[d->next % d->window.size];
		handle = *place;
		if (!handle)
			break;
		*place = 0;
		d->next++;
		rc = emit(d, handle);
	}
	return rc;
}

static int check(struct drain *d)
{
	const struct aether_flow_egress *o = d->options;
	struct aether_plane_info info;
	int rc = ae_stage_check(&d->stage);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; o->tap.bytes && i < o->count; i++)
		if (!o->burns[i].undo)
			return ae_stage_fail(&d->stage, AETHER_EBURN, 0,
					     "the burn %s cannot be undone, so "
					     "the output cannot be compared.",
					     o->burns[i].name);
	ae_ahead_open(&d->ahead, o->fd, o->expected);
	aether_plane_look(d->stage.plane, &info);
	if (ae_window_open(&d->window, info.geometry.strides) < 0)
		return ae_stage_refused(&d->stage, AETHER_ENOMEM,
					"making room for strides to wait");
	return 0;
}

int aether_flow_egress(struct aether_participant *me,
		       const struct aether_flow_egress *options,
		       struct aether_error *error,
		       struct aether_flow_report *report)
{
	struct drain d = { .options = options };
	struct ae_sigpipe hold;
	int rc;

	ae_stage_init(&d.stage, me, AETHER_ROLE_EGRESS, error, report);
	d.stage.patience = options->patience;
	d.stage.stopped = options->stopped;
	ae_sigpipe_hold(&hold);
	rc = check(&d);
	while (rc == 0) {
		rc = collect(&d);
		if (rc == 0)
			rc = emit_due(&d);
	}
	ae_sigpipe_let(&hold);
	ae_ahead_close(&d.ahead);
	ae_window_close(&d.window);
	ae_stage_end(&d.stage);
	return rc > 0 ? 0 : rc;
}
