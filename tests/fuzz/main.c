/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The short run of a fuzzer, with any compiler: every file of its corpus as it is, and changed in
 * ways that are the same in each run.  MPROC_TEST_SCALE makes it longer.
 */

#include "fuzz.h"

#include <apr_file_info.h>
#include <apr_file_io.h>

#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX 8192
#ifndef CHANGED_INPUTS
#define CHANGED_INPUTS 10000 /* of each file */
#endif

typedef struct input_t {
    unsigned char bytes[INPUT_MAX];
    size_t size;
} input_t;

/* -- Chance that is none ---------------------------------------------------------- */

static apr_uint64_t chance;

/* Knuth's multiplier (MMIX); the low bits of it are poor. */
static size_t any_below(size_t bound)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(chance >> 33) % bound;
}

/* What sizes, counts and indexes are most often wrong by. */
static apr_uint64_t any_number(void)
{
    static const apr_uint64_t numbers[] = {0,
                                           1,
                                           7,
                                           8,
                                           16,
                                           17,
                                           255,
                                           256,
                                           0x7fffffff,
                                           0xffffffff,
                                           (apr_uint64_t)1 << 61,
                                           INT64_MAX,
                                           (apr_uint64_t)1 << 63,
                                           UINT64_MAX - 7,
                                           UINT64_MAX};

    return numbers[any_below(sizeof numbers / sizeof numbers[0])];
}

/* -- Changes ------------------------------------------------------------------------ */

static void change_a_bit(input_t *input)
{
    input->bytes[any_below(input->size)] ^= (unsigned char)(1u << any_below(8));
}

static void change_a_byte(input_t *input)
{
    input->bytes[any_below(input->size)] = (unsigned char)any_below(256);
}

static size_t any_place_of_a_number(const input_t *input)
{
    return 8 * any_below(input->size / 8);
}

static void change_a_number(input_t *input)
{
    if (input->size >= 8)
        mproc__put_u64(input->bytes + any_place_of_a_number(input), any_number());
}

/* The low byte is a type, and the rest a size. */
static void change_a_header(input_t *input)
{
    if (input->size >= 8)
        mproc__put_u64(input->bytes + any_place_of_a_number(input), any_below(12) | any_number()
                                                                                        << 8);
}

static void cut(input_t *input)
{
    input->size = any_below(input->size) + 1;
}

/* Bytes of the input, put where others were. */
static void copy_a_part(input_t *input)
{
    size_t from = any_below(input->size), to = any_below(input->size);
    size_t most = input->size - (from > to ? from : to);

    memmove(input->bytes + to, input->bytes + from, any_below(most) + 1);
}

/* The end once more. */
static void lengthen(input_t *input)
{
    size_t more = any_below(input->size) + 1;

    if (more > INPUT_MAX - input->size)
        return;
    memcpy(input->bytes + input->size, input->bytes + input->size - more, more);
    input->size += more;
}

static void change(input_t *input)
{
    static void (*const changes[])(input_t *) = {
        change_a_bit, change_a_byte, change_a_number, change_a_header, cut, copy_a_part, lengthen,
    };
    size_t times = any_below(4) + 1;

    for (; times > 0; times--)
        changes[any_below(sizeof changes / sizeof changes[0])](input);
}

/* -- Files --------------------------------------------------------------------------- */

static void read_file(input_t *input, const char *path, apr_pool_t *mem)
{
    apr_file_t *file;

    assert_success(apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, mem));
    input->size = INPUT_MAX;
    if (apr_file_read(file, input->bytes, &input->size) != APR_SUCCESS)
        input->size = 0;
    apr_file_close(file);
}

/* A block of just its size, so that a sanitizer sees the end. */
static void try_input(const input_t *input)
{
    unsigned char *bytes = malloc(input->size > 0 ? input->size : 1);

    assert_non_null(bytes);
    memcpy(bytes, input->bytes, input->size);
    LLVMFuzzerTestOneInput(bytes, input->size);
    free(bytes);
}

static int test_scale(void)
{
    const char *text = getenv("MPROC_TEST_SCALE");
    int scale = text != NULL ? atoi(text) : 1;

    return scale > 0 ? scale : 1;
}

/* Each file begins with the same chance, so that no file changes what is done with another. */
static void try_file(const char *path, apr_pool_t *mem)
{
    static input_t input, changed;
    int i, count = CHANGED_INPUTS * test_scale();

    read_file(&input, path, mem);
    printf("%s\n", path); /* the last line tells what failed */
    fflush(stdout);
    try_input(&input);
    for (i = 0, chance = 1; input.size > 0 && i < count; i++) {
        changed = input;
        change(&changed);
        try_input(&changed);
    }
}

int main(void)
{
    apr_pool_t *mem;
    apr_dir_t *folder;
    apr_finfo_t file;
    int files = 0;

    apr_initialize();
    assert_success(apr_pool_create(&mem, NULL));
    assert_success(apr_dir_open(&folder, CORPUS, mem));
    while (apr_dir_read(&file, APR_FINFO_NAME | APR_FINFO_TYPE, folder) == APR_SUCCESS)
        if (file.filetype == APR_REG) {
            try_file(apr_pstrcat(mem, CORPUS "/", file.name, NULL), mem);
            files++;
        }
    apr_dir_close(folder);
    assert_true(files > 0);
    apr_pool_destroy(mem);
    return 0;
}
