/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POSIX_INTERNAL_H
#define MPROC_POSIX_INTERNAL_H

/*
 * Private to this folder: the bodies of the port's types, and the functions
 * that its files share.  Those under "Variants" are defined once for Linux and
 * once for any POSIX system; CMake picks the file by what the system has.
 */

#include "port.h"
#include "port_forkserver.h"

#include <signal.h>

#include <sys/types.h>

/* The first descriptor after stdin, stdout and stderr. */
#define FIRST_DESCRIPTOR 3

/* Descriptors that have come and nobody has taken; see passing.c. */
struct posix_waiting_t;

struct port_channel_t {
    int socket;
    struct posix_waiting_t *waiting; /* NULL until some come */
};

struct port_process_t {
    pid_t pid;
    int sentinel; /* readable when the process has ended */
    int lifeline; /* of a child: the end whose closing ends it; of the parent: -1 */
    int teller;   /* the other end of the sentinel, which watch_thread.c's thread closes; or -1 */
    int told; /* of a fork server's copy: its line, on which the server tells how it ended; else -1 */
};

/* descriptors[]: see segment.c; -1 where there is none. */
struct port_segment_t {
    void *memory;
    size_t size;
    int descriptors[PORT_SEGMENT_HANDLES_MAX];
};

/* A child that was just started can be waited for from now on; if not, it is killed and reaped. */
apr_status_t posix_process_watch(port_process_t *process);

/* From now on this process ends with its parent, which has the lifeline's other end: or APR_EOF. */
apr_status_t posix_tie_to_parent(int lifeline);

/* The parent, as the other end of the lifeline tells of it. */
port_process_t *posix_parent_process(int lifeline, apr_pool_t *mem);

/* Wait until `events` of a descriptor are there: APR_SUCCESS, APR_TIMEUP, or what poll() said. */
apr_status_t posix_poll(int descriptor, short events, port_deadline_t deadline);

/* The same for several: APR_SUCCESS when at least one has something to say. */
struct pollfd;
apr_status_t posix_poll_all(struct pollfd *pollers, size_t count, port_deadline_t deadline);

/* How a send does not wait beyond its deadline, and raises no signal. */
int posix_send_flags(port_deadline_t deadline);

/* After a send that failed: APR_SUCCESS when it may be tried again, or what is to be returned. */
apr_status_t posix_await_room(const port_channel_t *channel, port_deadline_t deadline);

/* recv(), keeping the descriptors that come with the bytes. */
ssize_t posix_receive(port_channel_t *channel, void *buffer, size_t size, int flags);

/* Move a descriptor above stdin, stdout and stderr, so that a child's own do not fall on it. */
apr_status_t posix_above_stdio(int *descriptor);

/* The same for both of a pair just made: on failure both are closed, and `pair` is untouched. */
apr_status_t posix_pair_above_stdio(int pair[2], const int made[2]);

/* A descriptor is not inherited by programs that others start. */
apr_status_t posix_keep_private(int descriptor);

/* Whether a descriptor is open for this access, and has all these flags: O_RDWR | O_NONBLOCK. */
int posix_is_open_for(int descriptor, int flags);

/* Open the null device for reading and writing, above stdin, stdout and stderr. */
apr_status_t posix_open_null_device(int *descriptor);

/* Close what is not -1. */
void posix_close_if_open(int descriptor);

/* Close both of a pair, keeping errno. */
void posix_close_pair(const int pair[2]);

/* A pipe whose ends never wait; on failure both descriptors are as they were. */
apr_status_t posix_open_ready_pipe(int pair[2]);

/* Whether two descriptors are the ends of such pipes, in this order. */
int posix_is_ready_pipe(const int pair[2]);

/*
 * What a client sends to the copy that a fork server has made for it: this, and `size` bytes of strings
 * with their NULs (the token and the environment).  Descriptors go beside it: the copy's stdout and its
 * stderr, the folder where it is to be, and then those that were asked for.
 */
