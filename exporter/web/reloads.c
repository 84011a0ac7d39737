/*
 * There are two lists. A request that arrives while the files are being read waits for the next reload, because the
 * files may have changed after they were read.
 */
#include "exporter/web/reloads.h"

#include <stdio.h>

#include "exporter/web/responses.h"

#define SENTENCE_BYTES 1100u

void
reloads_add(struct reloads *reloads, struct reload_waiter *waiter)
{
    waiter->next = reloads->asked;
    reloads->asked = waiter;
    MHD_suspend_connection(waiter->connection);
}

void
reloads_begin(struct reloads *reloads)
{
    struct reload_waiter **end = &reloads->underway;

    while (*end)
        end = &(*end)->next;
    *end = reloads->asked;
    reloads->asked = NULL;
}

void
reloads_end(struct reloads *reloads, const char *wrong, const struct web_header *headers)
{
    struct reload_waiter *waiter, *next;
    char text[SENTENCE_BYTES];

    snprintf(text, sizeof text, "%s\n", wrong ? wrong : "The settings were reloaded.");
    for (waiter = reloads->underway; waiter; waiter = next) {
        next = waiter->next;
        waiter->is_answered = 1;
        waiter->status = wrong ? MHD_HTTP_INTERNAL_SERVER_ERROR : MHD_HTTP_OK;
        waiter->response = responses_of_text(text, headers);
        MHD_resume_connection(waiter->connection);
    }
    reloads->underway = NULL;
}

enum MHD_Result
reloads_queue(struct reload_waiter *waiter)
{
    enum MHD_Result result;

    if (!waiter->response)
        return MHD_NO;
    result = MHD_queue_response(waiter->connection, waiter->status, waiter->response);
    MHD_destroy_response(waiter->response);
    waiter->response = NULL;
    return result;
}
