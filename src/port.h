/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PORT_H
#define MPROC_PORT_H

/*
 * The contract: all that an operating system must supply to support mproc,
 * beyond what APR does.  src/posix and src/win32 implement it, in files of the
 * same names; the rest of mproc includes this header and no system's.
 *
 * For the next porter:
 *
 * - A function translates one request into the system's calls.  It does not
 *   check what its caller promises (arguments are checked above, once; assert
 *   them), does not choose, and does not retry but for EINTR.
 * - It returns an APR status: APR_FROM_OS_ERROR of what the system said, or the
 *   one named here.  Outputs are written on success only.  It sets no message,
 *   but where it says so.
 * - Nothing it makes is inherited by a program that anybody in this process
 *   starts, but for the handles listed in port_spawn().
 * - `mem` is memory for what is returned, used by one thread at a time.
 *   Closing frees what the system gave; the memory goes with `mem`.
 * - "Blocks: no" means that it returns without waiting on another process.
 * - "Fork: yes" means that a forked child of a process with threads may call it:
 *   async-signal-safe calls alone, no allocation, no lock.
 */

#include <apr.h>
#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#include <stddef.h>
#include <stdint.h>

/* -- Time ----------------------------------------------------------------- */

/* A moment on port_clock(), in microseconds. */
typedef apr_int64_t port_deadline_t;

/* A deadline that never comes, and one that has passed: look once. */
#define PORT_NEVER INT64_MAX
#define PORT_NOW INT64_MIN

/*
 * Microseconds since some moment of the past; never goes back, goes on while
 * the wall clock is set.
 *
 * Blocks: no.  Threads: any.  Fork: yes.
 */
port_deadline_t port_clock(void);

/* -- The program ---------------------------------------------------------- */

/*
 * The program's arguments as UTF-8, whatever `main` was given.
 *
 * Pre: *argc and *argv are main's.
 * Post: *argc and *argv are set, *argv ends with NULL and lives in `mem`.  On a
 * system whose arguments are bytes they are copied unchanged.
 */
apr_status_t port_arguments(int *argc, const char *const **argv, apr_pool_t *mem);

/*
 * The path by which this process can start its own executable again, also after
 * chdir() and after the file was replaced, where the system can do that.
 *
 * Pre: `argv0` is the program's own argv[0], for systems that know no better.
 * Errors: APR_ENOENT when it cannot be found.
 */
apr_status_t port_executable(const char **path, const char *argv0, apr_pool_t *mem);

/* Bytes of a build id; what is shorter is padded with zeros. */
#define PORT_BUILD_ID_SIZE 32

/*
 * What tells this build of the executable from another: what the linker left in
 * the loaded program, else what is in the file `executable`.
 *
 * Post: equal in every process that runs the same build, different in another's.
 */
apr_status_t port_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable);

/* This process's number.  Blocks: no.  Threads: any.  Fork: yes. */
apr_int64_t port_pid(void);

/*
 * CPUs that this process may use: on which it may run, and no more than its group's limit of CPU
 * time is worth, rounded up, as far as this process can see it; at least 1.
 *
 * Blocks: no.  Threads: any.
 */
int port_cpu_count(void);

/*
 * Bytes of this process's memory that are resident: in the machine's memory, not merely reserved.
 *
 * Post: *bytes is set; where the system tells only the most that there ever were, to that.
 * Errors: APR_ENOTIMPL when it tells neither.
 * Blocks: no.  Threads: any.
 */
apr_status_t port_resident_size(size_t *bytes);

/* Threads that this process has; 0 where the system does not say, or has no fork. */
int port_thread_count(void);

/*
 * The columns of the terminal that stderr is; 0 when it is none.  "\r" leads back to the first.
 *
 * Blocks: no.  Threads: any.
 */
int port_terminal_columns(void);

/*
 * The value of an environment variable in UTF-8.
 *
 * Post: *value is NULL when it is not set.
 */
apr_status_t port_environment_get(const char **value, const char *name, apr_pool_t *mem);

/*
 * This process's environment with changes.
 *
 * Pre: `changes` ends with NULL; "NAME=value" sets a variable, "NAME" takes it out; the
 * last change of a name wins.  Names compare as the system compares them.
 * Post: *environment ends with NULL, has each name once, and may be given to port_spawn().
 */
apr_status_t port_environment_merge(const char *const **environment, const char *const *changes,
                                    apr_pool_t *mem);

/*
 * From now on this process does not end by Ctrl-C, nor do programs that it starts, but for
 * port_spawn()'s.
 */
apr_status_t port_interrupt_ignore(void);

/*
 * Hold back this thread's signals, where there are any: no handler of the program's runs in it
 * until they are released as often as they were held.  A copy of this process has them held too.
 *
 * Blocks: no.  Fork: yes.
 */
