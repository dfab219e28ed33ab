/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The line of a progress bar.
 */

#include "unit.h"

#include "pool/progress.h"

#define SECONDS(n) ((apr_interval_time_t)((n)*1000000.0))

static mproc__progress_line_t line;

static const char *write_line(apr_uint64_t done, apr_uint64_t total, double seconds,
                              const char *label, int columns)
{
    const mproc_progress_t progress = {done, total, SECONDS(seconds)};

    memset(&line, 'x', sizeof line);
    mproc__progress_write(&line, &progress, label, columns);
    return line.text;
}

/* Where the columns are not what the bytes are, they are said beside. */
static void assert_line(const char *text, int columns)
{
    assert_string_equal(line.text, text);
    assert_int_equal(line.columns, columns);
}

static void nothing_is_done_at_the_beginning(void **state)
{
    (void)state;
    write_line(0, 1000, 0, "squares", 80);
    assert_line("squares   0% [........................................]     0/1000", 66);
}

static void half_is_done(void **state)
{
    (void)state;
    write_line(500, 1000, 5.94, "squares", 80);
    assert_line("squares  50% [################.................]   500/1000   84.2/s  0:06 left",
                79);
}

static void all_is_done(void **state)
{
    (void)state;
    write_line(1000, 1000, 11.9, "squares", 80);
    assert_line("squares 100% [###################################]  1000/1000   84.0/s  in 0:12",
                79);
}

static void nothing_of_nothing_is_all(void **state)
{
    (void)state;
    write_line(0, 0, 0, NULL, 80);
    assert_line("100% [########################################]  0/0  in 0:00", 61);
}

static void the_last_percent_is_for_the_end(void **state)
{
    (void)state;
    write_line(999999, 1000000, 1, NULL, MPROC__PROGRESS_LOG);
    assert_line(" 99%   999999/1000000  1.00M/s  0:01 left", 41);
}

static void what_was_added_meanwhile_is_more_to_do(void **state)
{
    (void)state;
    write_line(5, 4, 1, NULL, MPROC__PROGRESS_LOG);
    assert_line("100%  5/4   5.00/s  in 0:01", 27);
}

static void a_log_has_no_bar(void **state)
{
    (void)state;
    write_line(500, 1000, 5, "squares", MPROC__PROGRESS_LOG);
    assert_line("squares  50%   500/1000    100/s  0:05 left", 43);
}

