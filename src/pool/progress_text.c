/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The line of a progress bar: parts side by side.  Where a terminal is too narrow
 * for all of them, those go first that one can do without, and the bar is first of all.
 */

#include "progress.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { BAR_LEAST = 5, BAR_MOST = 40, LABEL_MOST = 48 };

typedef struct part_t {
    char text[104]; /* of the label, LABEL_MOST columns of two bytes each, and more */
    int columns;
} part_t;

/* In the order in which they stand. */
enum { LABEL, PERCENT, BAR, COUNTS, RATE, TIME, PARTS };

static int is_finished(const mproc_progress_t *progress)
{
    return progress->done >= progress->total;
}

static double share_done(const mproc_progress_t *progress)
{
    return is_finished(progress) ? 1.0 : (double)progress->done / (double)progress->total;
}

/* -- The label: its bytes may take less columns than they are, and two more than one ------- */

/* Bytes of the character, 1 for what is none; CJK and emoji take two columns, others are counted so. */
static int take_character(const char *text, int *columns)
{
    const unsigned char *in = (const unsigned char *)text;
    int i, length = in[0] < 0xC2 ? 1 : in[0] < 0xE0 ? 2 : in[0] < 0xF0 ? 3 : in[0] < 0xF5 ? 4 : 1;

    for (i = 1; i < length; i++)
        if ((in[i] & 0xC0) != 0x80)
            length = 1;
    *columns = length > 2 ? 2 : 1;
    return length;
}

/* Control characters (a newline, an escape) would leave the line. */
static int is_printable(const char *character, int length)
{
    unsigned char first = (unsigned char)character[0];

    if (length == 2) /* U+0080 to U+009F */
        return first != 0xC2 || (unsigned char)character[1] >= 0xA0;
    return length > 1 || (first >= ' ' && first < 0x7F);
}

static void write_label(part_t *part, const char *label, int most)
{
    size_t size = 0;
    int columns;

    while (label != NULL && *label != '\0') {
        int length = take_character(label, &columns);

        if (part->columns + columns > most)
            break;
        if (is_printable(label, length))
            memcpy(part->text + size, label, (size_t)length);
        else
            part->text[size] = '?';
        size += is_printable(label, length) ? (size_t)length : 1;
        part->columns += is_printable(label, length) ? columns : 1;
        label += length;
    }
    if (size > 0) {
        part->text[size++] = ' ';
        part->columns++;
    }
    part->text[size] = '\0';
}

/* -- The other parts --------------------------------------------------------------------- */

static void measure(part_t *part)
{
    part->columns = (int)strlen(part->text);
}

/* 100 only at the end. */
static void write_percent(part_t *part, const mproc_progress_t *progress)
{
    int percent = (int)(share_done(progress) * 100);

    if (percent > 99 && !is_finished(progress))
        percent = 99;
    snprintf(part->text, sizeof part->text, "%3d%%", percent);
    measure(part);
}

static void write_bar(part_t *part, const mproc_progress_t *progress, int width)
{
    static const char marks[] = "########################################";
    static const char dots[] = "........................................";
    int filled = (int)(share_done(progress) * width);

    assert(width <= BAR_MOST);
    snprintf(part->text, sizeof part->text, " [%.*s%.*s]", filled, marks, width - filled, dots);
    measure(part);
}

/* As wide at the beginning as at the end. */
static void write_counts(part_t *part, const mproc_progress_t *progress)
{
    int width = snprintf(NULL, 0, "%llu", (unsigned long long)progress->total);

    snprintf(part->text, sizeof part->text, "  %*llu/%llu", width,
             (unsigned long long)progress->done, (unsigned long long)progress->total);
    measure(part);
}

/* So that it has three digits when it is rounded to them. */
static int decimals_of(double rate)
{
    if (rate < 9.995)
        return 2;
    return rate < 99.95 ? 1 : 0;
}