void port_signals_hold(void);

/* The last one: as they were before.  Blocks: no.  Fork: yes. */
void port_signals_release(void);

/* In a copy, whose maker may have held them for long.  Blocks: no. */
void port_signals_release_all(void);

/*
 * Call functions around each fork() in this process, as pthread_atfork(); does
 * nothing where there is no fork.  `in_child` must keep to what a forked child may do.
 */
apr_status_t port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* -- Channels: byte streams between two processes --------------------------- */

/* A handle as a number: a descriptor, or a HANDLE. */
typedef intptr_t port_handle_t;

#define PORT_NO_HANDLE ((port_handle_t)-1)

/* Which way an end goes; bits. */
typedef enum port_direction_t { PORT_READ = 1, PORT_WRITE = 2 } port_direction_t;

/* One end of a channel. */
typedef struct port_channel_t port_channel_t;

/*
 * Two connected ends, reliable and in order; no third process can reach them.
 *
 * Pre: `directions` are those of *here; *there has the opposite ones.
 * Post: a message of 4 KiB can be written without a reader.
 * Blocks: no.  Threads: any, with a `mem` each.
 */
apr_status_t port_channel_pair(port_channel_t **here, port_channel_t **there, int directions,
                               apr_pool_t *mem);

/*
 * The channel whose handle came from the process that started this one (or was
 * given up by port_channel_handle() in this process).  Takes it over on success.
 *
 * Errors: APR_EBADF when `handle` is not an end of a channel.
 */
apr_status_t port_channel_adopt(port_channel_t **channel, port_handle_t handle, int directions,
                                apr_pool_t *mem);

/* The handle of an end: still the channel's. */
port_handle_t port_channel_handle(const port_channel_t *channel);

/*
 * Read what has arrived, 1 to `size` bytes; wait for the first until `deadline`.
 *
 * Pre: size > 0.  One reader at a time.
 * Errors: APR_EOF when the other end is closed everywhere and all was read;
 * APR_TIMEUP.  What was not returned is not lost.
 * Blocks: until `deadline`.  Signals do not end it.
 */
apr_status_t port_channel_read(port_channel_t *channel, void *buffer, size_t size,
                               port_deadline_t deadline, size_t *received);

/*
 * Write all of `size` bytes, as far as that goes until `deadline`.
 *
 * Pre: one writer at a time.
 * Post: *sent, also on failure, is how many bytes went; where the system cannot tell after a
 * deadline it may be too small, but is 0 only if nothing went.
 * Errors: APR_TIMEUP; APR_EPIPE when the other end is closed everywhere.  Raises no signal.
 * Blocks: until `deadline`.
 */
apr_status_t port_channel_write(port_channel_t *channel, const void *data, size_t size,
                                port_deadline_t deadline, size_t *sent);

/* Close an end.  The other one reads what was written, and then APR_EOF. */
void port_channel_close(port_channel_t *channel);

/* -- Handles on their way through a channel ------------------------------------ */

/* The most that go at once, and the most bytes of the caller's that they go with. */
#define PORT_HANDLES_MAX 253
#define PORT_HANDLES_BYTES_MAX 64

/* Bytes that the port writes behind the caller's when it sends so many: its note to the receiver. */
size_t port_note_size(size_t count);

/*
 * Write `size` bytes and the note, with which copies of handles go.
 *
 * Pre: 0 < size <= PORT_HANDLES_BYTES_MAX; 0 < count <= PORT_HANDLES_MAX; one writer at a time.
 * The handles stay the caller's.
 * Post: *sent, as port_channel_write() does.  The copies are on their way until they are taken, or
 * the other end is closed everywhere; where a system cannot keep them, this process must live as
 * long as that, and this end is not closed before port_channel_commit_handles().
 * Errors: as port_channel_write(); what the system says when too many are on their way.
 * Blocks: until `deadline`.
 */
apr_status_t port_channel_send_handles(port_channel_t *channel, const void *bytes, size_t size,
                                       const port_handle_t *handles, size_t count,
                                       port_deadline_t deadline, size_t *sent);

/*
 * What the handles belong to has gone whole: they stay on their way when this end is closed.
 *
 * Pre: the writer's thread.
 */
void port_channel_commit_handles(port_channel_t *channel);

/*
 * Take the handles whose bytes and note were read.
 *
 * Pre: in the order in which they were sent, each once; the reader's thread.
 * Post: all of them are this process's, or none.
 * Errors: APR_EOF when the process that sent them had to live and does not; APR_EMFILE when they
 * came and this process had no room for them; APR_EBADF when the note or the channel has none.
 * Blocks: no.
 */
apr_status_t port_channel_take_handles(port_channel_t *channel, const void *note, size_t count,
                                       port_handle_t *handles);

