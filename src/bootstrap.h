/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BOOTSTRAP_H
#define MPROC_BOOTSTRAP_H

/*
 * What parent and child say to each other over the control channel.
 *
 * The parent sends one start message:
 *
 *     8 bytes "mproc 1\n", then as little-endian 64-bit numbers the size of the
 *     pack in bytes, the number of handles, and each handle as the child knows it;
 *     then the pack.
 *
 * The child answers with MPROC__WORD_READY once it has understood and agreed,
 * and with a report at its end; or with MPROC__WORD_REFUSED and a report.  A
 * report is the size of a pack as a little-endian 64-bit number, and the pack.
 */

#include "buffer.h"
#include "values.h"

#define MPROC__WORD_READY 'r'
#define MPROC__WORD_REFUSED 'x'

/* The words of a report are cut to this many bytes, so that it always fits a channel. */
#define MPROC__REPORT_MAX 2048

/* Hexadecimal digits of a token of 128 bits. */
#define MPROC__TOKEN_LENGTH 32

typedef struct mproc__start_t {
    const char *token;
    mproc_bytes_t build_id;
    apr_uint64_t fingerprint; /* of the table of targets */
    apr_uint64_t target;      /* its number in the table */
    const char *target_name;
    const char *name;     /* the child's */
    const char *identity; /* the child's: "1:2" */
    const char *parent_name;
    apr_int64_t parent_pid;
    int is_daemon;
    int ignores_interrupt;
    const char *method;        /* by which the child is started */
    const char *context;       /* the start method that the parent's program has set, or "" */
    const mproc_pack_t *args;  /* to encode */
    mproc_values_t *arguments; /* decoded: live in the values that were read into */
} mproc__start_t;

/* How a child's target ended. */
typedef enum mproc__outcome_t {
    MPROC__RETURNED = 1, /* with a status */
    MPROC__EXITED,       /* it called exit() */
    MPROC__REFUSED       /* it was never reached */
} mproc__outcome_t;

typedef struct mproc__report_t {
    mproc__outcome_t outcome;
    apr_status_t status;
    const char *words;
} mproc__report_t;

/*
 * Append a whole start message to an empty buffer, with room for `handles`, which
 * the objects in start->args fill; their numbers are set by mproc__start_number().
 */
apr_status_t mproc__start_encode(mproc__buffer_t *buffer, mproc__handles_t *handles,
                                 const mproc__start_t *start);

/* Set how the child knows the handles of an encoded message. */
void mproc__start_number(mproc__buffer_t *buffer, const port_handle_t *child_handles, size_t count);

/* The size of the fixed beginning. */
#define MPROC__START_HEADER 24

/*
 * What follows the fixed beginning, in bytes: APR_SUCCESS, or MPROC_EPROTOCOL for
 * what is no start message.
 */
apr_status_t mproc__start_rest(size_t *rest, const unsigned char header[MPROC__START_HEADER]);

/* Read a whole start message that fills values->buffer. */
apr_status_t mproc__start_decode(mproc__start_t *start, mproc_values_t *values);

/* Append a report to an empty buffer. */
apr_status_t mproc__report_encode(mproc__buffer_t *buffer, const mproc__report_t *report);

/* Read a whole report (its size and its pack) that fills values->buffer. */
apr_status_t mproc__report_decode(mproc__report_t *report, mproc_values_t *values);

#endif
