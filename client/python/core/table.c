/*
 * A family's children by their label values. Values are str objects whose hashes Python keeps, and mostly the very same
 * objects from call to call: so an entry is found by its hash, and its values are equal by their addresses, or else by
 * their characters.
 */
#include "core.h"

#define FIRST_ENTRIES 8u
#define FIRST_PRUNE   64u

static PyObject *const removed = (PyObject *)(uintptr_t)1; /* in the place of a child */

static int
is_child(const struct table_entry *entry)
{
    return entry->child && entry->child != removed;
}

Py_uhash_t
table_hash(PyObject *const *values, uint32_t labels_n)
{
    Py_uhash_t hash = 0;
    uint32_t i;

    for (i = 0; i < labels_n; i++)
        hash = (hash ^ (Py_uhash_t)PyObject_Hash(values[i])) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static int
same(PyObject *const *a, PyObject *const *b, uint32_t labels_n)
{
    uint32_t i;

    for (i = 0; i < labels_n; i++)
        if (a[i] != b[i] && PyUnicode_Compare(a[i], b[i]))
            return 0;
    return 1;
}

static struct table_entry *
find(const struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values)
{
    size_t at;

    if (!table->entries)
        return NULL;
    for (at = hash & table->mask; table->entries[at].child; at = (at + 1) & table->mask) {
        struct table_entry *entry = &table->entries[at];
        if (entry->hash == hash && entry->child != removed && same(table->keys + at * labels_n, values, labels_n))
            return entry;
    }
    return NULL;
}

/* Borrowed; NULL: there is none. */
PyObject *
table_find(const struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values)
{
    const struct table_entry *entry = find(table, labels_n, hash, values);

    return entry ? entry->child : NULL;
}

/*
 * A place for a new entry, perhaps that of a removed one, so that who comes and goes stays where it was; references go
 * with it.
 */
static void
put(struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values, PyObject *child)
{
    size_t at = hash & table->mask;

    while (is_child(&table->entries[at]))
        at = (at + 1) & table->mask;
    table->filled += !table->entries[at].child;
    table->entries[at].hash = hash;
    table->entries[at].child = child;
    memcpy(table->keys + at * labels_n, values, labels_n * sizeof *values);
    table->used++;
}

/* Makes the table at most half full, and without removed entries. */
static int
grow(struct table *table, uint32_t labels_n)
{
    struct table fresh = { NULL, NULL, FIRST_ENTRIES - 1, 0, 0, table->prune_at };
    size_t i;

    while (fresh.mask < 3 * table->used)
        fresh.mask = 2 * fresh.mask + 1;
    fresh.entries = PyMem_Calloc(fresh.mask + 1, sizeof *fresh.entries);
    fresh.keys = PyMem_Calloc((fresh.mask + 1) * labels_n, sizeof *fresh.keys);
    if (!fresh.entries || !fresh.keys) {
        PyMem_Free(fresh.entries);
        PyMem_Free(fresh.keys);
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; table->entries && i <= table->mask; i++)
        if (is_child(&table->entries[i]))
            put(&fresh, labels_n, table->entries[i].hash, table->keys + i * labels_n, table->entries[i].child);
    PyMem_Free(table->entries);
    PyMem_Free(table->keys);
    *table = fresh;
    return 0;
}

/* Takes references of its own. -1 with an exception. */
int
table_add(struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values, PyObject *child)
{
    uint32_t i;

    if ((!table->entries || 4 * (table->filled + 1) > 3 * (table->mask + 1)) && grow(table, labels_n))
        return -1;
    put(table, labels_n, hash, values, Py_NewRef(child));
    for (i = 0; i < labels_n; i++)
        Py_INCREF(values[i]);
    return 0;
}

/* The child, whose reference is the caller's now; NULL: there is none. */
PyObject *
table_drop(struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values)
{
    struct table_entry *entry = find(table, labels_n, hash, values);
    PyObject **keys, *child;
    uint32_t i;

    if (!entry)
        return NULL;
    keys = table->keys + (size_t)(entry - table->entries) * labels_n;
    child = entry->child;
    entry->child = removed;
    table->used--;
    for (i = 0; i < labels_n; i++)
        Py_CLEAR(keys[i]);
    return child;
}

/*
 * Drops the children whose series were removed and that nobody else has, each time that there are twice as many as the
 * last time were left: label values that come and go, or that shmeter hide has taken out, leave no objects behind.
 */
void
table_prune(struct table *table, uint32_t labels_n)
{
    size_t i, k;

    if (table->used < (table->prune_at ? table->prune_at : FIRST_PRUNE))
        return;
    for (i = 0; i <= table->mask; i++) {
        struct metric_object *child = table_child(table, i);
        if (!child || child->own || Py_REFCNT((PyObject *)child) != 1 || !metric_is_gone(child))
            continue;
        table->entries[i].child = removed;
        table->used--;
        for (k = 0; k < labels_n; k++)
            Py_CLEAR(table->keys[i * labels_n + k]);
        Py_DECREF(child);
    }
    table->prune_at = 2 * table->used > FIRST_PRUNE ? 2 * table->used : FIRST_PRUNE;
}

void
table_free(struct table *table, uint32_t labels_n)
{
    struct table old = *table;
    size_t i, k;

    memset(table, 0, sizeof *table);
    for (i = 0; old.entries && i <= old.mask; i++) {
        if (!is_child(&old.entries[i]))
            continue;
        for (k = 0; k < labels_n; k++)
            Py_DECREF(old.keys[i * labels_n + k]);
        Py_DECREF(old.entries[i].child);
    }
    PyMem_Free(old.entries);
    PyMem_Free(old.keys);
}

int
table_visit(const struct table *table, visitproc visit, void *arg)
{
    size_t i;

    for (i = 0; table->entries && i <= table->mask; i++)
        if (is_child(&table->entries[i]))
            Py_VISIT(table->entries[i].child);
    return 0;
}

/* The child of one entry, borrowed; NULL: there is none. */
struct metric_object *
table_child(const struct table *table, size_t at)
{
    return is_child(&table->entries[at]) ? (struct metric_object *)table->entries[at].child : NULL;
}