/* 1.00k comes after 999. */
static void write_rate(part_t *part, const mproc_progress_t *progress)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    char text[32];
    double rate;

    if (progress->done == 0 || progress->elapsed <= 0)
        return;
    rate = (double)progress->done * 1e6 / (double)progress->elapsed;
    for (; rate >= 999.5 && unit < sizeof units / sizeof units[0] - 1; unit++)
        rate /= 1000;
    if (rate < 0.01)
        snprintf(text, sizeof text, "<0.01/s");
    else
        snprintf(text, sizeof text, "%.*f%s/s", decimals_of(rate), rate, units[unit]);
    snprintf(part->text, sizeof part->text, "  %7s", text);
    measure(part);
}

static void write_duration(char *text, size_t size, double seconds)
{
    long whole = seconds < 1000 * 86400.0 ? (long)seconds : 1000 * 86400L;
    long days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;

    if (days >= 1000)
        snprintf(text, size, ">999d");
    else if (days > 0)
        snprintf(text, size, "%ldd %02ldh", days, hours);
    else if (hours > 0)
        snprintf(text, size, "%ld:%02ld:%02ld", hours, minutes, whole % 60);
    else
        snprintf(text, size, "%ld:%02ld", minutes, whole % 60);
}

/* What is left is never said to be nothing before the end. */
static void write_time(part_t *part, const mproc_progress_t *progress)
{
    double elapsed = (double)progress->elapsed / 1e6;
    char text[32];

    if (is_finished(progress)) {
        write_duration(text, sizeof text, elapsed + 0.5);
        snprintf(part->text, sizeof part->text, "  in %s", text);
    } else if (progress->done > 0 && progress->elapsed > 0) {
        double left = elapsed * (double)(progress->total - progress->done) / (double)progress->done;

        write_duration(text, sizeof text, left + 0.999999);
        snprintf(part->text, sizeof part->text, "  %s left", text);
    }
    measure(part);
}

/* -- The line ----------------------------------------------------------------------------- */

/* Leave parts out until the others fit: how many columns are left over. */
static int choose_parts(part_t parts[PARTS], int room)
{
    static const int by_importance[] = {PERCENT, COUNTS, TIME, LABEL, RATE};
    size_t i;

    for (i = 0; i < sizeof by_importance / sizeof by_importance[0]; i++) {
        part_t *part = &parts[by_importance[i]];

        if (part->columns > room) {
            part->text[0] = '\0';
            part->columns = 0;
        }
        room -= part->columns;
    }
    return room;
}

static void join_parts(mproc__progress_line_t *line, const part_t parts[PARTS])
{
    size_t size = 0;
    int i;

    line->columns = 0;
    for (i = 0; i < PARTS; i++) {
        size_t length = strlen(parts[i].text);

        assert(size + length < sizeof line->text);
        memcpy(line->text + size, parts[i].text, length);
        size += length;
        line->columns += parts[i].columns;
    }
    line->text[size] = '\0';
}

void mproc__progress_write(mproc__progress_line_t *line, const mproc_progress_t *progress,
                           const char *label, int columns)
{
    part_t parts[PARTS] = {{"", 0}};
    int is_log = columns == MPROC__PROGRESS_LOG, label_most = is_log ? LABEL_MOST : columns / 3;
    int room;

    write_label(&parts[LABEL], label, label_most < LABEL_MOST ? label_most : LABEL_MOST);
    write_percent(&parts[PERCENT], progress);
    write_counts(&parts[COUNTS], progress);
    write_rate(&parts[RATE], progress);
    write_time(&parts[TIME], progress);
    room = choose_parts(parts, is_log ? INT_MAX : columns - 1) - (int)strlen(" []");
    if (!is_log && room >= BAR_LEAST)
        write_bar(&parts[BAR], progress, room < BAR_MOST ? room : BAR_MOST);
    join_parts(line, parts);
}
