/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_ARGS_H
#define MPROC_ARGS_H

/**
 * @file args.h
 * Packed values: a typed tuple that travels to another process.
 *
 * Pack them in a call's arguments, and take them apart on the other side:
 *
 *     mproc_process_start(&p, target, MPROC_PACK("One", 10000000), NULL, mem);
 *
 *     const char *name; int iterations;
 *     MPROC_TRY(MPROC_UNPACK(task, &name, &iterations));
 *
 * What can be packed                         | unpacks into
 * -------------------------------------------|-----------------------------------------
 * every C integer type, `_Bool`              | every integer type that holds the value
 * `double`, `float`                          | `double`, `float`
 * `const char *`, `char *` (UTF-8, not NULL) | `const char *`
 * MPROC_BYTES(data, size)                    | `mproc_bytes_t`
 * MPROC_BOOL(x)                              | `_Bool`, and every integer type
 * MPROC_NONE                                 | nothing: ask mproc_values_is_none(); send it alone
 * MPROC_PACK(...), mproc_pack(mem, ...)      | `mproc_values_t *`
 * `mproc_connection_t *`                     | `mproc_connection_t *`
 * `mproc_queue_t *`                          | `mproc_queue_t *`
 * locks, arrays and the like (sync.h, array.h) | the same
 *
 * Up to 16 values a pack, packs in packs up to 8 deep.  A type that cannot
 * travel is a compile error; a mismatch on the other side is a status, and a
 * message that names the position and both types.
 *
 * A pointer means nothing in another process, so structs travel by value:
 * `MPROC_BYTES(&point, sizeof point)`; they arrive aligned to 8 bytes.
 */

#include <mproc/declare.h>
#include <mproc/status.h>

/** The most values that one pack holds. */
#define MPROC_PACK_MAX 16

/** How deep packs may lie in packs. */
#define MPROC_PACK_DEPTH_MAX 8

MPROC_BEGIN_C

/** A task: what a target is called with; see init.h. */
typedef struct mproc_task_t mproc_task_t;

/** One end of a pipe; see connection.h. */
typedef struct mproc_connection_t mproc_connection_t;

/** A queue; see queue.h. */
typedef struct mproc_queue_t mproc_queue_t;

/** What a call to a pool will return; see pool.h. */
typedef struct mproc_result_t mproc_result_t;

/** A lock; see sync.h. */
typedef struct mproc_lock_t mproc_lock_t;

/** A semaphore; see sync.h. */
typedef struct mproc_semaphore_t mproc_semaphore_t;

/** An event; see sync.h. */
typedef struct mproc_event_t mproc_event_t;

/** A condition; see sync.h. */
typedef struct mproc_condition_t mproc_condition_t;

/** A barrier; see sync.h. */
typedef struct mproc_barrier_t mproc_barrier_t;

/** A lock for readers and writers; see sync.h. */
typedef struct mproc_rwlock_t mproc_rwlock_t;

/** A shared array or value; see array.h. */
typedef struct mproc_array_t mproc_array_t;

/** Values that arrived: made by mproc_values_create(), or found in a task. */
typedef struct mproc_values_t mproc_values_t;

/** What a value is. */
typedef enum mproc_type_t {
    MPROC_TYPE_NONE = 1,
    MPROC_TYPE_BOOL,
    MPROC_TYPE_INTEGER,  /**< fits apr_int64_t */
    MPROC_TYPE_UNSIGNED, /**< larger than any apr_int64_t */
    MPROC_TYPE_REAL,
    MPROC_TYPE_STRING,
    MPROC_TYPE_BYTES,
    MPROC_TYPE_PACK,
    MPROC_TYPE_CONNECTION,
    MPROC_TYPE_QUEUE,
    MPROC_TYPE_SHARED_MEMORY, /**< the library's own */
    MPROC_TYPE_LOCK,
    MPROC_TYPE_SEMAPHORE,
    MPROC_TYPE_EVENT,
    MPROC_TYPE_CONDITION,
    MPROC_TYPE_BARRIER,
    MPROC_TYPE_RWLOCK,
    MPROC_TYPE_ARRAY,
    MPROC_TYPE_CHANNEL /**< the library's own */
} mproc_type_t;

