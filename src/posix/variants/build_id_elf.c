/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ELF systems: the linker's --build-id is a note in the loaded program, so it
 * is right whatever the executable's file is called by now, and under tools
 * that load the program themselves.
 */

#include "internal.h"

#include <link.h>
#include <string.h>

typedef struct search_t {
    unsigned char *id;
    int is_found;
} search_t;

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

static int is_build_id(const ElfW(Nhdr) * note, const char *name)
{
    return note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof "GNU" &&
           memcmp(name, "GNU", sizeof "GNU") == 0;
}

static void search_notes(search_t *search, const char *notes, size_t size)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)notes;
        const char *name = notes + sizeof *note;
        size_t whole = sizeof *note + padded(note->n_namesz) + padded(note->n_descsz);

        if (whole > size)
            return;
        if (is_build_id(note, name)) {
            size_t length =
                note->n_descsz < PORT_BUILD_ID_SIZE ? note->n_descsz : PORT_BUILD_ID_SIZE;
            memset(search->id, 0, PORT_BUILD_ID_SIZE);
            memcpy(search->id, name + padded(note->n_namesz), length);
            search->is_found = 1;
            return;
        }
        notes += whole;
        size -= whole;
    }
}

/* Called for the program first, then for each library: only the first counts. */
static int search_program(struct dl_phdr_info *object, size_t size, void *data)
{
    int i;

    (void)size;
    for (i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_NOTE)
            search_notes(data, (const char *)object->dlpi_addr + part->p_vaddr, part->p_memsz);
    }
    return 1;
}

apr_status_t posix_image_build_id(unsigned char id[PORT_BUILD_ID_SIZE])
{
    search_t search = {id, 0};

    dl_iterate_phdr(search_program, &search);
    return search.is_found ? APR_SUCCESS : APR_ENOENT;
}
