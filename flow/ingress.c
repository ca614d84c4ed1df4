/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ingress: reads into a stride, slices it there, routes it. A stride goes
 * on when it is full or when the input has nothing more at the moment, so that
 * files fill their strides and a slow stream is not held up. The end of the
 * input is only known by looking: the stride in which it was met is the last
 * one, and may be empty.
 *
 * A piece whose worker died at it comes back as a stride that asks for it
 * again; so the ingress looks at its mail while it waits for space, and stays
 * until the orchestrator needs it no more.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mapped.h"
#include "stage.h"

/* Between two looks at the mail while there is no space. */
#define LOOK_NS UINT64_C(10000000)

struct source {
	const struct aether_flow_ingress *options;
	struct ae_stage stage;
	uint64_t sequence;
	uint64_t position;
	off_t start; /* of the stream in its file; -1: no reading twice. What
			can be read twice never has to be waited for */
	struct ae_mapped mapped; /* what of the input is memory */
	uint32_t tile;
	int last; /* the end was seen */
};

/* 0: a signal that means nothing to me; else failed. */
static int read_failed(struct source *s, int os)
{
	if (os == EINTR)
		return ae_stage_interrupted(&s->stage, "reading");
	return ae_stage_fail(&s->stage, AETHER_EIO, os, "reading the input");
}

static int answer_mail(struct source *s);

/*
 * Is there something to read? 1 or 0; an error. With nothing in hand it waits,
 * and looks now and then whether it still makes sense to.
 */
static int is_ready(struct source *s, size_t in_hand)
{
	int round = (int)(ae_stage_round() / 1000000);
	struct pollfd ready = { .fd = s->options->fd, .events = POLLIN };
	int rc = s->start >= 0 ? 1 : poll(&ready, 1, 0);

	for (;;) {
		if (rc > 0 || (rc == 0 && in_hand))
			return rc;
		rc = rc < 0 ? read_failed(s, errno) : ae_stage_watch(&s->stage);
		if (rc == 0)
			rc = answer_mail(s);
		if (rc < 0)
			return rc;
		aether_wake_pay(s->stage.me);
		rc = poll(&ready, 1, round);
	}
}

/* One read: the count, 0 at the end of the input. AETHER_EAGAIN: another
 * reader was faster, or a signal came. */
static ssize_t read_some(struct source *s, uint8_t *to, size_t room)
{
	uint8_t copy[AE_COPY_PIECE];
	ssize_t n;

	if (!s->options->copy) {
		n = read(s->options->fd, to, room);
	} else {
		n = read(s->options->fd, copy,
			 room < sizeof(copy) ? room : sizeof(copy));
		if (n > 0)
			ae_copy(&s->stage, to, copy, (size_t)n);
	}
	if (n < 0) {
		int rc = errno == EAGAIN ? 0 : read_failed(s, errno);

		return rc < 0 ? rc : AETHER_EAGAIN;
	}
	return n;
}

/* Fills the stride as far as the input gives at once. The count; sets last. */
static ssize_t fill(struct source *s, uint8_t *bytes, size_t size)
{
	const struct aether_flow_tap *tap = &s->options->tap;
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		n = is_ready(s, got);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		n = read_some(s, bytes + got, size - got);
		if (n == AETHER_EAGAIN)
			continue;
		if (n < 0)
			return n;
		if (n == 0) {
			s->last = 1;
			break;
		}
		if (tap->bytes)
			tap->bytes(tap->user, bytes + got, (size_t)n);
		got += (size_t)n;
		s->stage.report->bytes_in += (uint64_t)n;
	}
	return (ssize_t)got;
}

/*
 * Gets the next piece, into `bytes` or where it lies in the mapping: `*from`.
 * The end of a mapped file is read, so that it is met where the file has it by
 * then. The count.
 */
static ssize_t get_piece(struct source *s, uint8_t *bytes, size_t size,
			 const uint8_t **from)
{
	uint64_t at = (uint64_t)s->start + s->position;

	*from = bytes;
	if (!s->mapped.bytes)
		return fill(s, bytes, size);
	if (at <= s->mapped.size && size <= s->mapped.size - at) {
		*from = s->mapped.bytes + at;
		s->stage.report->bytes_in += (uint64_t)size;
		return (ssize_t)size;
	}
	ae_mapped_close(&s->mapped);
	if (lseek(s->options->fd, (off_t)at, SEEK_SET) < 0)
		return read_failed(s, errno);
	return fill(s, bytes, size);
}