/** Bytes: packed by MPROC_BYTES, or the variable into which they unpack. */
typedef struct mproc_bytes_t {
    const void *data;
    size_t size;
} mproc_bytes_t;

/** One packed value.  Made by the macros below; its fields are not an interface. */
typedef struct mproc_value_t {
    mproc_type_t type;
    union {
        apr_int64_t integer;
        apr_uint64_t unsigned_integer;
        double real;
        const char *string;
        mproc_bytes_t bytes;
        const struct mproc_pack_t *pack;
        void *object;
    } as;
} mproc_value_t;

/** Values ready to travel.  Made by MPROC_PACK and mproc_pack(). */
typedef struct mproc_pack_t {
    size_t count;
    const mproc_value_t *values;
} mproc_pack_t;

/** A variable to unpack into.  Made by MPROC_UNPACK. */
typedef struct mproc_slot_t {
    mproc_type_t type; /**< INTEGER and UNSIGNED stand for the variable's signedness */
    size_t size;       /**< of the variable, in bytes */
    void *variable;
} mproc_slot_t;

/**
 * Make room for values that will arrive, to be refilled by every receiving call.
 *
 * @param mem  the values live until it is destroyed
 *
 * @return empty values; never NULL (when memory runs out, APR's abort function
 *         is called).  Their room grows to the largest message and stays.
 *
 * Threads: one at a time.
 */
MPROC_DECLARE(mproc_values_t *) mproc_values_create(apr_pool_t *mem);

/**
 * How many values there are: 0 to MPROC_PACK_MAX.
 *
 * Threads: any, while no other one refills them.
 */
MPROC_DECLARE(size_t) mproc_values_count(const mproc_values_t *values);

/**
 * The type of the value at @a index (from 0), or 0 when there is none.
 *
 * Threads: any, while no other one refills them.
 */
MPROC_DECLARE(mproc_type_t) mproc_values_type(const mproc_values_t *values, size_t index);

/**
 * Whether there is a value at @a index (from 0) and it is MPROC_NONE.
 *
 * Threads: any, while no other one refills them.
 */
MPROC_DECLARE(int) mproc_values_is_none(const mproc_values_t *values, size_t index);

/**
 * Copy packed values to where they live longer than the expression that made them.
 *
 * Call it as `mproc_pack(mem, "data.db", 3)`, which is this with MPROC_PACK.
 * Strings, bytes and packs in the pack are copied too; objects are not.
 *
 * @param mem   the copy lives until it is destroyed
 * @param pack  may be NULL (MPROC_NO_ARGS): the copy is then an empty pack
 *
 * @return the copy, never NULL
 *
 * Threads: @a mem by one at a time.
 */
MPROC_DECLARE(const mproc_pack_t *) mproc_pack_copy(apr_pool_t *mem, const mproc_pack_t *pack);

/**
 * What MPROC_UNPACK calls: write all the values into variables, or none.
 *
 * Strings, bytes and inner values are borrowed: they stay valid until the
 * values are refilled or their memory is destroyed.  Objects live in the memory
 * of the values; unpacking twice gives the same object.
 *
 * @param values  what arrived
 * @param slots   one for each value
 * @param count   the number of @a slots
 *
 * @return APR_SUCCESS   every variable is written
 * @return MPROC_ECOUNT  there are more or fewer values than variables
 * @return MPROC_ETYPE   a value has another type than its variable
 * @return MPROC_ERANGE  an integer does not fit its variable
 * @return APR_EINVAL    a variable's address is NULL
 * @return another       an object could not be made
 *
 * Threads: one at a time.
 */
MPROC_DECLARE(apr_status_t)
mproc_unpack(mproc_values_t *values, const mproc_slot_t *slots, size_t count);

/**
 * The values a task was called with; see init.h.
 *
 * Threads: any; of the values see mproc_unpack().
 */
MPROC_DECLARE(mproc_values_t *) mproc_task_args(mproc_task_t *task);

/** The values that one call to a pool has returned: mproc_result_values(result, 0); see pool.h. */
MPROC_DECLARE(mproc_values_t *) mproc__result_values(mproc_result_t *result);

/* One function a kind of value; the macros choose among them by type. */
static inline mproc_value_t mproc__value_none(void)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_NONE;
    value.as.integer = 0;
    return value;
}

