/*
 * The tables of operations that the build has made, as OP_TABLES: ONE(table) for each.
 */
#include "tests/crash/crash.h"

#define ONE(table) extern const struct op_table table;
OP_TABLES
#undef ONE
#define ONE(table) &(table),
static const struct op_table *const tables[] = { OP_TABLES };
#undef ONE

int
main(int argc, char **argv)
{
    return crash_main(tables, sizeof tables / sizeof *tables, argc, argv);
}