typedef struct posix_ask_t {
    unsigned char key[PORT_FORKSERVER_KEY_SIZE];
    uint32_t ndescriptors;
    uint32_t is_detached;
    int64_t group; /* of processes: the client's */
    uint64_t size;
} posix_ask_t;

enum { POSIX_ASK_STDOUT, POSIX_ASK_STDERR, POSIX_ASK_FOLDER, POSIX_ASK_HANDLES };

/* What a client hears of the server: that there is a copy, and of its end; or that there will be none. */
typedef enum posix_news_t {
    POSIX_BORN = 1, /* first: its number; second: not 0: its pidfd comes along */
    POSIX_ENDED,    /* si_code and si_status, see waitid(2) */
    POSIX_FAILED    /* first: what the system said */
} posix_news_t;

typedef struct posix_answer_t {
    int32_t news, first, second;
} posix_answer_t;

/* Read exactly as much, until a deadline; the descriptors that come with it wait. */
apr_status_t posix_read_exactly(port_channel_t *channel, void *bytes, size_t size,
                                port_deadline_t deadline);

/* served.c: in a copy of a fork server, with the line to its client, once it has let go of what is the server's. */
_Noreturn void posix_be_copy(int line, const port_serving_t *serving);

/* Whether this process could go to a folder; NULL: it need not. */
apr_status_t posix_check_folder(const char *folder);

/* The same as posix_watch_reap() and posix_watch_signal() for the copy of a fork server. */
int posix_told_reap(const port_process_t *process, siginfo_t *how);
int posix_told_signal(const port_process_t *process, int number);

/* What is polled to hear a segment's bell, and the file that its signs of life are in. */
int posix_bell(const port_segment_t *segment);
int posix_lives(const port_segment_t *segment);

/*
 * What a new process is to be: every number and string is ready, so that nothing is left to
 * compute.
 */
typedef struct posix_launch_t {
    const char *path;
    char *const *arguments;
    char *const *environment;
    const char *folder;     /* or NULL */
    const int *descriptors; /* become FIRST_DESCRIPTOR and up; none lies among those */
    int ndescriptors;
    int standard[3]; /* become stdin, stdout, stderr */
    int is_session_leader;
    int holds_interrupt; /* SIGINT is blocked, until port_interrupt_ignore() */
} posix_launch_t;

/* -- Variants ---------------------------------------------------------------- */

/* descriptors_*.c: pairs that no other program inherits, all above stderr. */
apr_status_t posix_pipe(int pair[2]);
apr_status_t posix_socketpair(int pair[2]);

/* descriptors_*.c: recvmsg(), and no other program inherits the descriptors that come. */
struct msghdr;
ssize_t posix_recvmsg(int socket, struct msghdr *message, int flags);

/* executable_*.c: a path that always means this process's own executable, or NULL. */
const char *posix_own_image(void);

/* executable_*.c: give a process that was started by that path the program's name in listings. */
void posix_name_process(const char *argv0);

/* build_id_*.c: what the linker left in the loaded program; APR_ENOENT when it left nothing. */
apr_status_t posix_image_build_id(unsigned char id[PORT_BUILD_ID_SIZE]);

/* cpus_*.c */
int posix_usable_cpus(void);

/* quota_*.c: as many CPUs as this process's share of time is worth, rounded up; 0: it has no limit. */
int posix_quota_cpus(void);

/* quota_*.c: the most bytes of memory that this process's group may have; 0: it has no limit. */
long long posix_quota_memory(void);

/* cgroups.c: the same of what `read` finds: a copy of a file's text by malloc(), or NULL. */
int posix_cgroup_cpus(char *(*read)(const char *path));
long long posix_cgroup_memory(char *(*read)(const char *path));

/* resident_*.c: as port_resident_size(). */
apr_status_t posix_resident_size(size_t *bytes);

/*
 * closing_*.c: close every descriptor from a number on: 0, or -1 when they have to be tried one by
 * one.  A forked child may call it.
 */
