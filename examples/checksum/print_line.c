/* SPDX-License-Identifier: Apache-2.0 */

#include "print_line.h"

#include <stdio.h>
#include <string.h>

static const char escaped[] = "\\\n\r";

/* So that a line is a line: a name with such characters is escaped, and a backslash says so. */
void print_line(const unsigned char checksum[SHA256_SIZE], const char *path)
{
    int i;

    if (strpbrk(path, escaped) != NULL)
        putchar('\\');
    for (i = 0; i < SHA256_SIZE; i++)
        printf("%02x", checksum[i]);
    printf("  ");
    for (; *path != '\0'; path++) {
        if (strchr(escaped, *path) == NULL)
            putchar(*path);
        else
            printf("\\%c", *path == '\\' ? '\\' : *path == '\n' ? 'n' : 'r');
    }
    putchar('\n');
}