/*
 * The handles that came with what was read and were not taken yet, up to `max` of them: still the
 * channel's.  Returns how many they are; more than `max` also when one of them is lost.
 */
size_t port_channel_waiting_handles(const port_channel_t *channel, port_handle_t *handles,
                                    size_t max);

/*
 * Make them wait in another channel, which goes on where that one stopped.  On success it has
 * taken them over.
 *
 * Errors: APR_EBADF where none ever wait.
 */
apr_status_t port_channel_await_handles(port_channel_t *channel, const port_handle_t *handles,
                                        size_t count);

/* Close those that wait: they came with bytes that announced none. */
void port_channel_drop_handles(port_channel_t *channel);

/* Close one that was taken. */
void port_handle_close(port_handle_t handle);

/*
 * Call functions around what port_channel_read() may close, as others see the closing: copies that
 * have come and cannot be kept where they are.  Does nothing where handles do not come by reading.
 */
void port_at_closing(void (*before)(void), void (*after)(void));

/* -- Starting a process ----------------------------------------------------- */

/* A process that this one started, or the one that started this. */
typedef struct port_process_t port_process_t;

/*
 * A child is told what it is by one argument, argv[1]:
 * PORT_CHILD_MARK, numbers that only the port understands, a colon, and the token.
 */
#define PORT_CHILD_MARK "--mproc-child="

/* Where a start failed; for the message. */
typedef enum port_stage_t {
    PORT_STAGE_HANDLES, /* making or naming handles */
    PORT_STAGE_FOLDER,  /* going to the working directory */
    PORT_STAGE_PROGRAM, /* running the executable */
    PORT_STAGE_FORK     /* copying this process */
} port_stage_t;

/* What to start. */
typedef struct port_spawn_t {
    const char *executable;         /* a path; relative to this process's directory if relative */
    const char *const *arguments;   /* argv without the mark, ended by NULL; [0] is there */
    const char *token;              /* printable, no colon */
    const char *const *environment; /* ended by NULL; NULL: this process's */
    const char *folder;             /* NULL: this process's */
    const port_handle_t *handles;   /* what the child gets; [0] is its end of the control channel */
    size_t nhandles;                /* at least 1 */
    int ignores_interrupt; /* not 0: it calls port_interrupt_ignore(); Ctrl-C should wait for that */
    int is_detached;       /* not 0: outlives this process */
} port_spawn_t;

/*
 * Start a program in a process of its own.
 *
 * Post: the child has stdin from the null device, this process's stdout and
 * stderr (the null device where this process has none), the listed handles, and
 * nothing else open, whatever other threads do meanwhile.  Signals are as a
 * shell would give them: none blocked (but Ctrl-C's where it waits), none ignored.  Unless detached, it ends
 * when this process ends, from the moment of its port_birth() on.
 * child_handles[i] is the number by which the child knows handles[i].
 * Errors: what the system said, and *stage; then no child is left.  A program that the
 * system would give to a shell (a batch file) is refused: APR_EINVAL.
 * Blocks: until the program runs or has failed to.
 * Threads: any, with a `mem` each.
 */
apr_status_t port_spawn(port_process_t **process, port_handle_t *child_handles,
                        const port_spawn_t *request, port_stage_t *stage, apr_pool_t *mem);

/* What a child finds when it comes into the world. */
typedef struct port_birth_t {
    const char *token;      /* from the mark; NULL in a copy */
    port_handle_t control;  /* its end of the control channel */
    port_process_t *parent; /* can be waited for, and closed */
    int is_detached;        /* a fork server's copy alone says so: it leads a session of its own */
} port_birth_t;

/* -- Copying this process ---------------------------------------------------- */

/* What exit() was called with, where the system does not tell. */
#define PORT_CODE_UNKNOWN (-1)

/* How the copy begins, and how it leaves. */
typedef struct port_fork_t {
    const char *const *environment; /* ended by NULL, in child_mem; NULL: this process's */
    const char *folder;             /* NULL: this process's */
    const port_handle_t *handles;   /* what the child gets; [0] is its end of the control channel */
    size_t nhandles;                /* at least 1 */
    int is_detached;                /* not 0: outlives this process */

    /*
     * The child runs this and does not come back from it.  `rv` says whether it is whole;
     * `handles` are its own numbers for the handles, which no other process has.
     */
    void (*live)(apr_status_t rv, const port_birth_t *birth, const port_handle_t *handles,
                 void *data);
    /*
     * exit() in the child calls this with its code, after the handlers that the child has
     * registered, and instead of those that it has inherited.  It does not return; if it calls
     * exit(), that calls it again.
     */
    void (*leave)(int code);
    void *data;
    apr_pool_t *child_mem; /* the child's: this process does not use it */
} port_fork_t;