int posix_close_from(int lowest);

/* launch_*.c: run a program; on failure no child is left. */
apr_status_t posix_launch(pid_t *pid, const posix_launch_t *launch, port_stage_t *stage);

/* watch_*.c: set the sentinel, and what it needs, of the child `pid`. */
apr_status_t posix_watch_open(port_process_t *process);

/* What waitid(2) has told is an end, and no stop, of which a child's debugger is told unasked. */
int posix_is_end(const siginfo_t *how);

/* watch_*.c: what stands for a process in others, or -1 where there is no such thing; and errno. */
int posix_watch_number(pid_t pid);

/* watch_*.c: in a forked child, close what the parent's watch has open beside the sentinel. */
void posix_watch_abandon(const port_process_t *process);

/* watch_*.c: take the exit status; 0, or ECHILD when somebody else has taken it. */
int posix_watch_reap(const port_process_t *process, siginfo_t *how);

/* watch_*.c: send a signal to this very child: 0, ESRCH when it is gone, or another errno. */
int posix_watch_signal(const port_process_t *process, int number);

/* watch_thread.c: the same by a thread, and by the child's number. */
apr_status_t posix_thread_watch_open(port_process_t *process);
void posix_thread_watch_abandon(const port_process_t *process);
int posix_thread_watch_reap(const port_process_t *process, siginfo_t *how);
int posix_thread_watch_signal(const port_process_t *process, int number);

/* background.c: run `wait` in a detached thread of its own that takes no signals. */
apr_status_t posix_background(void *(*wait)(void *), void *data);

/*
 * leaving_*.c: exit() in this forked child calls `leave` with its code, or with
 * PORT_CODE_UNKNOWN, before the handlers that were registered until now.
 */
apr_status_t posix_leave_by(void (*leave)(int code));

/*
 * memory_*.c: files without a name: `most` bytes of zeros of which `size` are really there, and one of
 * no bytes for signs of life.  On failure *descriptor may be set, and is the caller's.
 */
apr_status_t posix_memory_open(int *descriptor, size_t size, size_t most);
apr_status_t posix_lives_open(int *descriptor);

/* Zeros of such a file that nobody uses yet are really there. */
apr_status_t posix_memory_reserve(int descriptor, size_t from, size_t to);

/* Whether nobody can cut pages off a file of memory that came from another process, as far as can be told. */
int posix_is_lasting(int descriptor);

/*
 * park_*.c: how many descriptors all parks have, and what port.h says of parks.  On failure some may
 * be set, and are the caller's.
 */
extern const size_t posix_park_descriptors;
apr_status_t posix_parks_open(int *descriptors);
int posix_are_parks(const int *descriptors);
void posix_park(const int *descriptors, unsigned park, _Atomic uint32_t *word, uint32_t seen,
                port_deadline_t deadline);
unsigned posix_unpark(const int *descriptors, unsigned park, _Atomic uint32_t *word,
                      unsigned count);

/* bell_*.c: the first of a bell's descriptors is read, and the last written. */
extern const size_t posix_bell_descriptors;
apr_status_t posix_bell_open(int *descriptors);
int posix_is_bell(const int *descriptors);

/* born_*.c: when a process was born, or 0 where the system does not say. */
uint32_t posix_birth_time(pid_t pid);

/* born_*.c: whether the process that had this number, and was born then, has ended, as far as is known. */
int posix_has_ended(pid_t pid, uint32_t born);

/* threads_*.c: the number of threads, or 0 where the system does not say. */
int posix_count_threads(void);

/* Not 0: this process has no other thread, and it costs nothing to know; 0: perhaps. */
int posix_is_single_threaded(void);

/* threads_*.c: flush all streams at the end of a process that is alone as far as is known. */
void posix_flush_others(void);

/* lifeline_*.c: from now on this process is killed when the other end of the pipe closes. */
apr_status_t posix_lifeline_arm(int descriptor);

#endif
