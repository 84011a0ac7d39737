/*
 * A result is freed when libmicrohttpd has let go of the response that is made around it.
 */
#include "exporter/web/answers.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/web/responses.h"

#define HELD_BYTES (64u << 20) /* of answers on their way; beyond, the slowest taker is cut */

struct held {
    struct answers *answers;
    struct scrape_result *result;
    int armed; /* 0: the response was not completed, the result stays */
};

static void
release(void *argument)
{
    struct held *held = argument;

    if (!held->armed)
        return;
    held->answers->held_bytes -= held->result->document.body.capacity;
    scrape_result_free(held->result);
    free(held);
}

/* One response for all that wait for this result; it is freed when the last of them has taken it. */
static struct MHD_Response *
response_of(struct answers *answers, struct scrape_result *result)
{
    struct held *held;

    if (result->attached)
        return result->attached;
    held = malloc(sizeof *held);
    if (!held)
        return NULL;
    *held = (struct held){ answers, result, 0 };
    result->attached = responses_of_document(result, answers->headers, release, held);
    if (!result->attached) {
        free(held);
        return NULL;
    }
    held->armed = 1;
    answers->held_bytes += result->document.body.capacity;
    if (answers->held_bytes > HELD_BYTES)
        conns_cut_slowest(answers->conns);
    return result->attached;
}

void
answers_let_go(struct scrape_request *ask)
{
    struct scrape_result *result = ask->result;

    ask->result = NULL;
    if (!result || --result->requests_n)
        return;
    if (result->attached)
        MHD_destroy_response(result->attached);
    else
        scrape_result_free(result);
}

int
answers_queue(struct answers *answers, struct MHD_Connection *connection, struct scrape_request *ask)
{
    struct MHD_Response *response = ask->result ? response_of(answers, ask->result) : NULL;
    enum MHD_Result queued;

    if (!response)
        return -ENOMEM;
    queued = MHD_queue_response(connection, responses_status_of(ask->result), response);
    answers_let_go(ask);
    return queued == MHD_YES ? 0 : -ENOMEM;
}
