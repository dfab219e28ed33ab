/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SPAWNED_H
#define MPROC_TESTS_SPAWNED_H

/*
 * Both sides of the tests that start processes: a test program is its own child.
 * main() calls run_if_child() first, which runs the command that the child was
 * started with and does not return; start_child() starts one.
 */

#include "contract.h"

/* A child: fill in the first part (zero is a default each), start_child() the second. */
typedef struct child_t {
    const char *const *words; /* the command and its arguments, ended by NULL */
    port_channel_t *given;    /* an end for the child besides the control channel */
    port_segment_t *segment;  /* shared with the child */
    const char *const *environment;
    const char *folder;
    const char *executable; /* NULL: this one */
    int is_detached;

    port_process_t *process;
    port_channel_t *control;
    port_stage_t stage; /* also on failure */
} child_t;

/* A child, seen by itself. */
typedef struct life_t {
    port_birth_t birth;
    port_channel_t *control;
    port_channel_t *given;   /* or NULL */
    port_segment_t *segment; /* or NULL */
    const char *const *words;
    apr_pool_t *mem;
} life_t;

/* What a child can be told to do; the first of its words says which. */
typedef struct command_t {
    const char *word;
    int (*run)(life_t *life);
} command_t;

/* What every child gets as its token. */
#define TOKEN "a token, with (signs)"

/* The commands of run_if_child(). */
#define SAY_TOKEN "say-token"     /* says its token */
#define SAY_PARENT "say-parent"   /* says its parent's number */
#define SAY_WORDS "say-words"     /* says the words after the command, and "." */
#define SAY_VARIABLE "say-var"    /* says an environment variable, or "(none)" */
#define SAY_MERGED "say-merged"   /* the same, and then what a merge has of it, and "." */
#define SAY_FOLDER "say-folder"   /* says where it is */
#define SAY_INPUT "say-input"     /* says "end", or "more" when stdin has something */
#define SAY_THROUGH "say-through" /* says "through" through the given end */
#define PASS "pass" /* passes a channel through the given end, with "through" in it; says "sent" */
#define PRINT "print"           /* prints a word, and says how that went: "0" */
#define PRINT_NOWHERE "nowhere" /* the same, by a child of a child without stdout */
#define EXIT "exit"             /* exits with a code */
#define WAIT "wait"             /* says "born", and waits until the control channel ends */
#define COMPUTE "compute"       /* says "born", and computes for ever */
#define OUTLIVE                                                                                    \
    "outlive"       /* says "born", and when its parent has ended "orphan" through the given end */
#define NEST "nest" /* starts a child with a command and the given end, says "ready", computes */
#define NEST_DETACHED "nest-detached"

void run_if_child(int argc, char **argv);

/* The same, with commands of the test's own; {NULL, NULL} ends them. */
void run_if_child_of(const command_t *own, int argc, char **argv);

/* The path by which this test program can be started, and the one by which it was. */
const char *own_executable(apr_pool_t *mem);
const char *own_name(void);

/*
 * Start a child; it gets `given` and the segment (which stay open here), and the other end of
 * `control`.
 */
apr_status_t start_child(child_t *child, apr_pool_t *mem);

/* Wait for a child's end, look at it, and close what belongs to it. */
void end_child(child_t *child, port_ending_t ending, apr_int64_t code);

#endif
