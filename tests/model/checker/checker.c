/*
 * The search: depth first over all choices, each state once. A state is copied before its choices are tried and put
 * back for each of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/checker/internal.h"

#define KEPT    32u
#define CHOICES 64u

struct checker checker;

enum choice_kind { CHOICE_RUN, CHOICE_RESTART, CHOICE_DIE, CHOICE_DRAIN };

struct choice {
    enum choice_kind kind;
    uint32_t who, way; /* an actor; or a CPU and a place in its buffer                                              */
};

struct frame {
    unsigned char *copy; /* of the state: ranges, each with its address and size before it                          */
    size_t used, room;
    struct choice choices[CHOICES];
    uint32_t choices_n, next;
};

static struct {
    unsigned char *at;
    size_t n;
} kept[KEPT];
static uint32_t kept_n;

static struct frame *frames;
static uint32_t frames_room;

static uint64_t *visited;
static uint64_t visited_n, visited_room;

void
model_keep(void *bytes, size_t n)
{
    if (kept_n == KEPT)
        abort();
    kept[kept_n].at = bytes;
    kept[kept_n++].n = n;
}

/* ---- copies of states ---- */

struct range {
    void *at;
    size_t n;
};

static void
save_range(struct frame *frame, void *at, size_t n)
{
    struct range range = { at, n };

    if (frame->used + n + sizeof range > frame->room) {
        frame->room = 2 * (frame->used + n + sizeof range);
        frame->copy = realloc(frame->copy, frame->room);
        if (!frame->copy)
            abort();
    }
    memcpy(frame->copy + frame->used, &range, sizeof range);
    memcpy(frame->copy + frame->used + sizeof range, at, n);
    frame->used += sizeof range + n;
}

static void
save(struct frame *frame)
{
    const struct region *regions;
    uint32_t i, n;
    size_t bytes;
    void *at;

    frame->used = 0;
    save_range(frame, &checker, sizeof checker);
    at = memory_state(&bytes);
    save_range(frame, at, bytes);
    at = races_state(&bytes);
    save_range(frame, at, bytes);
    regions = memory_regions(&n);
    for (i = 0; i < n; i++)
        save_range(frame, regions[i].at, (size_t)8 * regions[i].words);
    for (i = 0; i < kept_n; i++)
        save_range(frame, kept[i].at, kept[i].n);
    for (i = 0; i < checker.actors_n; i++)
        if (checker.actors[i].status == STATUS_READY)
            save_range(frame, checker.actors[i].low, (size_t)(actors_stack(i) + STACK_BYTES - checker.actors[i].low));
}

static void
restore(const struct frame *frame)
{
    size_t at;
    struct range range;

    for (at = 0; at < frame->used; at += sizeof range + range.n) {
        memcpy(&range, frame->copy + at, sizeof range);
        memcpy(range.at, frame->copy + at + sizeof range, range.n);
    }
}

static uint64_t
hash_state(void)
{
    uint64_t hash = hash_fold(checker.model->interrupts == MODEL_ANY ? 0 : checker.interrupts, checker.deaths);
    uint32_t i;

    memory_settle();
    for (i = 0; i < checker.actors_n; i++) {
        const struct actor *actor = &checker.actors[i];
        hash = hash_fold(hash, (uint64_t)actor->status << 2 | actor->in_sequence << 1 | actor->interrupted);
        hash = hash_fold(hash, actor->status == STATUS_READY ? actor->history : 0);
        if (actor->status == STATUS_READY) /* plain accesses, which are no part of the history, have led there */
            hash = hash_fold(hash, (uint64_t)actor->request.kind << 32 | actor->request.word);
    }
    for (i = 0; i < CPUS; i++) /* who ran there last matters when that interrupts a sequence */
        hash = hash_fold(
            hash, checker.on_cpu[i] && checker.actors[checker.on_cpu[i] - 1].in_sequence ? checker.on_cpu[i] : 0);
    for (i = 0; i < kept_n; i++)
        hash = hash_words(hash, kept[i].at, kept[i].n);
    return races_hash(memory_hash(hash)) | 1;
}

static void
visited_put(uint64_t *table, uint64_t room, uint64_t hash)
{
    uint64_t at = hash >> 8;

    for (at &= room - 1; table[at]; at = (at + 1) & (room - 1))
        ;
    table[at] = hash;
}

