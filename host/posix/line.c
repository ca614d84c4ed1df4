/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching over a socket. Whatever a server sends is checked as a file would
 * be, and that its words and its descriptors agree.
 *
 * The connection stays open as long as the attachment: when this process ends
 * the server hears of it. Where control can be opened anew, participants live
 * as ever (life.c). Where it cannot, as by another user, they all live by one
 * description that came over the socket, each by the byte of its slot; it is
 * another one than that by which others are asked about.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "line.h"
#include "socket.h"

/* No slot's byte, and hardly another's: to see whether a lock is seen. */
#define PROBE (INT64_C(1) << 40)
#define PROBES 8

struct ae_line {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct aether_attach_options options;
	struct ae_posix_life connection;
	struct ae_posix_life life; /* for who cannot open control anew */
	pthread_mutex_t lock;
	uint64_t held;  /* slots whose byte is locked through it */
	uint64_t id[2]; /* the plane's: its header is not mapped in a child */
};

const char *ae_line_path(const struct ae_line *line)
{
	return line->path;
}

int ae_line_lives(const struct ae_line *line)
{
	return line && line->life.fd >= 0;
}

static int lock_at(int fd, short kind, int64_t at, int how)
{
	struct flock lock = {
		.l_type = kind, .l_whence = SEEK_SET, .l_start = at, .l_len = 1
	};

	if (fcntl(fd, how, &lock) < 0)
		return -1;
	return lock.l_type != F_UNLCK;
}

/* A description does not see its own locks, so what the attachment's other
 * participants have is noted here. */
int ae_line_life_take(struct ae_line *line, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;
	int err = 0;

	pthread_mutex_lock(&line->lock);
	if (line->held & bit)
		err = AETHER_EBUSY;
	else if (lock_at(line->life.fd, F_WRLCK, slot, F_OFD_SETLK) < 0)
		err = errno == EAGAIN || errno == EACCES ? AETHER_EBUSY
							 : AETHER_ESYS;
	if (err == 0)
		line->held |= bit;
	pthread_mutex_unlock(&line->lock);
	return err;
}

void ae_line_life_drop(struct ae_line *line, uint32_t slot)
{
	pthread_mutex_lock(&line->lock);
	if (line->life.fd >= 0)
		lock_at(line->life.fd, F_UNLCK, slot, F_OFD_SETLK);
	line->held &= ~(UINT64_C(1) << slot);
	pthread_mutex_unlock(&line->lock);
}

static struct ae_line *make(const char *path,
			    const struct aether_attach_options *options)
{
	struct ae_line *line = calloc(1, sizeof(*line));

	if (!line)
		return NULL;
	if (strlen(path) < sizeof(line->path))
		strcpy(line->path, path);
	if (options)
		line->options = *options;
	line->connection.fd = line->life.fd = -1;
	pthread_mutex_init(&line->lock, NULL);
	return line;
}

void ae_line_close(struct ae_line *line)
{
	struct ae_wire_request bye = { .options = { .flags = 0 } };

	if (!line)
		return;
	ae_wire_head(&bye.head, AE_WIRE_BYE, sizeof(bye));
	if (line->connection.fd >= 0)
		ae_wire_send(line->connection.fd, &bye, sizeof(bye), NULL, 0);
	ae_posix_private_close(&line->life);
	ae_posix_private_close(&line->connection);
	pthread_mutex_destroy(&line->lock);
	free(line);
}

/* The next descriptor, if the rights say that there is one. */
static int next(const struct ae_ask *ask, uint32_t *at, int there)
{
	if (!there)
		return -1;
	return *at < ask->count ? ask->fds[(*at)++] : -2;
}

int ae_line_objects(const struct ae_ask *ask,
		    struct aether_plane_objects *objects)
{
	const struct ae_wire_reply *r = &ask->reply;
	uint32_t at = 0;
	int wrong;

	ae_posix_objects_none(objects, r->segments);
	objects->control = next(ask, &at, 1);
	wrong = objects->control < 0 || r->right[0] > AETHER_RIGHT_WRITE;
	for (uint32_t i = 0; i < r->segments; i++) {
		int *leases = &objects->leases[i], *data = &objects->data[i];

		*leases = next(ask, &at, r->right[i] >= AETHER_RIGHT_ROUTE);
		*data = next(ask, &at, r->right[i] >= AETHER_RIGHT_READ);
		wrong |= r->right[i] > AETHER_RIGHT_WRITE || *leases == -2 ||
			 *data == -2;
	}
	return wrong || at != ask->count ? AETHER_EPLANE : 0;
}

/* What the server says that was granted, and what the descriptors allow. */
static int agree(const struct ae_ask *ask, const struct aether_plane *plane)
{
	for (uint32_t i = 0; i < ae_segment_count(&plane->geometry); i++)
		if (ae_right(plane, ae_segment_first(&plane->geometry, i)) !=
		    ask->reply.right[i])
			return 0;
	return ask->reply.id[0] == plane->id[0] &&
	       ask->reply.id[1] == plane->id[1];
}

/* Locks a byte that nobody else just looks at: others who attach have theirs,
 * and where one has the same the next is tried. 0 or -1. */