/* Bytes to bit-planes: `from` is where they lie, `bytes` or elsewhere. What is
 * added to fill the last tile is zero, and no part of the content. */
static int prepare(struct source *s, uint64_t handle, uint8_t *bytes,
		   const uint8_t *from, size_t length)
{
	size_t block = AETHER_PLANES * (size_t)s->tile;
	size_t padded = (length + block - 1) / block * block;
	int rc;

	if (s->options->format == AETHER_FORMAT_SLICED) {
		memset(bytes + length, 0, padded - length);
		rc = aether_slice(bytes, from, padded, s->tile);
		if (rc < 0)
			return ae_stage_refused(&s->stage, rc, "slicing");
	}
	rc = aether_stride_describe(s->stage.me, handle, length,
				    s->options->format, s->tile);
	return rc < 0 ? ae_stage_refused(&s->stage, rc, "describing a stride")
		      : 0;
}

/* The piece of the stream that a stride of mine asks for, into that stride. */
static int read_again(struct source *s, const struct ae_cargo *cargo)
{
	uint64_t from = cargo->parcel.position;
	uint64_t to = from + cargo->length;
	size_t got = 0;
	ssize_t n;
	int rc = 0;

	if (cargo->length && s->start < 0)
		return ae_stage_fail(
			&s->stage, AETHER_ESUSPECT, 0,
			"the appliance in slot %u died while it worked on "
			"bytes %llu to %llu of the stream; they are lost with "
			"it, and this input cannot be read a second time; "
			"give a file as input.",
			(unsigned int)AETHER_TENANCY_SLOT(cargo->parcel.next),
			(unsigned long long)from, (unsigned long long)to - 1);
	while (got < cargo->length && rc == 0) {
		n = pread(s->options->fd, cargo->bytes + got,
			  cargo->length - got, s->start + (off_t)(from + got));
		if (n > 0)
			got += (size_t)n;
		else if (n < 0)
			rc = read_failed(s, errno);
		else
			return ae_stage_fail(
				&s->stage, AETHER_EIO, 0,
				"bytes %llu to %llu of the input cannot be "
				"read a second time: it has become shorter; "
				"run it again, and leave the input alone.",
				(unsigned long long)from,
				(unsigned long long)to - 1);
	}
	return rc;
}

/* A stride of mine with `length` bytes goes to the orchestrator. */
static int send(struct source *s, uint64_t handle, void *bytes,
		const void *from, size_t length,
		struct aether_parcel_seg *parcel)
{
	int rc;

	parcel->next = aether_participant_tenancy(s->stage.me);
	rc = prepare(s, handle, bytes, from, length);
	if (rc == 0)
		rc = ae_parcel_put(&s->stage, handle, parcel);
	if (rc == 0)
		rc = ae_stage_route(&s->stage, handle, s->options->to);
	return rc;
}

/* Mail of the orchestrator: a piece to bring again; 1: the end. */
static int serve(struct source *s, uint64_t handle)
{
	struct ae_cargo cargo;
	struct aether_parcel_seg *parcel = &cargo.parcel;
	int rc = ae_cargo_look(&s->stage, handle, &cargo);

	if (rc < 0)
		return rc;
	if (parcel->flags & AETHER_PARCEL_END) {
		aether_stride_release(s->stage.me, handle);
		return 1;
	}
	if (!(parcel->flags & AETHER_PARCEL_REDO) ||
	    parcel->sequence >= s->sequence || parcel->position > s->position ||
	    cargo.length > s->position - parcel->position)
		return ae_cargo_wrong(&s->stage, handle,
				      "no piece that was brought before");
	rc = read_again(s, &cargo);
	if (rc < 0)
		return rc;
	parcel->flags &= AETHER_PARCEL_LAST;
	s->stage.report->again++;
	return send(s, handle, cargo.bytes, cargo.bytes, cargo.length, parcel);
}

/* All the mail that is there; the stream goes on. */
static int answer_mail(struct source *s)
{
	uint64_t handle;
	int rc = 0;

	while (rc == 0) {
		rc = aether_route_take(s->stage.me, &handle);
		if (rc == AETHER_EEMPTY)
			return 0;
		if (rc < 0)
			return ae_stage_refused(&s->stage, rc, "taking mail");
		rc = serve(s, handle);
	}
	return rc < 0 ? rc
		      : ae_stage_fail(&s->stage, AETHER_ESTAGE, 0,
				      "the orchestrator ended the stream "
				      "before its end.");
}

