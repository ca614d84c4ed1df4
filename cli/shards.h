/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether encode, decode, repair and check, between their files. All four are
 * one job over the stripes of a file: shards_job.c gives stripes out to
 * workers, shards_start.c starts these and starts others for the dead,
 * shards_work.c is what one does to a stripe, shards_sums.c keeps the blocks of
 * checksums. shards_find.c opens a directory that is to be read, shards_new.c
 * makes one, shards_again.c shards in one, shards_left.c names what killed ones
 * have left, shards_stream.c reads and writes streams, shards_say.c puts things
 * into words. What bytes mean is in shard/shard.h.
 *
 * Every write is at a place that follows from the stripe, so doing a stripe
 * twice is harmless: when a worker dies another one does its stripe again.
 */
#ifndef CLI_SHARDS_H
#define CLI_SHARDS_H

#include "cli.h"

#include <set.h>
#include <shard.h>

#define SHARDS_WORKERS_MAX 32

/* What a lease on its way between the orchestrator and a worker is: the 32
 * bytes that travel with it. */
enum {
	SHARDS_HELLO = 1, /* a worker is there; the stride holds nothing */
	SHARDS_WORK,      /* a stripe to be done */
	SHARDS_DONE,
	SHARDS_SHORT, /* it has fewer good strides than are needed */
	SHARDS_FAILED,
};

struct shards_parcel {
	uint64_t stripe;
	uint64_t tenancy; /* hello: the worker's */
	uint32_t what;
	uint32_t place;  /* hello: the worker's, from 0 */
	uint32_t length; /* bytes of each of the stripe's strides */
	uint32_t full;   /* the strides of the file are in the lease already */
};

/* How a stride was found. */
enum {
	SHARDS_UNREAD,
	SHARDS_OK,
	SHARDS_LOST, /* no shard, or no checksum that can be believed */
	SHARDS_BAD,  /* not the bytes that the checksum is of */
};

/*
 * The end of a run, behind the strides of its stripe: what the orchestrator
 * knows, and what the worker says. Both are the same program, so it is no part
 * of any format.
 */
struct shards_slip {
	uint64_t sums[AE_SHARDS_MAX]; /* there: those known; back: computed */
	uint8_t known[AE_SHARDS_MAX];
	uint8_t found[AE_SHARDS_MAX]; /* back */
	uint32_t rebuilt;             /* back: strides */
	struct aether_error error;    /* back: of a failure */
};

enum shards_kind {
	SHARDS_ENCODE,
	SHARDS_DECODE,
	SHARDS_REPAIR,
	SHARDS_CHECK,
};

/* Checksums of the groups that stripes are being done of: two of them. */
struct shards_sums {
	uint64_t *read[2];  /* of each shard in turn, a group's */
	uint64_t *write[2]; /* the same */
	uint8_t known[2][AE_SHARDS_MAX];
	uint64_t group[2]; /* UINT64_MAX: none */
	uint32_t done[2];  /* stripes */
};

struct shards_job {
	enum shards_kind kind;
	struct ae_shard_file file; /* of a stream it grows with it */
	uint32_t shards;           /* k + m */
	uint32_t workers;          /* 0: one for each processor */
	int bar;                   /* progress may be shown */

	int in; /* what is encoded; -1: nothing */
	const char *in_path;
	int in_streams; /* it can be read once, and in order */
	int out;        /* what is decoded goes there; -1: nowhere */
	const char *out_path;
	int out_streams;
	int from[AE_SHARDS_MAX]; /* shards to read; -1: none */
	int to[AE_SHARDS_MAX];   /* shards to write; -1: none */

	/* results */
	uint64_t rebuilt;            /* strides */
	uint64_t bad[AE_SHARDS_MAX]; /* strides that are not as they were */
	uint32_t least;              /* good strides of the worst stripe */
	uint32_t respawned;          /* workers started for dead ones */
	uint64_t began;
	double seconds;

