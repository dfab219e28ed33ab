/* SPDX-License-Identifier: Apache-2.0 */

#include "plot.h"

#include <stdarg.h>
#include <stdlib.h>

/* The picture, in its own units: a column of the terminal is 6 wide. */
#define WIDTH 480
#define LEFT 62
#define COLUMN 6
#define ROW 20
#define AXIS 48

/* Every how many columns there is a number. */
#define TICK 8

static const char begin_svg[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
    "font-size=\"12\"\n"
    "     font-family=\"system-ui, sans-serif\">\n"
    "<title>%s</title>\n"
    "<style>\n"
    "text { fill: #1f2328; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }\n"
    ".paper { fill: #ffffff } .line { stroke: #d0d7de } .cut { fill: #cf222e }\n"
    ".part { fill: #0969da } .rest { fill: #9cc8f5 }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  text { fill: #e6edf3; stroke: #0d1117 }\n"
    "  .paper { fill: #0d1117 } .line { stroke: #30363d } .cut { fill: #f85149 }\n"
    "  .part { fill: #4493f8 } .rest { fill: #1f4b80 }\n"
    "}\n"
    "</style>\n"
    "<rect class=\"paper\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n";

static void draw_text(plot_t *plot, int x, const char *anchor, const char *text)
{
    fprintf(plot->picture, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, plot->y,
            anchor, text);
}

/* A piece of a bar, from one column to another. */
static void draw_piece(plot_t *plot, const char *kind, double begin, double end)
{
    fprintf(plot->picture,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"12\"/>\n", kind,
            LEFT + begin * COLUMN, plot->y - 10, (end - begin) * COLUMN);
}

void plot_begin(plot_t *plot, const char *path, const char *title, const char *labels, int axes,
                int bars)
{
    int height = 34 + axes * (AXIS + bars * ROW);

    plot->picture = fopen(path, "w");
    if (plot->picture == NULL) {
        printf("%s cannot be written\n", path);
        exit(1);
    }
    plot->labels = labels;
    plot->bars = bars;
    plot->y = 22;
    fprintf(plot->picture, begin_svg, WIDTH, height, title, WIDTH, height);
    fprintf(plot->picture, "<g font-size=\"14\" font-weight=\"bold\">");
    draw_text(plot, WIDTH / 2, "middle", title);
    fprintf(plot->picture, "</g>\n");
    printf("%s\n", title);
}

/* The two parts of a bar, with their names. */
static void draw_legend(plot_t *plot, const char *part, const char *rest)
{
    printf(": # %s, = %s", part, rest);
    draw_piece(plot, "part", 25, 27);
    draw_text(plot, LEFT + 28 * COLUMN, "start", part);
    draw_piece(plot, "rest", 39, 41);
    draw_text(plot, LEFT + 42 * COLUMN, "start", rest);
}

static void draw_tick(plot_t *plot, int column)
{
    char number[32];

    snprintf(number, sizeof number, "%g", column * plot->unit);
    printf(column < PLOT_COLUMNS ? "%-*s" : "%.*s\n", TICK, number);
    draw_text(plot, LEFT + column * COLUMN, "middle", number);
    fprintf(plot->picture, "<path class=\"line\" d=\"M%d %dv%d\"/>\n", LEFT + column * COLUMN,
            plot->y + 5, plot->bars * ROW);
}

void plot_axis(plot_t *plot, const char *title, const char *part, const char *rest, double unit)
{
    int column;

    plot->unit = unit;
    plot->y += 28;
    printf("\n%s", title);
    draw_text(plot, 8, "start", title);
    if (rest != NULL)
        draw_legend(plot, part, rest);
    printf("\n%-9s", plot->labels);
    plot->y += 18;
    draw_text(plot, 8, "start", plot->labels);
    for (column = 0; column <= PLOT_COLUMNS; column += TICK)
        draw_tick(plot, column);
}

static double at_most(double value, double most)
{
    return value < most ? value : most;
}

void plot_bar(plot_t *plot, const char *label, double part, double all, const char *format, ...)
{
    char note[64];
    va_list values;
    double end = at_most(all / plot->unit, PLOT_COLUMNS);
    double middle = at_most(part / plot->unit, end);
    int is_cut = all / plot->unit > PLOT_COLUMNS, column;

    va_start(values, format);
    vsnprintf(note, sizeof note, format, values);
    va_end(values);
    printf("%8s|", label);
    for (column = 0; column < PLOT_COLUMNS; column++)
        putchar(column >= end ? ' ' : column + 0.5 < middle || middle >= end ? '#' : '=');
    printf("%c %s\n", is_cut ? '>' : ' ', note);

    plot->y += ROW;
    draw_text(plot, LEFT - 6, "end", label);
    draw_piece(plot, "part", 0, middle);
    draw_piece(plot, "rest", middle, end);
    if (is_cut)
        fprintf(plot->picture, "<path class=\"cut\" d=\"M%d %dl10 6l-10 6z\"/>\n",
                LEFT + PLOT_COLUMNS * COLUMN, plot->y - 10);
    draw_text(plot, LEFT + (int)(end * COLUMN) + (is_cut ? 14 : 6), "start", note);
}

void plot_end(plot_t *plot)
{
    fprintf(plot->picture, "</svg>\n");
    if (ferror(plot->picture) || fclose(plot->picture) != 0) {
        printf("the picture cannot be written\n");
        exit(1);
    }
}