static void rates_have_three_digits(void **state)
{
    static const struct {
        apr_uint64_t done;
        double seconds;
        const char *rate;
    } cases[] = {{1, 1000, "<0.01/s"},    {1, 100, "0.01/s"},     {5, 10, "0.50/s"},
                 {9994, 1000, "9.99/s"},  {9996, 1000, "10.0/s"}, {842, 10, "84.2/s"},
                 {9996, 100, "100/s"},    {999, 1, "999/s"},      {9996, 10, "1.00k/s"},
                 {12345, 1, "12.3k/s"},   {999400, 1, "999k/s"},  {999600, 1, "1.00M/s"},
                 {10000000, 1, "10.0M/s"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text =
            write_line(cases[i].done, 1000000000, cases[i].seconds, NULL, MPROC__PROGRESS_LOG);
        const char *rate = strstr(text, cases[i].rate);

        assert_non_null(rate);
        assert_true(rate[-1] == ' ');
        assert_true(rate[strlen(cases[i].rate)] == ' ');
    }
}

/* One is done, which took so long; as many are left as are said. */
static void time_left_is_said_in_two_or_three_parts(void **state)
{
    static const struct {
        double seconds;
        apr_uint64_t left;
        const char *text;
    } cases[] = {
        {1, 1, "  0:01 left"},          {0.1, 1, "  0:01 left"},       {1, 59, "  0:59 left"},
        {1, 60, "  1:00 left"},         {1, 3599, "  59:59 left"},     {1, 3600, "  1:00:00 left"},
        {100, 100, "  2:46:40 left"},   {1, 86399, "  23:59:59 left"}, {1, 86400, "  1d 00h left"},
        {1, 1000000, "  11d 13h left"}, {1, 86400000, "  >999d left"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text =
            write_line(1, cases[i].left + 1, cases[i].seconds, NULL, MPROC__PROGRESS_LOG);

        assert_true(strlen(text) > strlen(cases[i].text));
        assert_string_equal(text + strlen(text) - strlen(cases[i].text), cases[i].text);
    }
}

/* Of label, rate, time and bar there is what has room, in this order of need. */
static void a_narrow_terminal_has_less(void **state)
{
    (void)state;
    write_line(500, 1000, 5.94, "squares", 55);
    assert_line("squares  50% [####....]   500/1000   84.2/s  0:06 left", 54);
    write_line(500, 1000, 5.94, "squares", 45);
    assert_line("squares  50%   500/1000   84.2/s  0:06 left", 43);
    write_line(500, 1000, 5.94, "squares", 40);
    assert_line("squares  50%   500/1000  0:06 left", 34);
    write_line(500, 1000, 5.94, "squares", 20);
    assert_line(" 50%   500/1000", 15);
    write_line(5, 10, 5.94, "squares", 20);
    assert_line("square  50%   5/10", 18);
    write_line(500, 1000, 5.94, "squares", 10);
    assert_line("squ  50%", 8);
    write_line(500, 1000, 5.94, "squares", 1);
    assert_line("", 0);
}

static void no_line_is_as_wide_as_the_terminal(void **state)
{
    int columns;

    (void)state;
    for (columns = 1; columns < 200; columns++) {
        write_line(123456, 1234567, 77, "\xE5\xB9\xB3\xE6\x96\xB9 squares and so on", columns);
        assert_true(line.columns < columns);
        write_line(UINT64_MAX - 1, UINT64_MAX, 1e-6, "squares", columns);
        assert_true(line.columns < columns);
    }
}

/* U+00E4 takes one column, and each of the two of "heiho" in Japanese (U+5E73 U+65B9) two. */
static void a_label_in_another_script_is_measured(void **state)
{
    (void)state;
    write_line(1, 2, 1, "z\xC3\xA4hlen", MPROC__PROGRESS_LOG);
    assert_line("z\xC3\xA4hlen  50%  1/2   1.00/s  0:01 left", 36);
    write_line(1, 2, 1, "\xE5\xB9\xB3\xE6\x96\xB9", MPROC__PROGRESS_LOG);
    assert_line("\xE5\xB9\xB3\xE6\x96\xB9  50%  1/2   1.00/s  0:01 left", 34);
}

static void a_long_label_is_cut_between_characters(void **state)
{
    (void)state;
    write_line(1, 2, 0, "\xE5\xB9\xB3\xE6\x96\xB9\xE5\xB9\xB3\xE6\x96\xB9", 22);
    assert_line("\xE5\xB9\xB3\xE6\x96\xB9\xE5\xB9\xB3  50%  1/2", 16);
}

static void what_would_leave_the_line_is_not_in_it(void **state)
{
    (void)state;
    write_line(1, 2, 0, "a\n\x1B[2J\xC2\x9B\x7F\xFFz\xE5\xB9", MPROC__PROGRESS_LOG);
    assert_line("a??[2J???z??  50%  1/2", 22);
}

static void the_longest_line_has_room(void **state)
{
    char label[200];

    (void)state;
    memset(label, 0xC3, sizeof label);
    for (size_t i = 1; i < sizeof label; i += 2)
        label[i] = (char)0xA4;
    label[sizeof label - 2] = '\0';
    write_line(UINT64_MAX - 1, UINT64_MAX, 1e-6, label, 1000);
    assert_true(strlen(line.text) > 180);
    assert_non_null(strstr(line.text, "left"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(nothing_is_done_at_the_beginning),
        claim(half_is_done),
        claim(all_is_done),
        claim(nothing_of_nothing_is_all),
        claim(the_last_percent_is_for_the_end),
        claim(what_was_added_meanwhile_is_more_to_do),
        claim(a_log_has_no_bar),
        claim(rates_have_three_digits),
        claim(time_left_is_said_in_two_or_three_parts),
        claim(a_narrow_terminal_has_less),
        claim(no_line_is_as_wide_as_the_terminal),
        claim(a_label_in_another_script_is_measured),
        claim(a_long_label_is_cut_between_characters),
        claim(what_would_leave_the_line_is_not_in_it),
        claim(the_longest_line_has_room),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