/* A stride to fill; mail is answered meanwhile. */
static int get_stride(struct source *s, uint64_t *held)
{
	int rc;

	do {
		rc = answer_mail(s);
		if (rc == 0)
			rc = ae_stage_reserve_within(&s->stage, LOOK_NS, held);
	} while (rc == AETHER_EAGAIN);
	return rc;
}

/* One stride from the input to the orchestrator. *held names it while it is
 * mine. */
static int bring(struct source *s, uint64_t *held)
{
	struct aether_parcel_seg parcel = { .sequence = s->sequence,
					    .position = s->position };
	struct aether_flow_report *report = s->stage.report;
	const uint8_t *from;
	void *bytes;
	size_t size;
	ssize_t got;
	int rc = get_stride(s, held);

	if (rc < 0)
		return rc;
	rc = aether_stride_bytes(s->stage.me, *held, &size, &bytes);
	if (rc < 0)
		return ae_stage_refused(&s->stage, rc, "filling a stride");
	got = get_piece(s, bytes, size, &from);
	if (got < 0)
		return (int)got;
	parcel.flags = s->last ? AETHER_PARCEL_LAST : 0;
	rc = send(s, *held, bytes, from, (size_t)got, &parcel);
	if (rc < 0)
		return rc;
	*held = 0;
	s->sequence++;
	s->position += (uint64_t)got;
	report->strides++;
	report->bytes_out += (uint64_t)got;
	return 0;
}

/* Where the stream begins in what can be read twice; -1: it cannot. */
static off_t find_start(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return -1;
	return lseek(fd, 0, SEEK_CUR);
}

static int check(struct source *s)
{
	const struct aether_flow_ingress *o = s->options;
	uint32_t depth = ae_stage_depth(&s->stage, o->depth,
					AETHER_FLOW_DEPTH_INGRESS);
	int rc = ae_stage_check(&s->stage);

	if (rc < 0)
		return rc;
	/* first, so that it is told of whatever goes wrong */
	ae_stage_peer(&s->stage, o->to, "orchestrator");
	s->start = find_start(o->fd);
	s->tile = o->tile ? o->tile : AETHER_TILE;
	if (o->format > AETHER_FORMAT_SLICED)
		return ae_stage_fail(&s->stage, AETHER_EINVAL, 0,
				     "format %u is neither raw nor sliced",
				     o->format);
	if (s->tile < 8 || s->tile > AETHER_SLICE_INPLACE_MAX ||
	    (s->tile & (s->tile - 1)))
		return ae_stage_fail(&s->stage, AETHER_EINVAL, 0,
				     "tile %u cannot be sliced in place; use a "
				     "power of two from 8 to %u.",
				     s->tile, AETHER_SLICE_INPLACE_MAX);
	rc = aether_route_set(s->stage.me, o->to, depth, AETHER_POLICY_BLOCK);
	if (rc < 0)
		return ae_stage_refused(&s->stage, rc,
					"the route to the orchestrator");
	/* who looks as well must see what was taken: that is one look */
	if (o->map && !o->copy && !o->tap.bytes && s->start >= 0 &&
	    o->format == AETHER_FORMAT_SLICED)
		ae_mapped_open(&s->mapped, o->fd);
	return 0;
}

/* The stream is on its way; pieces of it may have to be brought again. 1: no
 * more. */
static int stay(struct source *s)
{
	uint64_t handle;
	int rc = ae_stage_take(&s->stage, &handle);

	return rc == 0 ? serve(s, handle) : rc;
}

int aether_flow_ingress(struct aether_participant *me,
			const struct aether_flow_ingress *options,
			struct aether_error *error,
			struct aether_flow_report *report)
{
	struct source s = { .options = options };
	uint64_t held = 0;
	int rc;

	ae_stage_init(&s.stage, me, AETHER_ROLE_INGRESS, error, report);
	s.stage.stopped = options->stopped;
	rc = check(&s);
	while (rc == 0 && !s.last)
		rc = bring(&s, &held);
	while (rc == 0)
		rc = stay(&s);
	if (rc < 0)
		ae_parcel_abort(&s.stage, held);
	ae_mapped_close(&s.mapped);
	ae_stage_end(&s.stage);
	return rc < 0 ? rc : 0;
}