/* NULL if this system can copy a process; else a sentence that says why not, and what to use. */
const char *port_fork_refusal(void);

/*
 * Flush stdio before a fork: stdout and stderr, and the other streams too, where that waits for
 * no other thread.
 */
void port_fork_flush(void);

/*
 * Flush stdio at the end of a copy: the same, but the other streams only if what is in them is the
 * copy's alone, as they were flushed before.
 */
void port_fork_flush_last(void);

/*
 * Start a copy of this process.
 *
 * Pre: port_fork_refusal() is NULL; request->nhandles > 0; this thread's signals are held.  The
 * caller sees to it that no other thread makes or starts anything meanwhile (see port_at_fork()).
 * Post: the child has this process's memory and everything that is open in it; stdin is the null
 * device, and what this process had in the buffers of stdin, stdout and stderr is not in the
 * child's.  Signals are handled as here, and held.  Unless detached, it ends when this process
 * ends, from before `live` is called on.
 * Errors: what the system said, and *stage; then no child is left.
 * Blocks: no.
 */
apr_status_t port_fork(port_process_t **process, const port_fork_t *request, port_stage_t *stage,
                       apr_pool_t *mem);

/* -- A process from outside ------------------------------------------------- */

/* How a process ended. */
typedef enum port_ending_t {
    PORT_EXITED,   /* code: what it gave to exit */
    PORT_SIGNALED, /* code: the signal's number */
    PORT_LOST      /* somebody else has taken the code, or has gone with it */
} port_ending_t;

typedef struct port_exit_t {
    port_ending_t ending;
    apr_int64_t code;
} port_exit_t;

/* The system's number of a process.  Blocks: no.  Threads: any. */
apr_int64_t port_process_pid(const port_process_t *process);

/* Ready for the system's own waiting calls when the process has ended, and how can be told. */
port_handle_t port_process_sentinel(const port_process_t *process);

/*
 * Wait until a process has ended.
 *
 * Errors: APR_TIMEUP.
 * Blocks: until `deadline`.  Threads: any number at once.
 */
apr_status_t port_process_wait(port_process_t *process, port_deadline_t deadline);

/*
 * How a process ended; takes the code from the system.
 *
 * Pre: a child; port_process_wait() has returned APR_SUCCESS; called once, under a
 * lock that port_process_stop() is called under too.
 * Post: Ctrl-C reads as signal 2 where the system has a code for it instead; of a fork server's
 * copy, what port_forkserver_await_end() waits for, if it is there.
 */
void port_process_reap(port_process_t *process, port_exit_t *how);

/*
 * Make a process end: `signal` is 15 to ask it, 9 to force it.  A system without
 * signals ends it, and reports PORT_SIGNALED with that number.
 *
 * Pre: a child, not reaped.
 * Post: APR_SUCCESS too when it has ended already.
 */
apr_status_t port_process_stop(port_process_t *process, int signal);

/* Close what stands for a process here.  It ends with this if it is not detached and still runs. */
void port_process_close(port_process_t *process);

/*
 * In a forked child: give up the parent's hold on a process, its child or its parent, so that
 * its end is still noticed.
 * Fork: yes.
 */
void port_process_abandon(port_process_t *process);

/* -- Memory that processes share: port_segment.h ---------------------------- */

#include "port_segment.h"

/* -- Many of all ------------------------------------------------------------- */

/* One thing to wait on: a channel to read, a process, or a bell; none of them is never ready. */
typedef struct port_waitable_t {
    port_channel_t *channel;
    port_process_t *process;
    port_segment_t *bell; /* of this segment */
    int has_ended;        /* in: of a fork server's copy: wait for port_forkserver_await_end() */
    int is_ready;         /* in: it is known to be; out: also when the system says so */
} port_waitable_t;

/*
 * Wait until one of several can be read, has ended or rings, and mark all of those.  A channel whose other
 * end is closed can be read, as can one on which the next read fails.
 *
 * Pre: count > 0; each is there once; nobody reads or closes one meanwhile.
 * Post: as many as there are, all are looked at; nothing is taken away.
 * Errors: APR_TIMEUP when none is ready, and none was known to be.
 * Blocks: until `deadline`; signals do not end it.
 */
apr_status_t port_wait(port_waitable_t *what, size_t count, port_deadline_t deadline);

/* -- A process from inside -------------------------------------------------- */

/*
 * Read the mark, tie this process to its parent's life, and name it as the
 * program is named.
 *
 * Pre: argv[1] begins with PORT_CHILD_MARK; `mark` is what follows.
 * Errors: APR_EINVAL when the mark is not a port_spawn()'s; APR_EOF when the parent is gone.
 */
apr_status_t port_birth(port_birth_t *birth, const char *mark, const char *argv0, apr_pool_t *mem);

#endif
