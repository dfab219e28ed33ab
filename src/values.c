/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packed values: the writer and the reader of the format described in values.h.
 */

#include "values.h"

#include <apr_strings.h>

#include <string.h>

/* A child's arguments lie one pack deeper than a message's, in the start message. */
#define READ_DEPTH_MAX (MPROC_PACK_DEPTH_MAX + 1)

static const mproc__object_kind_t *object_kinds[MPROC_TYPE_CHANNEL + 1];

void mproc__object_kind_register(mproc_type_t type, const mproc__object_kind_t *kind)
{
    object_kinds[type] = kind;
}

int mproc__object_kind_is_registered(mproc_type_t type)
{
    return object_kinds[type] != NULL;
}

static int is_object(mproc_type_t type)
{
    return type >= MPROC_TYPE_CONNECTION && type <= MPROC_TYPE_CHANNEL;
}

const char *mproc__type_name(mproc_type_t type)
{
    switch (type) {
    case MPROC_TYPE_NONE: return "nothing";
    case MPROC_TYPE_BOOL: return "a truth value";
    case MPROC_TYPE_INTEGER: return "an integer";
    case MPROC_TYPE_UNSIGNED: return "an unsigned integer";
    case MPROC_TYPE_REAL: return "a floating-point number";
    case MPROC_TYPE_STRING: return "a string";
    case MPROC_TYPE_BYTES: return "bytes";
    case MPROC_TYPE_PACK: return "a pack";
    case MPROC_TYPE_CONNECTION: return "a connection";
    case MPROC_TYPE_QUEUE: return "a queue";
    case MPROC_TYPE_SHARED_MEMORY: return "shared memory";
    case MPROC_TYPE_LOCK: return "a lock";
    case MPROC_TYPE_SEMAPHORE: return "a semaphore";
    case MPROC_TYPE_EVENT: return "an event";
    case MPROC_TYPE_CONDITION: return "a condition";
    case MPROC_TYPE_BARRIER: return "a barrier";
    case MPROC_TYPE_RWLOCK: return "a lock for readers and writers";
    case MPROC_TYPE_ARRAY: return "a shared array or value";
    case MPROC_TYPE_CHANNEL: return "a channel";
    }
    return "something unknown";
}