/* Returns 0 when the state was seen before. */
static int
visited_add(uint64_t hash)
{
    uint64_t at = hash >> 8, i;

    if (2 * visited_n >= visited_room) {
        uint64_t room = visited_room ? 2 * visited_room : 1 << 16, *table = calloc(room, sizeof *table);
        if (!table)
            abort();
        for (i = 0; i < visited_room; i++)
            if (visited[i])
                visited_put(table, room, visited[i]);
        free(visited);
        visited = table;
        visited_room = room;
    }
    for (at &= visited_room - 1; visited[at]; at = (at + 1) & (visited_room - 1))
        if (visited[at] == hash)
            return 0;
    visited[at] = hash;
    visited_n++;
    return 1;
}

/* ---- choices ---- */

static void
add_choice(struct frame *frame, enum choice_kind kind, uint32_t who, uint32_t way)
{
    if (frame->choices_n == CHOICES)
        abort();
    frame->choices[frame->choices_n].kind = kind;
    frame->choices[frame->choices_n].who = who;
    frame->choices[frame->choices_n++].way = way;
}

/* Nobody sees a death before a load that comes to the same as one after it. */
static int
may_die(const struct actor *actor)
{
    return checker.deaths < checker.model->deaths && !actor->reads_only &&
           (checker.model->die_anywhere || actor->interrupted || actor->request.kind != REQUEST_LOAD);
}

static int
may_interrupt(void)
{
    return checker.model->interrupts == MODEL_ANY || checker.interrupts < checker.model->interrupts;
}

static int
would_interrupt(const struct actor *actor)
{
    uint32_t before = checker.on_cpu[actor->cpu];

    return before && actor != &checker.actors[before - 1] && checker.actors[before - 1].status == STATUS_READY &&
           checker.actors[before - 1].in_sequence && !checker.actors[before - 1].interrupted;
}

static void
find_of_actors(struct frame *frame, uint32_t late)
{
    uint32_t i, way, ways;

    for (i = 0; i < checker.actors_n; i++) {
        const struct actor *actor = &checker.actors[i];
        if (actor->status != STATUS_READY || late != (actor->reads_only && checker.memory == MEMORY_WEAK))
            continue;
        ways = actor->interrupted ? 1 : memory_ways(actor);
        if (would_interrupt(actor) && !may_interrupt())
            ways = 0;
        for (way = 0; way < ways; way++)
            add_choice(frame, CHOICE_RUN, i, way);
        if (actor->in_sequence && !actor->interrupted && may_interrupt())
            add_choice(frame, CHOICE_RESTART, i, 0);
        if (may_die(actor))
            add_choice(frame, CHOICE_DIE, i, 0);
    }
}

/*
 * In WEAK a load may see any value since its CPU's floor: whatever an actor that only reads can see among the others it
 * can also see when they are done.
 */
static void
find_choices(struct frame *frame)
{
    uint32_t i, way, ways, places[64];

    frame->choices_n = frame->next = 0;
    find_of_actors(frame, 0);
    for (i = 0; i < CPUS && checker.memory != MEMORY_SC; i++) {
        ways = memory_drains(i, places);
        for (way = 0; way < ways; way++)
            add_choice(frame, CHOICE_DRAIN, i, places[way]);
    }
    if (!frame->choices_n && checker.memory == MEMORY_WEAK)
        find_of_actors(frame, 1);
}

/*
 * The actor that ran on this CPU before is interrupted: a sequence of it will begin anew, wherever it was. The kernel's
 * switch is a full barrier (on aarch64 a DSB).
 */
static void
switch_to(uint32_t who)
{
    struct actor *self = &checker.actors[who], *other;
    uint32_t before = checker.on_cpu[self->cpu];

    checker.on_cpu[self->cpu] = who + 1;
    if (!before || before == who + 1)
        return;
    memory_flush(self->cpu);
    other = &checker.actors[before - 1];
    if (!other->in_sequence || other->interrupted)
        return;
    checker.interrupts++;
    other->interrupted = 1;
    if (!model_bugs.no_restart)
        other->history = other->history_at_restart;
}

/*
 * A signal or a timer, after which the same actor goes on. The return from it waits for stores on x86-64, but not on
 * aarch64.
 */
static void
begin_anew(uint32_t who)
{
    switch_to(who);
    checker.interrupts++;
    if (checker.memory == MEMORY_TSO)
        memory_flush(checker.actors[who].cpu);
    if (!model_bugs.no_restart)
        actors_restart(who);
}

static void
run(uint32_t who, uint32_t way)
{
    struct actor *self = &checker.actors[who];

    switch_to(who);
    if (self->interrupted && !model_bugs.no_restart) {
        actors_restart(who);
        return;
    }
    self->interrupted = 0;
    memory_perform(self, way);
    if (checker.model->races && checker.memory == MEMORY_SC)
        races_atomic(who, &self->request);
    actors_resume(who);
}