static int lock_probe(int life, int64_t *at)
{
	uint64_t salt = ae_host_now();

	for (int i = 0; i < PROBES; i++) {
		salt = salt * UINT64_C(6364136223846793005) + 1;
		*at = PROBE + (int64_t)(salt >> 32);
		if (lock_at(life, F_WRLCK, *at, F_OFD_SETLK) >= 0)
			return 0;
	}
	return -1;
}

/* Is it another description of the same file, whose locks the one that others
 * are asked about by sees? */
static int is_good_life(const struct ae_posix_plane *p,
			const struct ae_posix_came *came, int life)
{
	struct stat is;
	int64_t at;
	int seen;

	if (life < 0 || fstat(life, &is) < 0 || is.st_dev != came->device ||
	    is.st_ino != came->inode || lock_probe(life, &at) < 0)
		return 0;
	seen = lock_at(p->test, F_WRLCK, at, F_OFD_GETLK) == 1;
	lock_at(life, F_UNLCK, at, F_OFD_SETLK);
	return seen;
}

static int refuse_contradiction(const char *path, struct aether_error *error)
{
	return aether_error_fill(error, AETHER_EPLANE, 0,
				 "whoever serves at '%s' says that it grants "
				 "one thing and sends another; ask whose "
				 "server that is.",
				 path);
}

/* From what came to an attachment. */
static int attach(struct ae_line *line, struct ae_ask *ask,
		  struct aether_error *error, struct aether_plane **plane)
{
	struct ae_posix_came came = { .rights = ask->reply.right };
	struct ae_posix_plane *p;
	int err = ae_line_objects(ask, &came.objects);

	if (err == 0)
		err = ae_posix_attach_own(line->path, &came, &line->options,
					  error, plane);
	else
		refuse_contradiction(line->path, error);
	if (err == AETHER_EACCES)
		err = refuse_contradiction(line->path, error);
	if (err < 0) {
		ae_wire_close(ask->fds, ask->count);
		return err;
	}
	p = (*plane)->host;
	if (agree(ask, *plane) &&
	    ((*plane)->observer || is_good_life(p, &came, line->life.fd))) {
		p->line = line;
		p->asked_less = line->options.read_only ||
				line->options.no_data || line->options.hidden;
		p->user = ask->reply.user ? ask->reply.user - 1
					  : (uint32_t)geteuid();
		memcpy(line->id, ask->reply.id, sizeof(line->id));
		return 0;
	}
	aether_plane_detach(*plane);
	return refuse_contradiction(line->path, error);
}

int ae_line_attach(const char *path,
		   const struct aether_attach_options *options,
		   struct aether_error *error, struct aether_plane **plane)
{
	struct ae_line *line = make(path, options);
	struct aether_plane *made = NULL;
	struct ae_ask ask = { .path = path };
	uint64_t patience;
	int err;

	if (!line)
		return aether_error_fill(error, AETHER_ENOMEM, 0,
					 "cannot attach to the plane");
	patience = line->options.patience ? line->options.patience
					  : AETHER_ATTACH_PATIENCE;
	ask.deadline = ae_host_now() + patience * UINT64_C(1000000);
	ask.request.options = line->options;
	ask.connection = &line->connection;
	ask.own[0] = &line->life;
	ae_wire_head(&ask.request.head, AE_WIRE_ATTACH, sizeof(ask.request));
	err = ae_ask(&ask, error);
	if (err == 0)
		err = attach(line, &ask, error, &made);
	if (err == 0)
		*plane = made;
	else
		ae_line_close(line);
	return err;
}

/* Who cannot open control anew gets what he lives by over the socket alone. */
static int can_live(const struct ae_posix_plane *p)
{
	int fd = ae_posix_reopen(p->objects.control, O_RDWR);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int attach_again(const struct aether_plane *other,
			const struct aether_attach_options *options,
			struct aether_error *error, struct aether_plane **plane)
{
	const struct ae_line *line =
		((struct ae_posix_plane *)other->host)->line;
	struct aether_attach_options all = line->options;
	struct aether_plane *made = NULL;
	const struct ae_posix_plane *new;
	int err;

	if (options) {
		all.flags |= options->flags;
		all.hidden |= options->hidden;
		all.no_data |= options->no_data;
		all.read_only |= options->read_only;
		all.patience = options->patience;
	}
	err = ae_line_attach(line->path, &all, error, &made);
	if (err < 0)
		return err;
	new = made->host;
	if (memcmp(new->line->id, line->id, sizeof(line->id)) != 0) {
		aether_plane_detach(made);
		return aether_error_fill(error, AETHER_EPLANE, 0,
					 "another plane is served at '%s' now",
					 line->path);
	}
	*plane = made;
	return 0;
}

int ae_line_attach_again(const struct aether_plane *other,
			 const struct aether_attach_options *options,
			 struct aether_error *error,
			 struct aether_plane **plane)
{
	const struct ae_posix_plane *p = other->host;
	int looks = other->observer ||
		    (options && options->flags & AETHER_ATTACH_OBSERVE);
	struct aether_error why = { .code = 0 };
	int err;

	if (!p->line)
		return 1;
	err = attach_again(other, options, &why, plane);
	if (err == 0)
		return 0;
	if (looks || can_live(p))
		return 1;
	if (error)
		*error = why;
	return err;
}