static inline mproc_value_t mproc__value_bool(int truth)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_BOOL;
    value.as.integer = truth != 0;
    return value;
}

static inline mproc_value_t mproc__value_signed(apr_int64_t integer)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_INTEGER;
    value.as.integer = integer;
    return value;
}

static inline mproc_value_t mproc__value_unsigned(apr_uint64_t integer)
{
    mproc_value_t value;

    value.type = integer > (apr_uint64_t)INT64_MAX ? MPROC_TYPE_UNSIGNED : MPROC_TYPE_INTEGER;
    value.as.unsigned_integer = integer;
    return value;
}

static inline mproc_value_t mproc__value_real(double real)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_REAL;
    value.as.real = real;
    return value;
}

static inline mproc_value_t mproc__value_string(const char *string)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_STRING;
    value.as.string = string;
    return value;
}

static inline mproc_value_t mproc__value_bytes(const void *data, size_t size)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_BYTES;
    value.as.bytes.data = data;
    value.as.bytes.size = size;
    return value;
}

static inline mproc_value_t mproc__value_pack(const mproc_pack_t *pack)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_PACK;
    value.as.pack = pack;
    return value;
}

static inline mproc_value_t mproc__value_connection(mproc_connection_t *connection)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_CONNECTION;
    value.as.object = connection;
    return value;
}

static inline mproc_value_t mproc__value_queue(mproc_queue_t *queue)
{
    mproc_value_t value;

    value.type = MPROC_TYPE_QUEUE;
    value.as.object = queue;
    return value;
}

static inline mproc_value_t mproc__value_object(mproc_type_t type, void *object)
{
    mproc_value_t value;

    value.type = type;
    value.as.object = object;
    return value;
}

static inline mproc_value_t mproc__value_lock(mproc_lock_t *lock)
{
    return mproc__value_object(MPROC_TYPE_LOCK, lock);
}

static inline mproc_value_t mproc__value_semaphore(mproc_semaphore_t *semaphore)
{
    return mproc__value_object(MPROC_TYPE_SEMAPHORE, semaphore);
}

static inline mproc_value_t mproc__value_event(mproc_event_t *event)
{
    return mproc__value_object(MPROC_TYPE_EVENT, event);
}

static inline mproc_value_t mproc__value_condition(mproc_condition_t *condition)
{
    return mproc__value_object(MPROC_TYPE_CONDITION, condition);
}

static inline mproc_value_t mproc__value_barrier(mproc_barrier_t *barrier)
{
    return mproc__value_object(MPROC_TYPE_BARRIER, barrier);
}

static inline mproc_value_t mproc__value_rwlock(mproc_rwlock_t *rwlock)
{
    return mproc__value_object(MPROC_TYPE_RWLOCK, rwlock);
}

static inline mproc_value_t mproc__value_array(mproc_array_t *array)
{
    return mproc__value_object(MPROC_TYPE_ARRAY, array);
}

static inline mproc_value_t mproc__value_itself(mproc_value_t value)
{
    return value;
}

static inline mproc_values_t *mproc__values_itself(mproc_values_t *values)
{
    return values;
}

MPROC_END_C

/** A truth value: any C expression with one. */
#define MPROC_BOOL(x) mproc__value_bool((x) ? 1 : 0)

/** @a size bytes at @a data, copied when they are sent; NULL with 0 is allowed. */
#define MPROC_BYTES(data, size) mproc__value_bytes((data), (size))

/** Nothing: Python's None. */
#define MPROC_NONE mproc__value_none()

/** For a target that takes no arguments. */
#define MPROC_NO_ARGS ((const mproc_pack_t *)NULL)

/** Packed values that live until @a mem is destroyed: a `const mproc_pack_t *`. */
#define mproc_pack(mem, ...) mproc_pack_copy((mem), MPROC_PACK(__VA_ARGS__))

#ifndef __cplusplus

/* How many arguments there are, 1 to 16, and a macro applied to each of them. */
#define MPROC__COUNT(...)                                                                          \
    MPROC__COUNT_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define MPROC__COUNT_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, count, ...) count
