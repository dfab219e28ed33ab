/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every public macro in C11, with the strict flags: a program that packs every
 * type, gives it to a child and to a pipe, and takes it apart there.
 */

#include "macros.h"

#include <limits.h>
#include <string.h>

#define IN_GOOD_TIME apr_time_from_sec(60)

static apr_status_t unpack_text(mproc_values_t *values)
{
    const char *literal, *constant, *array, *pointer;
    mproc_bytes_t bytes;

    MPROC_TRY(MPROC_UNPACK(values, &literal, &constant, &array, &pointer, &bytes));
    EXPECT(strcmp(literal, "literal") == 0 && strcmp(constant, "constant") == 0);
    EXPECT(strcmp(array, "array") == 0 && strcmp(pointer, "array") == 0);
    EXPECT(bytes.size == 3 && memcmp(bytes.data, "\0\1\2", 3) == 0);
    return APR_SUCCESS;
}

static apr_status_t unpack_integers(mproc_values_t *values)
{
    char c;
    signed char sc;
    short s;
    int i;
    long l;
    long long ll;
    unsigned char uc;
    unsigned short us;
    unsigned int u;
    unsigned long ul;
    unsigned long long ull;
    apr_int64_t i64;
    apr_size_t size;

    MPROC_TRY(MPROC_UNPACK(values, &c, &sc, &s, &i, &l, &ll, &uc, &us, &u, &ul, &ull, &i64, &size));
    EXPECT(c == 'c' && sc == SCHAR_MIN && s == SHRT_MIN && i == INT_MIN && l == LONG_MIN &&
           ll == LLONG_MIN);
    EXPECT(uc == UCHAR_MAX && us == USHRT_MAX && u == UINT_MAX && ul == ULONG_MAX &&
           ull == ULLONG_MAX);
    EXPECT(i64 == INT64_MIN && size == 77);
    return APR_SUCCESS;
}

static apr_status_t unpack_others(mproc_values_t *values)
{
    _Bool yes, no;
    float f;
    double d;

    MPROC_TRY(MPROC_UNPACK(values, &yes, &no, &f, &d));
    EXPECT(yes && !no && f == 0.25f && d == 3.5);
    return APR_SUCCESS;
}

static apr_status_t send_everything(mproc_connection_t *connection)
{
    static const char *const constant = "constant";
    char array[] = "array", *pointer = array, c = 'c';
    const signed char sc = SCHAR_MIN;
    const short s = SHRT_MIN;
    const unsigned char uc = UCHAR_MAX;
    const unsigned short us = USHRT_MAX;
    const apr_int64_t i64 = INT64_MIN;
    const apr_size_t size = 77;
    const _Bool yes = 1;

    MPROC_TRY(mproc_connection_send(
        connection, MPROC_PACK("literal", constant, array, pointer, MPROC_BYTES("\0\1\2", 3)),
        MPROC_FOREVER));
    MPROC_TRY(mproc_connection_send(connection,
                                    MPROC_PACK(c, sc, s, INT_MIN, LONG_MIN, LLONG_MIN, uc, us,
                                               UINT_MAX, ULONG_MAX, ULLONG_MAX, i64, size),
                                    MPROC_FOREVER));
    MPROC_TRY(mproc_connection_send(connection, MPROC_PACK(yes, MPROC_BOOL(0), 0.25f, 3.5),
                                    MPROC_FOREVER));
    MPROC_TRY(mproc_connection_send(connection, MPROC_PACK(MPROC_NONE), MPROC_FOREVER));
    return mproc_connection_send(connection, MPROC_NO_ARGS, MPROC_FOREVER);
}

static apr_status_t recv_everything(mproc_connection_t *connection, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    MPROC_TRY(mproc_connection_recv(connection, values, IN_GOOD_TIME));
    MPROC_TRY(unpack_text(values));
    MPROC_TRY(mproc_connection_recv(connection, values, IN_GOOD_TIME));
    MPROC_TRY(unpack_integers(values));
    MPROC_TRY(mproc_connection_recv(connection, values, IN_GOOD_TIME));
    MPROC_TRY(unpack_others(values));
    MPROC_TRY(mproc_connection_recv(connection, values, IN_GOOD_TIME));
    EXPECT(mproc_values_is_none(values, 0));
    MPROC_TRY(mproc_connection_recv(connection, values, IN_GOOD_TIME));
    EXPECT(mproc_values_count(values) == 0);
    return APR_SUCCESS;
}

/* In the child: check what came, and send everything back. */
static apr_status_t answer(mproc_task_t *task)
{
    mproc_connection_t *connection;
    mproc_values_t *inner, *alone;
    int number, only;

    MPROC_TRY(MPROC_UNPACK(task, &connection, &number, &inner, &alone));
    EXPECT(number == 42);
    MPROC_TRY(MPROC_UNPACK(alone, &only));
    EXPECT(only == 7);
    MPROC_TRY(unpack_others(inner));
    MPROC_TRY(recv_everything(connection, mproc_task_mem(task)));
    return send_everything(connection);
}

