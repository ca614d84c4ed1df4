/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile servers of an attach socket: they send nonsense, or descriptors that
 * are not what they say. A client believes none, and keeps nothing open.
 */
#include <sys/mman.h>
#include "life.h"
#include "serving.h"
#include "wire.h"

static struct serving scene;

enum lie {
	TRUTH,
	MAGIC,
	SHORT,
	KIND,
	NO_ERROR,
	CONTROL_CHARACTERS,
	FEWER,
	MORE,
	HUNDREDS,
	SEGMENTS_MANY,
	RIGHT_MANY,
	READ_SENT_AS_WRITE,
	ANOTHER_ID,
	SAME_LIFE,
	NO_LIFE,
	OTHER_LIFE,
	OTHER_LIFE_SEEN,
	SWAPPED,
	OWN_MANY,
	CONTROL_FIFO,
	DATA_DEVICE,
	LEASES_UNSEALED,
	ONLY_PATHS,
	LIES
};

static const char *const lies[] = {
	"the truth",
	"another magic number",
	"a message that is too short",
	"an answer to something else",
	"an error that is none",
	"control characters",
	"a descriptor too few",
	"a descriptor too many",
	"hundreds of descriptors",
	"more segments than can be",
	"a right that is none",
	"read, and says that it is write",
	"another plane than it says",
	"control itself to live by",
	"nothing to live by",
	"another file to live by",
	"another file to live by, and locks all of control itself",
	"leases as data",
	"too many that are to be closed in a child",
	"a FIFO as control",
	"a device as data",
	"leases that could be cut off",
	"a descriptor that opens nothing",
};

struct liar {
	const struct aether_plane *plane;
	int listen;
	enum lie lie;
};

/* Descriptors as an honest server sends them, to one who takes part. */
static uint32_t honest(const struct liar *liar, struct ae_wire_reply *reply,
		       int *fds)
{
	struct aether_plane_objects o;
	uint32_t n = 0;

	aether_plane_objects(liar->plane, &o);
	memset(reply, 0, sizeof(*reply));
	ae_wire_head(&reply->head, AE_WIRE_ATTACH, sizeof(*reply));
	memcpy(reply->id, liar->plane->header->id, sizeof(reply->id));
	reply->segments = SEGMENTS;
	reply->own = 1;
	fds[n++] = ae_posix_reopen(o.control, O_RDWR);
	fds[n++] = ae_posix_reopen(o.control, O_RDWR);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		reply->right[i] = AETHER_RIGHT_WRITE;
		fds[n++] = ae_posix_reopen(o.leases[i], O_RDWR);
		fds[n++] = ae_posix_reopen(o.data[i], O_RDWR);
	}
	return n;
}

static void bend(enum lie lie, struct ae_wire_reply *reply, int *fds,
		 uint32_t *n)
{
	switch (lie) {
	case MAGIC:
		reply->head.magic ^= 1;
		break;
	case KIND:
		reply->head.kind = AE_WIRE_RULES;
		break;
	case NO_ERROR:
		reply->code = -9999;
		*n = 0;
		break;
	case CONTROL_CHARACTERS:
		reply->code = AETHER_EACCES;
		memset(reply->text, '\033', sizeof(reply->text));
		*n = 0;
		break;
	case FEWER:
		--*n;
		break;
	case MORE:
		fds[(*n)++] = dup(fds[1]);
		break;
	case HUNDREDS:
		while (*n < 250)
			fds[(*n)++] = dup(fds[1]);
		break;
	case SEGMENTS_MANY:
		reply->segments = UINT32_MAX;
		break;
	case RIGHT_MANY:
		reply->right[0] = 200;
		break;
	default:
		break;
	}
}

/* Whoever asks about any byte of control finds it locked. */
static void lock_all(int control)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = ae_posix_reopen(control, O_RDWR);

	need(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0);
}

