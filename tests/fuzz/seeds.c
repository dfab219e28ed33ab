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
    apr_pool_destroy(mem);
    return 0;
}