/* In the child: what comes through one queue goes through the other. */
static apr_status_t pass_on(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task)), *inner;
    mproc_queue_t *from, *to;
    const char *word;
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &from, &inner));
    MPROC_TRY(MPROC_UNPACK(inner, &to));
    MPROC_TRY(mproc_queue_get(from, values, IN_GOOD_TIME));
    MPROC_TRY(MPROC_UNPACK(values, &word, &number));
    return mproc_queue_put(to, MPROC_PACK(number, word), IN_GOOD_TIME);
}

static apr_status_t take_kept(mproc_task_t *task)
{
    int v[16], i;

    MPROC_TRY(MPROC_UNPACK(task, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8],
                           &v[9], &v[10], &v[11], &v[12], &v[13], &v[14], &v[15]));
    for (i = 0; i < 16; i++)
        EXPECT(v[i] == i);
    return APR_SUCCESS;
}

static apr_status_t take_nothing(mproc_task_t *task)
{
    EXPECT(mproc_values_count(mproc_task_args(task)) == 0);
    return APR_SUCCESS;
}

static apr_status_t square(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(int *)result = *(const int *)item * *(const int *)item;
    return APR_SUCCESS;
}

static const mproc_target_t library[] = {MPROC_TARGET(take_kept), MPROC_TARGET(take_nothing),
                                         MPROC_TARGETS_END};
static const mproc_target_t targets[] = {MPROC_TARGET(answer), MPROC_TARGET(pass_on),
                                         MPROC_TARGET(square), MPROC_TARGETS_OF(library),
                                         MPROC_TARGETS_END};

static apr_status_t finish(mproc_process_t *process)
{
    MPROC_TRY(mproc_process_join(process, IN_GOOD_TIME));
    if (mproc_process_status(process) != APR_SUCCESS)
        fprintf(stderr, "%s: %s\n", mproc_process_name(process), mproc_process_error(process));
    return mproc_process_status(process);
}

static apr_status_t wait_for_both(mproc_connection_t *line, mproc_process_t *process)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(line), MPROC_WAITABLE(process)};

    do
        MPROC_TRY(mproc_wait(what, 2, IN_GOOD_TIME));
    while (!what[0].ready || !what[1].ready);
    return APR_SUCCESS;
}

static apr_status_t talk(apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    options.name = "answerer";
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_process_start(
        &process, answer,
        MPROC_PACK(there, 42, MPROC_PACK(MPROC_BOOL(here != NULL), MPROC_BOOL(0), 0.25f, 3.5),
                   MPROC_PACK(7)),
        &options, mem));
    MPROC_TRY(mproc_connection_close(there));
    MPROC_TRY(send_everything(here));
    MPROC_TRY(recv_everything(here, mem));
    MPROC_TRY(wait_for_both(here, process));
    return finish(process);
}

static apr_status_t keep(apr_pool_t *mem)
{
    const mproc_pack_t *kept =
        mproc_pack(mem, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    mproc_process_t *one, *other;

    MPROC_TRY(mproc_process_start(&one, take_kept, kept, NULL, mem));
    MPROC_TRY(mproc_process_start(&other, take_nothing, MPROC_NO_ARGS, NULL, mem));
    MPROC_TRY(finish(one));
    return finish(other);
}

/* Queues among the arguments, waited on, and with packs through them. */
static apr_status_t queue_up(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_values_t *values = mproc_values_create(mem);
    mproc_queue_t *there, *back;
    mproc_process_t *process;
    const char *word;
    int number;

    options.maxsize = 1;
    MPROC_TRY(mproc_queue_create(&there, &options, mem));
    MPROC_TRY(mproc_queue_create(&back, NULL, mem));
    MPROC_TRY(
        mproc_process_start(&process, pass_on, MPROC_PACK(there, MPROC_PACK(back)), NULL, mem));
    MPROC_TRY(mproc_queue_put(there, MPROC_PACK("word", 42), MPROC_FOREVER));
    {
        mproc_waitable_t what[] = {MPROC_WAITABLE(back)};

        MPROC_TRY(mproc_wait(what, 1, IN_GOOD_TIME));
        EXPECT(what[0].ready);
    }
    MPROC_TRY(mproc_queue_get(back, values, 0));
    MPROC_TRY(MPROC_UNPACK(values, &number, &word));
    EXPECT(number == 42 && strcmp(word, "word") == 0);
    EXPECT(mproc_queue_shutdown(there, MPROC_AT_ONCE) == APR_SUCCESS && mproc_queue_empty(there));
    return finish(process);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    MPROC_CHECK(talk(mem));
    MPROC_CHECK(keep(mem));
    MPROC_CHECK(queue_up(mem));
    apr_pool_destroy(mem);
    return 0;
}