/* All its threads, also those that have ended. */
static void
kill_process(uint32_t process)
{
    uint32_t i;

    for (i = 0; i < checker.actors_n; i++)
        if (checker.actors[i].process == process)
            checker.actors[i].status = STATUS_DEAD;
    checker.deaths++;
}

static void
perform(const struct choice *choice)
{
    switch (choice->kind) {
    case CHOICE_RUN:
        run(choice->who, choice->way);
        break;
    case CHOICE_RESTART:
        begin_anew(choice->who);
        break;
    case CHOICE_DIE:
        kill_process(checker.actors[choice->who].process);
        break;
    case CHOICE_DRAIN:
        memory_drain(choice->who, choice->way);
        break;
    }
}

static void
print_choice(const struct choice *choice)
{
    static const char *const kinds[] = { "step", "load", "store", "add", "cas", "cas16" };
    const struct actor *actor = &checker.actors[choice->who];
    const struct request *request = &actor->request;

    if (choice->kind == CHOICE_DRAIN) {
        printf("#   cpu %u: %s is visible\n", choice->who, memory_name_drain(choice->who, choice->way));
        return;
    }
    printf("#   %s: ", actor->name);
    if (choice->kind == CHOICE_DIE)
        printf("dies before ");
    if (choice->kind == CHOICE_RESTART || actor->interrupted)
        printf("begins anew instead of ");
    if (request->kind == REQUEST_STEP)
        printf("%s\n", request->what);
    else
        printf("%s word %u order %c value %#llx (sees %#llx) way %u\n", kinds[request->kind], request->word,
               request->order, (unsigned long long)request->value[0], (unsigned long long)*memory_at(request->word),
               choice->way);
}

/* The choices that led here. Restores each state on the way. */
static void
print_way(uint32_t depth)
{
    char violation[sizeof checker.violation];
    uint32_t i;

    memcpy(violation, checker.violation, sizeof violation);
    for (i = 0; i < depth; i++) {
        restore(&frames[i]);
        print_choice(&frames[i].choices[frames[i].next - 1]);
    }
    memcpy(checker.violation, violation, sizeof violation);
    printf("#   %s\n", violation);
}

/* ---- the search ---- */

static void
start(const struct model_case *model, enum memory memory)
{
    memset(&checker, 0, sizeof checker);
    checker.model = model;
    checker.memory = memory;
    kept_n = 0;
    free(visited);
    visited = NULL;
    visited_n = visited_room = 0;
    memory_reset();
    races_reset();
    actors_reset();
    model->setup();
    actors_start();
}

/* Makes a frame of this state at depth. Returns 0 when it is an end. */
static int
enter(uint32_t depth, struct outcome *out)
{
    if (depth >= frames_room) {
        uint32_t room = frames_room ? 2 * frames_room : 256;
        frames = realloc(frames, room * sizeof *frames);
        if (!frames)
            abort();
        memset(frames + frames_room, 0, (room - frames_room) * sizeof *frames);
        frames_room = room;
    }
    find_choices(&frames[depth]);
    if (frames[depth].choices_n) {
        save(&frames[depth]);
        out->depth = depth > out->depth ? depth : out->depth;
        return 1;
    }
    out->ends++;
    if (checker.model->at_end)
        checker.model->at_end();
    return 0;
}

void
model_run(const struct model_case *model, enum memory memory, uint64_t states_limit, int trace, struct outcome *out)
{
    uint32_t depth = 0, here = 1;

    memset(out, 0, sizeof *out);
    start(model, memory);
    visited_add(hash_state());
    enter(0, out);
    while (out->exhausted = frames[depth].next == frames[depth].choices_n, !out->exhausted || depth) {
        struct frame *frame = &frames[depth];
        if (out->exhausted) {
            depth--;
            here = 0;
            continue;
        }
        if (!here)
            restore(frame);
        here = 0;
        perform(&frame->choices[frame->next++]);
        out->steps++;
        if (!*checker.violation && visited_add(hash_state())) {
            here = (uint32_t)enter(depth + 1, out);
            depth += here;
        }
        if (*checker.violation) {
            if (trace)
                print_way(depth + 1);
            memcpy(out->violation, checker.violation, sizeof out->violation);
            out->exhausted = 0;
            break;
        }
        if (visited_n >= states_limit) {
            out->exhausted = 0;
            break;
        }
    }
    out->states = visited_n;
}
