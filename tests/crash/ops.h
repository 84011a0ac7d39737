/*
 * The operations of the public header, each as a function that a child can be stopped in, and the world they work in.
 * tests/crash/ops.c is compiled once for each compiler and optimization and gives one table each time.
 */
#ifndef SHMETER_TESTS_CRASH_OPS_H
#define SHMETER_TESTS_CRASH_OPS_H

#include <stdint.h>

enum {
    OP_CREATES = 1,  /* there is no segment before                                                          */
    OP_IN_PARTS = 2, /* several things at moments of their own: series change one by one, or appear and then count */
    OP_ADDS = 4,     /* an update that may come twice: totals tell how often it has happened                 */
    OP_COLD = 16,    /* ... and it takes thousands of instructions                                          */
    OP_VARIES = 32,  /* two runs write different bytes, in more than times and pids                          */
    OP_ON_LANE = 8,  /* ... and it is in a lane: a counter or a histogram                                   */
    OP_SETS = 64,    /* an update that comes to the same when it comes twice; with OP_ADDS: once for each worker */
    OP_MOST = 128,   /* an update of which the worker's that has gone farthest tells                         */
    OP_OWN = 256,    /* an update of a sample that is each worker's own                                     */
    OP_HOT = 512,    /* its instructions are counted                                                        */
    OP_PAIRS = OP_ADDS | OP_SETS | OP_MOST | OP_OWN
};

/* What an operation does to a sample. word: 0 the value, or a histogram's sum; 1 + i its bucket i. */
struct change {
    const char *sample; /* family{values}; NULL: no more                                                   */
    uint32_t word;
    double from, to; /* NaN: there is no such sample                                                       */
};

struct op {
    const char *name;
    uint32_t flags;
    void (*arrange)(void); /* once, in the process that the children are forked from; NULL: nothing          */
    void (*begin)(void);   /* in the child, before it is stopped; NULL: nothing                            */
    void (*run)(void);
    uint64_t (*cell)(void); /* OP_ON_LANE: where its series is, from the beginning of a lane                   */
    const char *loss;       /* the kind of loss that it counts once; NULL: none                                  */
    struct change changes[8];
};

struct shape {                        /* of a new segment */
    uint32_t cpu_lanes, shared_lanes; /* cpu_lanes 0: one for each CPU                                    */
};

struct op_table {
    const char *build;   /* compiler and optimization                                                        */
    const char *version; /* of the compiler                                                                */
    const struct op *ops;
    uint32_t ops_n;
    /*
     * Makes a segment with some of everything in it, and keeps handles for the operations. Ends the process when it
     * cannot.
     */
    void (*make)(const char *path, const struct shape *shape);
    /* The path that operations open, when there is no world. */
    void (*place)(const char *path, const struct shape *shape);
    /* What a fresh process does that comes after somebody died: opens, registers, updates. NULL, or what went wrong. */
    const char *(*succeed)(const char *path);
    /*
     * After make: ticks are those of the CPU's counter, whatever clock this machine's kernel has. Libraries' clocks are
     * not ours to count.
     */
    void (*fix_ticks)(void);
    /* Where the linker has put the sequences' descriptors and the program's instructions, this table's among them. */
    const void *sequences, *sequences_end, *text, *text_end;
    const struct change *successor; /* what that adds: to - from                                           */
};

#endif