#define MPROC__JOIN(a, b) MPROC__JOIN_(a, b)
#define MPROC__JOIN_(a, b) a##b
#define MPROC__EACH(m, ...) MPROC__JOIN(MPROC__EACH_, MPROC__COUNT(__VA_ARGS__))(m, __VA_ARGS__)
#define MPROC__EACH_1(m, x) m(x)
#define MPROC__EACH_2(m, x, ...) m(x), MPROC__EACH_1(m, __VA_ARGS__)
#define MPROC__EACH_3(m, x, ...) m(x), MPROC__EACH_2(m, __VA_ARGS__)
#define MPROC__EACH_4(m, x, ...) m(x), MPROC__EACH_3(m, __VA_ARGS__)
#define MPROC__EACH_5(m, x, ...) m(x), MPROC__EACH_4(m, __VA_ARGS__)
#define MPROC__EACH_6(m, x, ...) m(x), MPROC__EACH_5(m, __VA_ARGS__)
#define MPROC__EACH_7(m, x, ...) m(x), MPROC__EACH_6(m, __VA_ARGS__)
#define MPROC__EACH_8(m, x, ...) m(x), MPROC__EACH_7(m, __VA_ARGS__)
#define MPROC__EACH_9(m, x, ...) m(x), MPROC__EACH_8(m, __VA_ARGS__)
#define MPROC__EACH_10(m, x, ...) m(x), MPROC__EACH_9(m, __VA_ARGS__)
#define MPROC__EACH_11(m, x, ...) m(x), MPROC__EACH_10(m, __VA_ARGS__)
#define MPROC__EACH_12(m, x, ...) m(x), MPROC__EACH_11(m, __VA_ARGS__)
#define MPROC__EACH_13(m, x, ...) m(x), MPROC__EACH_12(m, __VA_ARGS__)
#define MPROC__EACH_14(m, x, ...) m(x), MPROC__EACH_13(m, __VA_ARGS__)
#define MPROC__EACH_15(m, x, ...) m(x), MPROC__EACH_14(m, __VA_ARGS__)
#define MPROC__EACH_16(m, x, ...) m(x), MPROC__EACH_15(m, __VA_ARGS__)

/* Basic types only: int64_t and size_t are other basic types on Windows than on Linux. */
#define MPROC__VALUE(x)                                                                            \
    _Generic((x),                                                                                  \
        _Bool: mproc__value_bool,                                                                  \
        char: mproc__value_signed,                                                                 \
        signed char: mproc__value_signed,                                                          \
        short: mproc__value_signed,                                                                \
        int: mproc__value_signed,                                                                  \
        long: mproc__value_signed,                                                                 \
        long long: mproc__value_signed,                                                            \
        unsigned char: mproc__value_unsigned,                                                      \
        unsigned short: mproc__value_unsigned,                                                     \
        unsigned int: mproc__value_unsigned,                                                       \
        unsigned long: mproc__value_unsigned,                                                      \
        unsigned long long: mproc__value_unsigned,                                                 \
        float: mproc__value_real,                                                                  \
        double: mproc__value_real,                                                                 \
        char *: mproc__value_string,                                                               \
        const char *: mproc__value_string,                                                         \
        mproc_pack_t *: mproc__value_pack,                                                         \
        const mproc_pack_t *: mproc__value_pack,                                                   \
        mproc_connection_t *: mproc__value_connection,                                             \
        mproc_queue_t *: mproc__value_queue,                                                       \
        mproc_lock_t *: mproc__value_lock,                                                         \
        mproc_semaphore_t *: mproc__value_semaphore,                                               \
        mproc_event_t *: mproc__value_event,                                                       \
        mproc_condition_t *: mproc__value_condition,                                               \
        mproc_barrier_t *: mproc__value_barrier,                                                   \
        mproc_rwlock_t *: mproc__value_rwlock,                                                     \
        mproc_array_t *: mproc__value_array,                                                       \
        mproc_value_t: mproc__value_itself)(x)

/** Packed values, in a call's arguments: they live as long as the full expression. */
#define MPROC_PACK(...)                                                                            \
    (&(const mproc_pack_t){MPROC__COUNT(__VA_ARGS__),                                              \
                           (const mproc_value_t[]){MPROC__EACH(MPROC__VALUE, __VA_ARGS__)}})

