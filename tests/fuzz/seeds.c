/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes what the fuzzers begin with: real messages, made by the library's own writers.
 *
 *     fuzz_seeds tests/fuzz/corpus
 */

#include "../unit/unit.h"

#include "bootstrap.h"
#include "frame.h"

#include <apr_file_io.h>

static const char *corpus;

/* The buffer is freed. */
static void keep(const char *decoder, const char *name, mproc__buffer_t *message, apr_pool_t *mem)
{
    const char *path = apr_pstrcat(mem, corpus, "/", decoder, "/seed-", name, NULL);
    apr_file_t *file;

    assert_success(apr_file_open(
        &file, path, APR_FOPEN_CREATE | APR_FOPEN_WRITE | APR_FOPEN_TRUNCATE | APR_FOPEN_BINARY,
        APR_FPROT_OS_DEFAULT, mem));
    assert_success(apr_file_write_full(file, message->bytes, message->size, NULL));
    assert_success(apr_file_close(file));
    mproc__buffer_free(message);
}

/* -- Values --------------------------------------------------------------------------- */

static void keep_values(const char *name, const mproc_pack_t *pack, apr_pool_t *mem)
{
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__handles_t handles = {{0}, 0};

    assert_success(mproc__pack_encode(&message, &handles, pack));
    keep("values", name, &message, mem);
}

static void keep_all_values(apr_pool_t *mem)
{
    stand_in_t one = {5, 1, "read ahead", 10}, other = {6, 2, "", 0};

    keep_values("nothing", MPROC_NO_ARGS, mem);
    keep_values("none", MPROC_PACK(MPROC_NONE, MPROC_BOOL(0), MPROC_BOOL(1)), mem);
    keep_values("numbers", MPROC_PACK(-1, 300, INT64_MIN, (apr_uint64_t)UINT64_MAX, 2.5), mem);
    keep_values("strings", MPROC_PACK("", "a word", "eight by"), mem);
    keep_values("bytes", MPROC_PACK(MPROC_BYTES("\0\1\2", 3), MPROC_BYTES(NULL, 0)), mem);
    keep_values("sixteen", MPROC_PACK(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), mem);
    keep_values("packs", MPROC_PACK("outer", MPROC_PACK("inner", MPROC_PACK(1, "deep"))), mem);
    keep_values("deepest", make_deep_pack(MPROC_PACK_DEPTH_MAX, mem), mem);
    keep_values("objects", MPROC_PACK(as_object(&one), MPROC_PACK(as_object(&other))), mem);
}

/* -- Start messages -------------------------------------------------------------------- */

static void keep_start(const char *name, const char *method, const mproc_pack_t *args,
                       apr_pool_t *mem)
{
    static const port_handle_t numbers[] = {5, 6};
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__handles_t handles = {{0}, 0};
    mproc__start_t start = {
        .token = "0123456789abcdef0123456789abcdef",
        .build_id = {"\x01\x02\x00\x04\x05\x06\x07\x08", 8},
        .fingerprint = UINT64_MAX,
        .target = 7,
        .target_name = "count_words",
        .name = "Process-1",
        .identity = "1:2",
        .parent_name = "MainProcess",
        .parent_pid = 4321,
        .is_daemon = 1,
        .method = method,
        .context = "",
        .args = args,
    };

    assert_success(mproc__start_encode(&message, &handles, &start));
    assert_true(handles.count <= 2);
    mproc__start_number(&message, numbers, handles.count);
    keep("start", name, &message, mem);
}

static void keep_all_starts(apr_pool_t *mem)
{
    stand_in_t one = {5, 1, "read ahead", 10}, other = {6, 2, "", 0};

    keep_start("without-arguments", "spawn", MPROC_NO_ARGS, mem);
    keep_start("arguments", "fork", MPROC_PACK("path", 42, MPROC_PACK(MPROC_BYTES("..", 2))), mem);
    keep_start("objects", "spawn", MPROC_PACK(as_object(&one), MPROC_PACK(as_object(&other))), mem);
}

/* -- Reports and headers --------------------------------------------------------------- */

static void keep_report(const char *name, mproc__outcome_t outcome, apr_status_t status,
                        const char *words, apr_pool_t *mem)
{
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__report_t report = {outcome, status, words};

    assert_success(mproc__report_encode(&message, &report));
    keep("report", name, &message, mem);
}

static void keep_all_reports(apr_pool_t *mem)
{
    keep_report("success", MPROC__RETURNED, APR_SUCCESS, "", mem);
    keep_report("failure", MPROC__RETURNED, MPROC_ETYPE, "value 1 is a string", mem);
    keep_report("exit", MPROC__EXITED, 0, "", mem);
    keep_report("refusal", MPROC__REFUSED, MPROC_EHANDSHAKE, "another build", mem);
}

static void keep_frame(const char *name, apr_uint64_t size, apr_pool_t *mem)
{
    unsigned char header[MPROC__FRAME_LONG];
    mproc__buffer_t message = {NULL, 0, 0};

    assert_success(
        mproc__buffer_append(&message, header, mproc__frame_write(header, (size_t)size)));
    keep("frame", name, &message, mem);
}

