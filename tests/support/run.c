/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Running a program as a user would.
 */

#include "run.h"

#include "claims.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>

/* Enough for every program here; what is longer is cut. */
#define OUTPUT_MAX 65536

/* All of it, with the line ends of C; or "(late)" when somebody holds it open for too long. */
static const char *read_to_end(apr_file_t *file, apr_pool_t *mem)
{
    char *text = apr_palloc(mem, OUTPUT_MAX);
    size_t length = 0;
    char letter;
    apr_status_t rv;

    apr_file_pipe_timeout_set(file, PATIENCE);
    while (length < OUTPUT_MAX - 1 && (rv = apr_file_getc(&letter, file)) == APR_SUCCESS)
        if (letter != '\r')
            text[length++] = letter;
    text[length] = '\0';
    return APR_STATUS_IS_EOF(rv) ? text : "(late)";
}

void run_program(ran_t *ran, const char *const *arguments, apr_pool_t *mem)
{
    apr_procattr_t *attributes;
    apr_proc_t program;
    apr_exit_why_e why;

    assert_success(apr_procattr_create(&attributes, mem));
    assert_success(apr_procattr_io_set(attributes, APR_NO_PIPE, APR_FULL_BLOCK, APR_FULL_BLOCK));
    assert_success(apr_procattr_cmdtype_set(attributes, APR_PROGRAM_ENV));
    assert_success(apr_proc_create(&program, arguments[0], arguments, NULL, attributes, mem));
    ran->output = read_to_end(program.out, mem);
    ran->errors = read_to_end(program.err, mem);
    assert_int_equal(apr_proc_wait(&program, &ran->exitcode, &why, APR_WAIT), APR_CHILD_DONE);
}