#define MPROC__SLOT(address)                                                                       \
    {_Generic((address),                                                                           \
         _Bool *: MPROC_TYPE_BOOL,                                                                 \
         char *: (char)-1 < 0 ? MPROC_TYPE_INTEGER : MPROC_TYPE_UNSIGNED,                          \
         signed char *: MPROC_TYPE_INTEGER,                                                        \
         short *: MPROC_TYPE_INTEGER,                                                              \
         int *: MPROC_TYPE_INTEGER,                                                                \
         long *: MPROC_TYPE_INTEGER,                                                               \
         long long *: MPROC_TYPE_INTEGER,                                                          \
         unsigned char *: MPROC_TYPE_UNSIGNED,                                                     \
         unsigned short *: MPROC_TYPE_UNSIGNED,                                                    \
         unsigned int *: MPROC_TYPE_UNSIGNED,                                                      \
         unsigned long *: MPROC_TYPE_UNSIGNED,                                                     \
         unsigned long long *: MPROC_TYPE_UNSIGNED,                                                \
         float *: MPROC_TYPE_REAL,                                                                 \
         double *: MPROC_TYPE_REAL,                                                                \
         const char **: MPROC_TYPE_STRING,                                                         \
         mproc_bytes_t *: MPROC_TYPE_BYTES,                                                        \
         mproc_values_t **: MPROC_TYPE_PACK,                                                       \
         mproc_connection_t **: MPROC_TYPE_CONNECTION,                                             \
         mproc_queue_t **: MPROC_TYPE_QUEUE,                                                       \
         mproc_lock_t **: MPROC_TYPE_LOCK,                                                         \
         mproc_semaphore_t **: MPROC_TYPE_SEMAPHORE,                                               \
         mproc_event_t **: MPROC_TYPE_EVENT,                                                       \
         mproc_condition_t **: MPROC_TYPE_CONDITION,                                               \
         mproc_barrier_t **: MPROC_TYPE_BARRIER,                                                   \
         mproc_rwlock_t **: MPROC_TYPE_RWLOCK,                                                     \
         mproc_array_t **: MPROC_TYPE_ARRAY),                                                      \
     sizeof *(address), (address)}

/**
 * Take values apart: MPROC_UNPACK(task, values or result, &variable, ...); a status, see
 * mproc_unpack().
 */
#define MPROC_UNPACK(from, ...)                                                                    \
    mproc_unpack(_Generic((from),                                                                  \
                     mproc_task_t *: mproc_task_args,                                              \
                     mproc_result_t *: mproc__result_values,                                       \
                     mproc_values_t *: mproc__values_itself)(from),                                \
                 (const mproc_slot_t[]){MPROC__EACH(MPROC__SLOT, __VA_ARGS__)},                    \
                 MPROC__COUNT(__VA_ARGS__))

#else /* C++17: overloads instead of _Generic, temporaries instead of compound literals */

#include <type_traits>