static void bend_more(enum lie lie, struct ae_wire_reply *reply, int *fds)
{
	struct stat st;
	int ends[2];

	switch (lie) {
	case READ_SENT_AS_WRITE:
		dup2(fds[3], 900);
		close(fds[3]);
		fds[3] = ae_posix_reopen(900, O_RDONLY);
		break;
	case ANOTHER_ID:
		reply->id[1] ^= 1;
		break;
	case SAME_LIFE:
		dup2(fds[1], fds[0]);
		break;
	case NO_LIFE:
		reply->own = 0;
		break;
	case OTHER_LIFE:
		dup2(fds[3], fds[0]);
		break;
	case OTHER_LIFE_SEEN:
		lock_all(fds[1]);
		dup2(fds[3], fds[0]);
		break;
	case SWAPPED:
		dup2(fds[2], fds[3]);
		break;
	case OWN_MANY:
		reply->own = 40;
		break;
	case CONTROL_FIFO:
		need(pipe(ends) == 0);
		dup2(ends[0], fds[1]);
		break;
	case DATA_DEVICE:
		dup2(open("/dev/zero", O_RDWR), fds[3]);
		break;
	case LEASES_UNSEALED:
		ends[0] = memfd_create("leases", 0);
		need(fstat(fds[2], &st) == 0 &&
		     ftruncate(ends[0], st.st_size) == 0);
		dup2(ends[0], fds[2]);
		break;
	case ONLY_PATHS:
		ends[0] = ae_posix_reopen(fds[1], O_PATH);
		dup2(ends[0], fds[1]);
		break;
	default:
		break;
	}
}

static int lies_once(void *argument)
{
	struct liar *liar = argument;
	int fd = accept(liar->listen, NULL, NULL);
	struct ae_wire_request request;
	struct ae_wire_reply reply;
	size_t size = sizeof(reply);
	int fds[300];
	uint32_t n;

	liar->plane = rig_again(scene.plane);
	n = honest(liar, &reply, fds);
	need(recv(fd, &request, sizeof(request), 0) > 0);
	bend(liar->lie, &reply, fds, &n);
	bend_more(liar->lie, &reply, fds);
	reply.count = n;
	if (liar->lie == NO_LIFE) {
		memmove(fds, fds + 1, (n - 1) * sizeof(int));
		reply.count = --n;
	}
	if (liar->lie == SHORT)
		size -= 8;
	if (ae_wire_send(fd, &reply, size, fds, n))
		return 1;
	recv(fd, &request, sizeof(request), 0); /* until it hangs up */
	return 0;
}

/* As another user, to whom control cannot be reopened, if that can be. */
static int believes(void *unused)
{
	struct aether_attach_options o = { .patience = 2000 };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int before, err;

	(void)unused;
	if (geteuid() == 0 && become_nobody())
		return 3;
	before = rig_descriptors();
	err = aether_plane_attach_with(serving_path, &o, &error, &plane);
	if (err == 0)
		aether_plane_detach(plane);
	printf("# %s\n", error.text);
	fflush(stdout);
	if (rig_descriptors() != before)
		return 4;
	if (err == AETHER_EACCES)
		return strchr(error.text, '\033') ? 5 : 6;
	if (err && (error.code != err || !error.text[0]))
		return 7;
	if (err == AETHER_ETRUNC) /* an object of another size */
		err = AETHER_EPLANE;
	return err == 0 ? 0 : err == AETHER_EPLANE ? 1 : 8;
}

static int lie_to(enum lie lie)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct liar liar = { .lie = lie };
	pid_t pid;
	int result;

	strcpy(at.sun_path, serving_path);
	liar.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	need(bind(liar.listen, (struct sockaddr *)&at, sizeof(at)) == 0);
	need(chmod(serving_path, 0666) == 0 && listen(liar.listen, 4) == 0);
	pid = rig_fork(lies_once, &liar);
	close(liar.listen);
	result = rig_wait(rig_fork(believes, NULL));
	kill(pid, SIGKILL);
	rig_wait(pid);
	unlink(serving_path);
	return result;
}

static void lie_all(void)
{
	for (enum lie lie = TRUTH; lie < LIES; lie++) {
		int life = lie == SAME_LIFE || lie == NO_LIFE ||
			   lie == OTHER_LIFE || lie == OTHER_LIFE_SEEN;
		int expected = lie == TRUTH ? 0 : 1;

		if (lie == CONTROL_CHARACTERS)
			expected = 6; /* an error, and fit to be shown */
		if (lie == ONLY_PATHS)
			expected = 8; /* the system's error */
		if (life && geteuid() != 0) {
			skip("%s: needs root to become nobody", lies[lie]);
			continue;
		}
		is_int(lie_to(lie), expected, "a server sends %s", lies[lie]);
	}
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	lie_all();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
