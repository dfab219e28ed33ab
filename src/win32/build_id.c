/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The build id, from the headers of the loaded program ("PE Format"): the
 * linker's own identifier (the CodeView record, which --build-id and /DEBUG
 * make), else its time stamp and sizes.  ImageBase is left out, as the loader
 * writes the address it has chosen into it.
 */

#include "internal.h"

#include <assert.h>

#define CODEVIEW_SIGNATURE 0x53445352 /* "RSDS" */

typedef struct codeview_t {
    DWORD signature;
    BYTE guid[16];
    DWORD age;
} codeview_t;

typedef struct summary_t {
    DWORD time, checksum, image_size, code_size, entry;
    uint64_t sections;
} summary_t;

static_assert(sizeof(codeview_t) - sizeof(DWORD) <= PORT_BUILD_ID_SIZE,
              "a build id has room for a CodeView one");
static_assert(sizeof(summary_t) <= PORT_BUILD_ID_SIZE, "a build id has room for a summary");

static const IMAGE_NT_HEADERS *headers_of(const BYTE *image)
{
    return (const void *)(image + ((const IMAGE_DOS_HEADER *)(const void *)image)->e_lfanew);
}

static const codeview_t *find_codeview(const BYTE *image)
{
    const IMAGE_OPTIONAL_HEADER *header = &headers_of(image)->OptionalHeader;
    const IMAGE_DATA_DIRECTORY *place = &header->DataDirectory[IMAGE_DIRECTORY_ENTRY_DEBUG];
    const IMAGE_DEBUG_DIRECTORY *entry = (const void *)(image + place->VirtualAddress);
    const IMAGE_DEBUG_DIRECTORY *end = entry + place->Size / sizeof *entry;
    const codeview_t *record;

    if (header->NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_DEBUG || place->VirtualAddress == 0)
        return NULL;
    for (; entry < end; entry++) {
        record = (const void *)(image + entry->AddressOfRawData);
        if (entry->Type == IMAGE_DEBUG_TYPE_CODEVIEW && entry->AddressOfRawData != 0 &&
            entry->SizeOfData >= sizeof *record && record->signature == CODEVIEW_SIGNATURE)
            return record;
    }
    return NULL;
}

/*
 * FNV-1a over the section table: two builds of one second and one size still differ there at
 * times.
 */
static uint64_t hash_sections(const IMAGE_NT_HEADERS *headers)
{
    const BYTE *byte = (const void *)IMAGE_FIRST_SECTION(headers);
    const BYTE *end = byte + headers->FileHeader.NumberOfSections * sizeof(IMAGE_SECTION_HEADER);
    uint64_t hash = 14695981039346656037u;

    while (byte < end)
        hash = (hash ^ *byte++) * 1099511628211u;
    return hash;
}

static void summarize(unsigned char *id, const IMAGE_NT_HEADERS *headers)
{
    summary_t summary;

    memset(&summary, 0, sizeof summary);
    summary.time = headers->FileHeader.TimeDateStamp;
    summary.checksum = headers->OptionalHeader.CheckSum;
    summary.image_size = headers->OptionalHeader.SizeOfImage;
    summary.code_size = headers->OptionalHeader.SizeOfCode;
    summary.entry = headers->OptionalHeader.AddressOfEntryPoint;
    summary.sections = hash_sections(headers);
    memcpy(id, &summary, sizeof summary);
}

apr_status_t port_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable)
{
    const BYTE *image = (const BYTE *)GetModuleHandleW(NULL);
    const codeview_t *codeview = find_codeview(image);

    (void)executable;
    memset(id, 0, PORT_BUILD_ID_SIZE);
    if (codeview != NULL)
        memcpy(id, codeview->guid, sizeof *codeview - sizeof codeview->signature);
    else
        summarize(id, headers_of(image));
    return APR_SUCCESS;
}