namespace mproc_detail {

template <size_t N> struct packed {
    mproc_value_t values[N];
    mproc_pack_t pack;

    /* The tag tells it from the copy constructor when a pack lies alone in a pack. */
    struct from_values {};
    template <class... T> explicit packed(from_values, const T &...from);
    packed(const packed &) = delete;
    packed &operator=(const packed &) = delete;
    operator const mproc_pack_t *() const { return &pack; }
};

template <class T> using if_signed =
    std::enable_if_t<std::is_integral<T>::value && std::is_signed<T>::value, mproc_value_t>;
template <class T> using if_unsigned = std::enable_if_t<
    std::is_integral<T>::value && std::is_unsigned<T>::value && !std::is_same<T, bool>::value,
    mproc_value_t>;
template <class T> using if_bool = std::enable_if_t<std::is_same<T, bool>::value, mproc_value_t>;
template <class T> using if_enum = std::enable_if_t<
    std::is_enum<T>::value && std::is_convertible<T, long long>::value, mproc_value_t>;

template <class T> if_signed<T> value(T x) { return mproc__value_signed(x); }
template <class T> if_unsigned<T> value(T x) { return mproc__value_unsigned(x); }
/* A template, as every pointer would convert to a plain bool. */
template <class T> if_bool<T> value(T x) { return mproc__value_bool(x ? 1 : 0); }
template <class T> if_enum<T> value(T x)
{
    return value(static_cast<std::underlying_type_t<T>>(x));
}
inline mproc_value_t value(float x) { return mproc__value_real(static_cast<double>(x)); }
inline mproc_value_t value(double x) { return mproc__value_real(x); }
inline mproc_value_t value(const char *x) { return mproc__value_string(x); }
inline mproc_value_t value(const mproc_pack_t *x) { return mproc__value_pack(x); }
template <size_t N> mproc_value_t value(const packed<N> &x) { return mproc__value_pack(x); }
inline mproc_value_t value(mproc_connection_t *x) { return mproc__value_connection(x); }
inline mproc_value_t value(mproc_queue_t *x) { return mproc__value_queue(x); }
inline mproc_value_t value(mproc_lock_t *x) { return mproc__value_lock(x); }
inline mproc_value_t value(mproc_semaphore_t *x) { return mproc__value_semaphore(x); }
inline mproc_value_t value(mproc_event_t *x) { return mproc__value_event(x); }
inline mproc_value_t value(mproc_condition_t *x) { return mproc__value_condition(x); }
inline mproc_value_t value(mproc_barrier_t *x) { return mproc__value_barrier(x); }
inline mproc_value_t value(mproc_rwlock_t *x) { return mproc__value_rwlock(x); }
inline mproc_value_t value(mproc_array_t *x) { return mproc__value_array(x); }
inline mproc_value_t value(const mproc_value_t &x) { return x; }

template <size_t N> template <class... T> packed<N>::packed(from_values, const T &...from)
    : values{value(from)...}, pack{N, values}
{
}

template <class... T> packed<sizeof...(T)> make_pack(const T &...from)
{
    static_assert(sizeof...(T) <= MPROC_PACK_MAX, "a pack holds at most 16 values");
    return packed<sizeof...(T)>(typename packed<sizeof...(T)>::from_values(), from...);
}

template <class T> std::enable_if_t<std::is_integral<T>::value, mproc_slot_t> slot(T *address)
{
    return {std::is_signed<T>::value ? MPROC_TYPE_INTEGER : MPROC_TYPE_UNSIGNED, sizeof(T),
            address};
}
inline mproc_slot_t slot(bool *address) { return {MPROC_TYPE_BOOL, sizeof(bool), address}; }
inline mproc_slot_t slot(float *address) { return {MPROC_TYPE_REAL, sizeof(float), address}; }
inline mproc_slot_t slot(double *address) { return {MPROC_TYPE_REAL, sizeof(double), address}; }
inline mproc_slot_t slot(const char **address)
{
    return {MPROC_TYPE_STRING, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_bytes_t *address)
{
    return {MPROC_TYPE_BYTES, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_values_t **address)
{
    return {MPROC_TYPE_PACK, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_connection_t **address)
{
    return {MPROC_TYPE_CONNECTION, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_queue_t **address)
{
    return {MPROC_TYPE_QUEUE, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_lock_t **address)
{
    return {MPROC_TYPE_LOCK, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_semaphore_t **address)
{
    return {MPROC_TYPE_SEMAPHORE, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_event_t **address)
{
    return {MPROC_TYPE_EVENT, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_condition_t **address)
{
    return {MPROC_TYPE_CONDITION, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_barrier_t **address)
{
    return {MPROC_TYPE_BARRIER, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_rwlock_t **address)
{
    return {MPROC_TYPE_RWLOCK, sizeof *address, address};
}
inline mproc_slot_t slot(mproc_array_t **address)
{
    return {MPROC_TYPE_ARRAY, sizeof *address, address};
}

inline mproc_values_t *values_of(mproc_task_t *task) { return mproc_task_args(task); }
inline mproc_values_t *values_of(mproc_result_t *result) { return mproc__result_values(result); }
inline mproc_values_t *values_of(mproc_values_t *values) { return values; }

template <class From, class... T> apr_status_t unpack(From *from, T *...addresses)
{
    const mproc_slot_t slots[] = {slot(addresses)...};

    return mproc_unpack(values_of(from), slots, sizeof...(T));
}

} // namespace mproc_detail

#define MPROC_PACK(...) (mproc_detail::make_pack(__VA_ARGS__))
#define MPROC_UNPACK(from, ...) (mproc_detail::unpack((from), __VA_ARGS__))

#endif

#endif