/* The note is empty here; a port that writes one finds its own way. */
static void keep_frame_with_handles(apr_pool_t *mem)
{
    unsigned char frame[MPROC__FRAME_HANDLES], header[MPROC__FRAME_LONG];
    mproc__buffer_t message = {NULL, 0, 0};

    mproc__frame_write_handles(frame, 2);
    assert_success(mproc__buffer_append(&message, frame, sizeof frame));
    assert_success(mproc__buffer_append(&message, header, mproc__frame_write(header, 8)));
    keep("frame", "handles", &message, mem);
}

/* -- Rings -------------------------------------------------------------------------------- */

/* What ring.c does, by the numbers that it gives to its actions: each with two numbers. */
static void keep_ring(const char *name, const apr_uint64_t (*steps)[3], size_t count,
                      apr_pool_t *mem)
{
    mproc__buffer_t message = {NULL, 0, 0};
    unsigned char step[16];
    size_t i;

    for (i = 0; i < count; i++) {
        mproc__put_u64(step, steps[i][0] | steps[i][1] << 8);
        mproc__put_u64(step + 8, steps[i][2]);
        assert_success(mproc__buffer_append(&message, step, sizeof step));
    }
    keep("ring", name, &message, mem);
}

#define KEEP_RING(name, mem, ...)                                                                  \
    do {                                                                                           \
        static const apr_uint64_t steps[][3] = {__VA_ARGS__};                                      \
        keep_ring(name, steps, sizeof steps / sizeof steps[0], mem);                               \
    } while (0)

enum {
    PUT,
    PUT_DEAD,
    GET,
    ASK,
    SHUT,
    HARM_RING,
    HARM_TABLE,
    HARM_DATA,
    HARM_HEAD,
    HARM_TAIL,
    HARM_RECORD
};

static void keep_all_rings(apr_pool_t *mem)
{
    KEEP_RING("sound", mem, {PUT, 5, 0}, {PUT, 1016, 0}, {PUT, 0, 0}, {ASK, 0, 0}, {GET, 4, 0},
              {GET, 5, 0}, {GET, 2000, 0}, {ASK, 0, 0}, {GET, 0, 0}, {GET, 0, 0}, {PUT, 9000, 0},
              {PUT, 2000, 0}, {GET, 100, 0}, {GET, 2000, 0}, {SHUT, 0, 0}, {GET, 1, 0});
    KEEP_RING("full", mem, {PUT, 1016, 0}, {PUT, 1016, 0}, {PUT, 1016, 0}, {PUT, 1008, 0},
              {PUT, 8, 0}, {ASK, 0, 0}, {SHUT, 1, 0}, {GET, 9, 0}, {PUT, 1, 0}, {ASK, 0, 0});
    KEEP_RING("dead", mem, {PUT, 16, 0}, {PUT_DEAD, 2000, 0}, {GET, 3000, 0}, {GET, 3000, 0});
    KEEP_RING("indexes", mem, {PUT, 16, 0}, {HARM_TAIL, 4096, 0}, {GET, 99, 0}, {HARM_HEAD, 64, 0},
              {PUT, 99, 0}, {HARM_HEAD, 8, 1}, {GET, 99, 0}, {HARM_TAIL, 8, 1}, {PUT, 9, 0});
    KEEP_RING("records", mem, {PUT, 64, 0}, {HARM_RECORD, 2, 8}, {GET, 99, 0}, {PUT, 2000, 0},
              {HARM_RECORD, 3, 64}, {GET, 4000, 0}, {HARM_RECORD, 1, 0xffffffff}, {GET, 9999, 0});
    KEEP_RING("pieces", mem, {PUT, 2000, 0}, {HARM_DATA, 1, 8}, {GET, 99, 0}, {HARM_DATA, 2, 9},
              {GET, 3000, 0}, {HARM_DATA, 2, 0x4000001f8}, {GET, 3000, 0}, {ASK, 0, 0});
    KEEP_RING("ring", mem, {PUT, 64, 0}, {HARM_RING, 1, 77}, {HARM_RING, 17, 78}, {GET, 99, 0},
              {HARM_RING, 64, 1}, {PUT, 9, 0}, {HARM_RING, 66, UINT64_MAX}, {PUT, 9, 0},
              {GET, 99, 0});
    KEEP_RING("table", mem, {PUT, 64, 0}, {HARM_TABLE, 0, UINT64_MAX}, {HARM_TABLE, 16, 77},
              {HARM_TABLE, 19, UINT64_MAX}, {HARM_TABLE, 32, 1}, {GET, 99, 0}, {ASK, 0, 0});
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;

    apr_initialize();
    register_stand_ins();
    assert_true(argc == 2);
    corpus = argv[1];
    assert_success(apr_pool_create(&mem, NULL));
    keep_all_values(mem);
    keep_all_starts(mem);
    keep_all_reports(mem);
    keep_frame("short", 64, mem);
    keep_frame("long", 0x80000000, mem);
    keep_frame_with_handles(mem);
    keep_all_rings(mem);
    apr_pool_destroy(mem);
    return 0;
}