void mproc__put_u64(unsigned char bytes[8], apr_uint64_t number)
{
    int i;

    for (i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
}

apr_uint64_t mproc__get_u64(const unsigned char bytes[8])
{
    apr_uint64_t number = 0;
    int i;

    for (i = 7; i >= 0; i--)
        number = number << 8 | bytes[i];
    return number;
}

/* -- Writing ----------------------------------------------------------------- */

typedef struct writer_t {
    mproc__buffer_t *buffer;
    mproc__handles_t *handles;
} writer_t;

static apr_status_t write_pack(writer_t *writer, const mproc_pack_t *pack, int depth);

static apr_status_t write_number(writer_t *writer, apr_uint64_t number)
{
    unsigned char bytes[8];

    mproc__put_u64(bytes, number);
    return mproc__buffer_append(writer->buffer, bytes, sizeof bytes);
}

static apr_status_t write_header(writer_t *writer, mproc_type_t type, size_t size)
{
    return write_number(writer, (apr_uint64_t)type | (apr_uint64_t)size << 8);
}

static apr_status_t write_scalar(writer_t *writer, mproc_type_t type, apr_uint64_t number)
{
    apr_status_t rv = write_header(writer, type, 0);

    return rv == APR_SUCCESS ? write_number(writer, number) : rv;
}

static apr_status_t write_real(writer_t *writer, double real)
{
    apr_uint64_t bits;

    _Static_assert(sizeof bits == sizeof real, "double is IEEE 754 binary64 wherever mproc runs");
    memcpy(&bits, &real, sizeof bits);
    return write_scalar(writer, MPROC_TYPE_REAL, bits);
}

/* `size` bytes that the reader will count, and `uncounted` ones behind them. */
static apr_status_t write_bytes(writer_t *writer, mproc_type_t type, const void *data, size_t size,
                                size_t uncounted)
{
    apr_status_t rv = write_header(writer, type, size);

    if (rv == APR_SUCCESS)
        rv = mproc__buffer_append(writer->buffer, data, size + uncounted);
    if (rv == APR_SUCCESS)
        rv = mproc__buffer_pad(writer->buffer);
    return rv;
}

/* The header is written again once the size of what follows is known. */
static apr_status_t write_inner_pack(writer_t *writer, const mproc_pack_t *pack, int depth)
{
    size_t start = writer->buffer->size, size;
    apr_status_t rv = write_header(writer, MPROC_TYPE_PACK, 0);

    if (rv == APR_SUCCESS)
        rv = write_pack(writer, pack, depth + 1);
    if (rv != APR_SUCCESS)
        return rv;
    size = writer->buffer->size - start - 8;
    mproc__put_u64(writer->buffer->bytes + start, MPROC_TYPE_PACK | (apr_uint64_t)size << 8);
    return APR_SUCCESS;
}

static apr_status_t write_shared(writer_t *writer, mproc_type_t type, const mproc__shared_t *shared)
{
    mproc__handles_t *handles = writer->handles;

    if (shared->nhandles > MPROC__HANDLES_MAX - handles->count)
        return mproc_error_set(APR_EINVAL, "the objects in one pack have more than %d handles",
                               MPROC__HANDLES_MAX);
    MPROC_TRY(write_header(writer, type, shared->data.size));
    MPROC_TRY(write_number(writer, handles->count | (apr_uint64_t)shared->nhandles << 16 |
                                       (apr_uint64_t)shared->detail << 32));
    MPROC_TRY(mproc__buffer_append(writer->buffer, shared->data.data, shared->data.size));
    MPROC_TRY(mproc__buffer_pad(writer->buffer));
    memcpy(handles->handles + handles->count, shared->handles,
           shared->nhandles * sizeof shared->handles[0]);
    handles->count += shared->nhandles;
    return APR_SUCCESS;
}

static apr_status_t write_object(writer_t *writer, const mproc_value_t *value)
{
    mproc__shared_t shared = {.nhandles = 0};

    if (writer->handles == NULL)
        return mproc_error_set(MPROC_ENOTSHAREABLE,
                               "%s cannot travel this way; send it through a connection, or "
                               "give it to a child in its arguments",
                               mproc__type_name(value->type));
    if (object_kinds[value->type] == NULL)
        return mproc_error_set(MPROC_EBOOTSTRAP, "mproc_init has not been called");
    MPROC_TRY(object_kinds[value->type]->share(value->as.object, &shared));
    return write_shared(writer, value->type, &shared);
}

static apr_status_t refuse_null(size_t position, mproc_type_t type)
{
    return mproc_error_set(APR_EINVAL,
                           "value %d is NULL where %s is expected; MPROC_NONE stands for nothing",
                           (int)position, mproc__type_name(type));
}

static apr_status_t write_value(writer_t *writer, const mproc_value_t *value, size_t position,
                                int depth)
{
    switch (value->type) {
    case MPROC_TYPE_NONE: return write_header(writer, MPROC_TYPE_NONE, 0);
    case MPROC_TYPE_BOOL: return write_header(writer, MPROC_TYPE_BOOL, value->as.integer != 0);
    case MPROC_TYPE_INTEGER:
    case MPROC_TYPE_UNSIGNED: return write_scalar(writer, value->type, value->as.unsigned_integer);
    case MPROC_TYPE_REAL: return write_real(writer, value->as.real);
    case MPROC_TYPE_STRING:
        if (value->as.string == NULL)
            return refuse_null(position, value->type);
        return write_bytes(writer, MPROC_TYPE_STRING, value->as.string, strlen(value->as.string),
                           1);
    case MPROC_TYPE_BYTES:
        if (value->as.bytes.data == NULL && value->as.bytes.size > 0)
            return refuse_null(position, value->type);
        return write_bytes(writer, MPROC_TYPE_BYTES, value->as.bytes.data, value->as.bytes.size, 0);
    case MPROC_TYPE_PACK: return write_inner_pack(writer, value->as.pack, depth);
    default:
        if (!is_object(value->type))
            break;
        if (value->as.object == NULL)
            return refuse_null(position, value->type);
        return write_object(writer, value);
    }
    return mproc_error_set(APR_EINVAL, "value %d is of no type that can be packed", (int)position);
}

static apr_status_t write_pack(writer_t *writer, const mproc_pack_t *pack, int depth)
{
    size_t count = pack != NULL ? pack->count : 0, i;
    apr_status_t rv;

    if (count > MPROC_PACK_MAX)
        return mproc_error_set(MPROC_ECOUNT, "a pack of %llu values; it holds at most %d",
                               (unsigned long long)count, MPROC_PACK_MAX);
    if (depth > MPROC_PACK_DEPTH_MAX)
        return mproc_error_set(APR_EINVAL, "packs lie more than %d deep in packs",
                               MPROC_PACK_DEPTH_MAX);
    rv = write_number(writer, count);
    for (i = 0; rv == APR_SUCCESS && i < count; i++)
        rv = write_value(writer, &pack->values[i], i + 1, depth);
    return rv;
}

apr_status_t mproc__pack_encode(mproc__buffer_t *buffer, mproc__handles_t *handles,
                                const mproc_pack_t *pack)
{
    return mproc__pack_encode_around(buffer, handles, pack, 0);
}

apr_status_t mproc__pack_encode_around(mproc__buffer_t *buffer, mproc__handles_t *handles,
                                       const mproc_pack_t *pack, int layers)
{
    writer_t writer = {buffer, handles};
    size_t start = buffer->size;
    apr_status_t rv = write_pack(&writer, pack, 1 - layers);

    if (rv == APR_ENOMEM)
        mproc_error_set(rv, "the values are larger than the memory there is");
    if (rv != APR_SUCCESS)
        buffer->size = start;
    return rv;
}

/* -- Reading ----------------------------------------------------------------- */

typedef struct reader_t {
    const unsigned char *bytes; /* aligned to 8 */
    size_t left;
    port_handle_t *handles;
    size_t nhandles;
    apr_pool_t *objects; /* memory of those that are adopted */
} reader_t;

static apr_status_t read_pack(mproc_values_t *values, reader_t *reader, int depth);
static mproc_values_t *create_in(apr_pool_t *mem);

static apr_status_t refuse(const char *what)
{
    return mproc_error_set(MPROC_EPROTOCOL, "the message is not packed values: %s", what);
}

static apr_status_t read_number(reader_t *reader, apr_uint64_t *number)
{
    if (reader->left < 8)
        return refuse("it is cut off");
    *number = mproc__get_u64(reader->bytes);
    reader->bytes += 8;
    reader->left -= 8;
    return APR_SUCCESS;
}

/* Everything left is a multiple of 8, so that what is padded fits if it fits unpadded. */
static apr_status_t read_bytes(reader_t *reader, mproc_bytes_t *bytes, apr_uint64_t size,
                               size_t uncounted)
{
    size_t whole;

    if (size > reader->left || reader->left - size < uncounted)
        return refuse("a size goes beyond its end");
    whole = ((size_t)size + uncounted + 7) & ~(size_t)7;
    bytes->data = reader->bytes;
    bytes->size = (size_t)size;
    reader->bytes += whole;
    reader->left -= whole;
    return APR_SUCCESS;
}

static apr_status_t read_string(reader_t *reader, mproc_value_t *value, apr_uint64_t size)
{
    const char *text = (const char *)reader->bytes;
    mproc_bytes_t bytes;
    apr_status_t rv = read_bytes(reader, &bytes, size, 1);

    if (rv != APR_SUCCESS)
        return rv;
    if (memchr(text, '\0', (size_t)size + 1) != text + size)
        return refuse("a string does not end where it should");
    value->as.string = text;
    return APR_SUCCESS;
}

static apr_status_t read_real(reader_t *reader, mproc_value_t *value)
{
    apr_uint64_t bits;
    apr_status_t rv = read_number(reader, &bits);

    if (rv == APR_SUCCESS)
        memcpy(&value->as.real, &bits, sizeof bits);
    return rv;
}

/* Those of one object, each for the first time. */
static apr_status_t read_handles(mproc__shared_t *shared, const reader_t *reader,
                                 apr_uint64_t number)
{
    size_t first = number & 0xffff, count = number >> 16 & 0xffff, i;

    if (count > MPROC__SHARED_HANDLES_MAX || first > reader->nhandles ||
        count > reader->nhandles - first)
        return refuse("it names an object that did not come with it");
    for (i = 0; i < count; i++)
        if (reader->handles[first + i] == PORT_NO_HANDLE)
            return refuse("it names an object twice");
    if (count > 0)
        memcpy(shared->handles, reader->handles + first, count * sizeof shared->handles[0]);
    shared->nhandles = count;
    return APR_SUCCESS;
}

static void forget_handles(const reader_t *reader, size_t first, size_t count)
{
    while (count-- > 0)
        reader->handles[first + count] = PORT_NO_HANDLE;
}

static apr_status_t read_object(reader_t *reader, mproc_value_t *value, apr_uint64_t size)
{
    mproc__shared_t shared = {.nhandles = 0};
    apr_uint64_t number;

    MPROC_TRY(read_number(reader, &number));
    MPROC_TRY(read_bytes(reader, &shared.data, size, 0));
    if (object_kinds[value->type] == NULL)
        return refuse("it has an object of a kind that cannot travel");
    MPROC_TRY(read_handles(&shared, reader, number));
    shared.detail = (apr_uint32_t)(number >> 32);
    MPROC_TRY(object_kinds[value->type]->adopt(&value->as.object, &shared, reader->objects));
    forget_handles(reader, number & 0xffff, shared.nhandles);
    return APR_SUCCESS;
}

static apr_status_t read_inner_pack(mproc_values_t *values, size_t index, reader_t *reader,
                                    apr_uint64_t size, int depth)
{
    reader_t inside = *reader;
    apr_status_t rv;

    if (size > reader->left || size % 8 != 0)
        return refuse("an inner pack goes beyond its end");
    if (values->inner[index] == NULL)
        values->inner[index] = create_in(values->mem);
    inside.left = (size_t)size;
    rv = read_pack(values->inner[index], &inside, depth + 1);
    if (rv != APR_SUCCESS)
        return rv;
    reader->bytes += size;
    reader->left -= (size_t)size;
    return APR_SUCCESS;
}

static apr_status_t read_value(mproc_values_t *values, size_t index, reader_t *reader, int depth)
{
    mproc_value_t *value = &values->values[index];
    apr_uint64_t header, size;
    apr_status_t rv = read_number(reader, &header);

    if (rv != APR_SUCCESS)
        return rv;
    value->type = (mproc_type_t)(header & 0xff);
    size = header >> 8;
    if (value->type == MPROC_TYPE_STRING)
        return read_string(reader, value, size);
    if (value->type == MPROC_TYPE_BYTES)
        return read_bytes(reader, &value->as.bytes, size, 0);
    if (value->type == MPROC_TYPE_PACK)
        return read_inner_pack(values, index, reader, size, depth);
    if (is_object(value->type))
        return read_object(reader, value, size);
    if (value->type == MPROC_TYPE_BOOL && size <= 1) {
        value->as.integer = (apr_int64_t)size;
        return APR_SUCCESS;
    }
    if (size != 0)
        return refuse("a value has a size that its type has not");
    if (value->type == MPROC_TYPE_NONE)
        return APR_SUCCESS;
    if (value->type == MPROC_TYPE_REAL)
        return read_real(reader, value);
    if (value->type == MPROC_TYPE_INTEGER || value->type == MPROC_TYPE_UNSIGNED)
        return read_number(reader, &value->as.unsigned_integer);
    return refuse("a value has an unknown type");
}

static apr_status_t read_pack(mproc_values_t *values, reader_t *reader, int depth)
{
    apr_uint64_t count;
    apr_status_t rv = read_number(reader, &count);
    size_t i;

    values->count = 0;
    if (rv != APR_SUCCESS)
        return rv;
    if (count > MPROC_PACK_MAX || depth > READ_DEPTH_MAX)
        return refuse("it has too many values, or lies too deep");
    for (i = 0; rv == APR_SUCCESS && i < count; i++)
        rv = read_value(values, i, reader, depth);
    if (rv == APR_SUCCESS && reader->left != 0)
        rv = refuse("there is more of it than its values");
    if (rv == APR_SUCCESS)
        values->count = (size_t)count;
    return rv;
}

apr_status_t mproc__values_decode(mproc_values_t *values, size_t offset, port_handle_t *handles,
                                  size_t nhandles)
{
    reader_t reader = {values->buffer.bytes + offset, values->buffer.size - offset, handles,
                       nhandles, values->mem};
    apr_status_t rv;

    values->count = 0;
    if (reader.left % 8 != 0)
        return refuse("its size is odd");
    if (nhandles == 0)
        return read_pack(values, &reader, 1);
    /* A pool of their own, so that those of a message that is refused half-way do not stay. */
    if (apr_pool_create(&reader.objects, values->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for the objects in the message");
    rv = read_pack(values, &reader, 1);
    if (rv != APR_SUCCESS)
        apr_pool_destroy(reader.objects);
    return rv;
}

void mproc__handles_close(mproc__handles_t *handles)
{
    for (; handles->count > 0; handles->count--)
        if (handles->handles[handles->count - 1] != PORT_NO_HANDLE)
            port_handle_close(handles->handles[handles->count - 1]);
}

/* -- Values that arrived ------------------------------------------------------ */

static apr_status_t free_buffers(void *data)
{
    mproc_values_t *values = data;

    mproc__buffer_free(&values->buffer);
    mproc__buffer_free(&values->next);
    return APR_SUCCESS;
}

static mproc_values_t *create_in(apr_pool_t *mem)
{
    mproc_values_t *values = apr_pcalloc(mem, sizeof *values);

    values->mem = mem;
    apr_pool_cleanup_register(mem, values, free_buffers, apr_pool_cleanup_null);
    return values;
}

/* A pool of its own, as receiving allocates inner values: threads may share `mem`. */
mproc_values_t *mproc_values_create(apr_pool_t *mem)
{
    apr_pool_t *own;

    return create_in(apr_pool_create(&own, mem) == APR_SUCCESS ? own : mem);
}

size_t mproc_values_count(const mproc_values_t *values)
{
    return values->count;
}

mproc_type_t mproc_values_type(const mproc_values_t *values, size_t index)
{
    return index < values->count ? values->values[index].type : (mproc_type_t)0;
}

int mproc_values_is_none(const mproc_values_t *values, size_t index)
{
    return mproc_values_type(values, index) == MPROC_TYPE_NONE;
}
