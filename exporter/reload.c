/*
 * Reads and checks the settings, hands them over, and reports the result. After the check only a lack of memory can
 * make a reload fail.
 */
#include "exporter/reload.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "exporter/settings/config.h"

/* Sets the result for the exporter's own series. */
static void
note(struct reload *reload, int is_good)
{
    struct round_reload told = { is_good, 0 };

    if (is_good)
        reload->good_seconds = clock_seconds(CLOCK_REALTIME);
    told.good_seconds = reload->good_seconds;
    scraper_note_reload(reload->scraper, &told);
}

void
reload_open(struct reload *reload, const struct options *options, struct scraper *scraper, struct http *http,
            const struct service *service)
{
    *reload = (struct reload){ .options = options, .scraper = scraper, .http = http, .service = service };
    note(reload, 1);
}

void
reload_close(struct reload *reload)
{
    web_config_free(reload->web);
    reload->web = NULL;
}

void
reload_ask(struct reload *reload)
{
    reload->is_wanted = 1;
}

/* Ends a reload. wrong: why it failed; NULL: it succeeded. */
static void
end(struct reload *reload, const char *wrong)
{
    if (wrong)
        log_event(LOG_LEVEL_ERROR, "the settings were not reloaded, and the former ones stay in force", "error", wrong,
                  NULL);
    else if (reload->options->config_file || reload->options->web_config_file)
        log_event(LOG_LEVEL_INFO, "the settings were reloaded", NULL);
    else
        log_event(LOG_LEVEL_INFO, "nothing to reload: everything is set by options", NULL);
    note(reload, !wrong);
    reload->is_underway = 0;
    http_reload_ends(reload->http, wrong);
    service_reloaded(reload->service);
}

static void
begin(struct reload *reload)
{
    struct report report = { 0 };
    struct config *config;

    reload->is_wanted = 0;
    http_reload_begins(reload->http);
    service_reloading(reload->service);
    if (config_read(&config, reload->options, &report)) {
        end(reload, report.text);
        return;
    }
    if (web_config_read(&reload->web, reload->options->web_config_file, &report) ||
        http_check(reload->http, reload->web, &report)) {
        config_free(config);
        reload_close(reload);
        end(reload, report.text);
        return;
    }
    reload->is_underway = 1;
    scraper_configure(reload->scraper, config);
}

/* To be called when the scraper's thread has applied the settings, or could not. */
static void
finish(struct reload *reload, int result)
{
    struct report report = { 0 };

    if (result) {
        reload_close(reload);
        end(reload, "no memory for the settings");
        return;
    }
    result = http_configure(reload->http, reload->web, &report);
    if (result)
        reload_close(reload);
    reload->web = NULL;
    end(reload, result ? report.text : NULL);
}

void
reload_turn(struct reload *reload)
{
    int result;

    if (reload->is_underway && scraper_configured(reload->scraper, &result))
        finish(reload, result);
    if (!reload->is_underway && reload->is_wanted)
        begin(reload);
}