	/* the job's own, while it lasts */
	struct shards_sums sums;
	uint64_t given; /* stripes given out, each once */
	uint64_t done;  /* and done */
	uint64_t last;  /* so many are to be done, unless it is a stream */
	int ended;      /* all of the file has been given out */
};

/* shards_job.c: all zero but for the descriptors, which are -1. */
void shards_job_init(struct shards_job *job, enum shards_kind kind);

/*
 * Does every stripe. The verb has called cli_stop_on. AETHER_EINTR: a signal
 * came. AETHER_EIO: a stripe has fewer good strides than are needed, the error
 * says where and why (not of a check: that counts). Errors of files; of the
 * plane; AETHER_ESTAGE: workers die again and again.
 */
int shards_job_run(struct shards_job *job, struct aether_error *error);

/* shards_stream.c: the next stripe of a stream, and the shards that hold it; 1:
 * there is none. And a stripe to a stream: all of it, in order. AETHER_EINTR: a
 * signal ends us. */
int shards_stream_read(struct shards_job *job, uint8_t *bytes,
		       struct aether_error *error);
int shards_stream_write(const struct shards_job *job, const uint8_t *bytes,
			uint64_t stripe, struct aether_error *error);
int shards_stream_stopped(struct aether_error *error);

/* shards_start.c */
struct shards_crew {
	uint32_t count;
	pid_t pids[SHARDS_WORKERS_MAX];         /* 0: nobody */
	uint64_t tenancies[SHARDS_WORKERS_MAX]; /* 0: not there yet */
	uint32_t out[SHARDS_WORKERS_MAX];       /* stripes that it has */
	uint32_t idle; /* deaths since a stripe was done last */
};
uint32_t shards_crew_default(void);

/* Starts worker `place`; it finds the plane by this attachment. */
int shards_crew_start(struct shards_crew *crew, uint32_t place,
		      const struct shards_job *job,
		      struct aether_participant *boss,
		      struct aether_error *error);

/* Looks who has ended, and starts others in their places. */
int shards_crew_look(struct shards_crew *crew, struct shards_job *job,
		     struct aether_participant *boss,
		     struct aether_error *error);

/* Ends them all. */
void shards_crew_end(struct shards_crew *crew);

/* shards_work.c: what a worker does to a stripe. Kept from one to the next. */
struct shards_work {
	const struct shards_job *job;
	struct aether_gf256 *code; /* of these: */
	uint32_t have[AE_SHARDS_MAX];
	uint32_t wanted[AE_SHARDS_MAX];
	uint32_t count; /* wanted; 0: there is no code yet */
};

/* Bytes of the run that holds a stripe and its slip. */
uint64_t shards_run_size(const struct shards_job *job);
struct shards_slip *shards_slip_of(const struct shards_job *job, void *bytes);

/* Does it; the answer: SHARDS_DONE, _SHORT, _FAILED. */
uint32_t shards_work_stripe(struct shards_work *work,
			    const struct shards_parcel *parcel, void *bytes);

/* shards_sums.c */
int shards_sums_open(struct shards_job *job, struct aether_error *error);
void shards_sums_close(struct shards_job *job);

/* May the stripe be given out? AETHER_EAGAIN: not before others are done. */
int shards_sums_enter(struct shards_job *job, uint64_t stripe);
void shards_sums_give(const struct shards_job *job, uint64_t stripe,
		      struct shards_slip *slip);

/* A stripe is done; writes the blocks of its group with the last of them. */
int shards_sums_take(struct shards_job *job, uint64_t stripe,
		     const struct shards_slip *slip,
		     struct aether_error *error);

/* Writes the blocks of a group that has not all its strides. */
int shards_sums_finish(struct shards_job *job, struct aether_error *error);

/* shards_io.c: as many files may be open as the system allows. */
void shards_allow_files(void);

/* All of it, however long that takes. Read: the count, or
 * negative with errno. */
ssize_t shards_pread(int fd, void *bytes, size_t length, uint64_t offset);
int shards_pwrite(int fd, const void *bytes, size_t length, uint64_t offset,
		  const char *path, struct aether_error *error);

/* The same to a shard. */
int shards_put(const struct shards_job *job, uint32_t shard, const void *bytes,
	       size_t length, uint64_t offset, struct aether_error *error);

/* shards_find.c: a directory that is to be read. */
struct shards_found {
	const char *path;
	int fd; /* of the directory */
	uint32_t count;
	struct ae_shard_candidate *candidates;
	int *fds; /* of each; -1: not open */
	struct ae_shard_set set;
};
/*
 * Opens the directory and chooses its set. AETHER_ENOENT: there are no shards
 * in it; AETHER_EVERIFY: none with a good header, or two encodings of which
 * none is the majority. The error has a text.
 */
int shards_find(struct shards_found *found, const char *path,
		struct aether_error *error);
void shards_find_close(struct shards_found *found);

/* Lets the job read it. How many shards it can. A check does not look for what
 * lies behind the end of every file, however large headers say that it is. */
uint32_t shards_find_from(const struct shards_found *found,
			  struct shards_job *job);

/* What is known of each shard after a job has read all of it. */
void shards_find_learn(struct shards_found *found,
		       const struct shards_job *job);

/* Fails if there are fewer shards than are needed. */
int shards_find_enough(const struct shards_found *found,
		       struct aether_error *error);

/* shards_new.c: a directory that is being made, under a hidden name beside its
 * own; and shards that are made anew in one. */
struct shards_new {
	const char *path; /* as given */
	char *target;     /* without links and slashes at its end */
	char *temporary;  /* NULL: nothing to remove */
	int fd;           /* of the temporary directory */
	int parent;
	int sync;
	unsigned mode;       /* that it gets */
	unsigned shard_mode; /* that shards get, less the umask */
};
int shards_new_open(struct shards_new *new, const char *path,
		    struct shards_job *job, struct aether_error *error);

/* Headers, names: from here on it is there. */
int shards_new_commit(struct shards_new *new, struct shards_job *job,
		      struct aether_error *error);

/* Closes it; without a commit before, nothing of it is left. */
void shards_new_close(struct shards_new *new, struct shards_job *job);

/* shards_again.c: the same for those of the shards that are to be repaired. */
int shards_again_open(const struct shards_found *found, struct shards_job *job,
		      struct aether_error *error);
int shards_again_commit(const struct shards_found *found,
			struct shards_job *job, int sync,
			struct aether_error *error);
void shards_again_close(const struct shards_found *found,
			struct shards_job *job);

/* shards_new.c, for both: ".aether-PID-RANDOM", the same in all of a process;
 * and headers, behind all that they speak for. */
#define SHARDS_HIDDEN_SIZE 64
void shards_hide(char name[SHARDS_HIDDEN_SIZE]);
int shards_head(const struct shards_job *job, int sync,
		struct aether_error *error);

/* shards_left.c: I am making what this is of, until I end. */
void shards_left_mine(int fd);

/* Says what is left of those that were killed: of encodings, or shards that
 * were made again. */
void shards_left_say(const char *verb, int directory, const char *path,
		     int shard);

/* shards_say.c: "1, 4-7" of those for whom `is` says so; how many they are. */
uint32_t shards_say_list(char *text, size_t size, uint32_t shards,
			 int (*is)(const void *of, uint32_t shard),
			 const void *of);

/* A stripe cannot be had. Returns AETHER_EIO. */
int shards_say_short(const struct shards_job *job, uint64_t stripe,
		     const struct shards_slip *slip,
		     struct aether_error *error);
void shards_say_progress(const struct shards_job *job);
void shards_say_progress_end(void);

/* One object for each shard of the set. */
json_t *shards_say_states(const struct shards_found *found,
			  const struct shards_job *job);

/* Adds what all four verbs say. */
void shards_say_facts(const struct shards_job *job, json_t *object);

/* The options that they share. */
void shards_workers(const struct cli_common *common, const char *text,
		    uint32_t *workers);

#endif
