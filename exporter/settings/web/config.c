/* All sections of the web configuration except tls_server_config, which is in tls.c. */
#include "exporter/settings/web/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "exporter/auth/basic.h"
#include "exporter/settings/web/internal.h"

#define RATE_SECONDS_MAX 3600.0
#define RATE_BURST_MAX   1000000
#define USERS_MAX        256u
#define USER_BYTES       128u

struct web_string {
    struct web_string *next;
    size_t len;
    char text[];
};

int
web_config_is_nothing(const struct yaml_value *value)
{
    return value->kind == YAML_SCALAR && !value->is_quoted && !*value->text;
}

const char *
web_config_keep(struct web_config *config, const char *text)
{
    const size_t len = strlen(text);
    struct web_string *string = malloc(sizeof *string + len + 1);

    if (!string)
        return NULL;
    string->next = config->strings;
    string->len = len;
    memcpy(string->text, text, len + 1);
    config->strings = string;
    return string->text;
}

int
web_config_text(struct yaml *yaml, const char *key, const struct yaml_value *value, const char **out)
{
    *out = "";
    return web_config_is_nothing(value) ? 0 : yaml_string(yaml, key, value, out);
}

int
web_config_string(struct web_config *config, struct yaml *yaml, const char *key, const struct yaml_value *value,
                  const char **out)
{
    const char *text;

    *out = NULL;
    if (web_config_text(yaml, key, value, &text))
        return -EINVAL;
    if (*text)
        *out = web_config_keep(config, text);
    return *text && !*out ? -ENOMEM : 0;
}

/* ---- http_server_config ---- */

static const char *const header_names[WEB_HEADERS] = {
    [WEB_HEADER_CSP] = "Content-Security-Policy",         [WEB_HEADER_FRAME] = "X-Frame-Options",
    [WEB_HEADER_CONTENT_TYPE] = "X-Content-Type-Options", [WEB_HEADER_XSS] = "X-XSS-Protection",
    [WEB_HEADER_TRANSPORT] = "Strict-Transport-Security",
};

static int
has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return 1;
    return 0;
}

static int
check_header(struct yaml *yaml, const char *key, const struct yaml_value *value, unsigned which, const char *text)
{
    if (has_control(text))
        return yaml_fail(yaml, value, "%s: control characters cannot stand in a header", key);
    if (which == WEB_HEADER_FRAME && strcmp(text, "deny") && strcmp(text, "sameorigin"))
        return yaml_fail(yaml, value, "%s: it is deny or sameorigin", key);
    if (which == WEB_HEADER_CONTENT_TYPE && strcmp(text, "nosniff"))
        return yaml_fail(yaml, value, "%s: it is nosniff", key);
    return 0;
}

static int
take_header(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct web_config *config = into;
    const char *text;
    unsigned which;
    int result = web_config_string(config, yaml, key, value, &text);

    if (result || !text)
        return result;
    for (which = 0; which + 1 < WEB_HEADERS && strcmp(key, header_names[which]); which++)
        ;
    config->headers[which] = (struct web_header){ header_names[which], text };
    return check_header(yaml, key, value, which, text);
}

static int
take_headers(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct yaml_field fields[WEB_HEADERS];
    unsigned i;

    if (web_config_is_nothing(value))
        return 0;
    for (i = 0; i < WEB_HEADERS; i++)
        fields[i] = (struct yaml_field){ header_names[i], take_header, 0 };
    return yaml_map(yaml, key, value, fields, WEB_HEADERS, into);
}

static int
take_http2(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    int wanted;

    (void)into;
    if (yaml_bool(yaml, key, value, &wanted))
        return -EINVAL;
    if (wanted)
        log_event(LOG_LEVEL_WARN, "http2: there is no HTTP/2 here; clients get HTTP/1.1", "file", yaml->path, NULL);
    return 0;
}

static int
take_http(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = { { "http2", take_http2, 0 }, { "headers", take_headers, 0 } };

    if (web_config_is_nothing(value))
        return 0;
    return yaml_map(yaml, key, value, fields, 2, into);
}

/* ---- basic_auth_users ---- */

static int
check_user(struct yaml *yaml, const struct yaml_value *value, const char *name)
{
    if (!*name || strlen(name) >= USER_BYTES)
        return yaml_fail(yaml, value, "basic_auth_users: a user's name has 1 to %u bytes", USER_BYTES - 1);
    if (strchr(name, ':') || has_control(name))
        return yaml_fail(yaml, value, "basic_auth_users: a name with a colon or a control character can never log in");
    return 0;
}

static int
take_user(struct yaml *yaml, const char *name, const struct yaml_value *value, struct web_config *config)
{
    struct auth_user *user = &config->users[config->users_n];
    const char *text, *wrong;

    if (check_user(yaml, value, name) || web_config_text(yaml, "basic_auth_users", value, &text))
        return -EINVAL;
    wrong = basic_hash_check(text);
    if (wrong)
        return yaml_fail(yaml, value, "basic_auth_users: %s: %s", name, wrong);
    if (basic_hash_cost(text) >= BASIC_COST_WARN)
        log_event(LOG_LEVEL_WARN, "the cost of a hash is so high that a first scrape may time out", "file", yaml->path,
                  "user", name, NULL);
    user->name = web_config_keep(config, name);
    user->hash = web_config_keep(config, text);
    config->users_n++;
    return user->name && user->hash ? 0 : -ENOMEM;
}

static int
take_users(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct web_config *config = into;
    int result = 0;
    uint32_t i;

    if (web_config_is_nothing(value))
        return 0;
    if (value->kind != YAML_MAP)
        return yaml_fail(yaml, value, "%s: users and hashes are wanted, as in alice: $2y$10$...", key);
    if (value->n > USERS_MAX)
        return yaml_fail(yaml, value, "%s: there may be at most %u of them", key, USERS_MAX);
    config->users = calloc(value->n + 1u, sizeof *config->users);
    if (!config->users)
        return -ENOMEM;
    for (i = 0; !result && i < value->n; i++)
        result = take_user(yaml, value->keys[i], &value->items[i], config);
    return result;
}

/* ---- rate_limit ---- */

static int
take_interval(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, 0, RATE_SECONDS_MAX, &((struct web_config *)into)->rate_seconds);
}

static int
take_burst(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_integer(yaml, key, value, 0, RATE_BURST_MAX, &((struct web_config *)into)->rate_burst);
}

static int
take_rate(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = { { "interval", take_interval, 0 }, { "burst", take_burst, 0 } };
    struct web_config *config = into;
    int result;

    if (web_config_is_nothing(value))
        return 0;
    config->rate_seconds = -1;
    result = yaml_map(yaml, key, value, fields, 2, into);
    if (!result && config->rate_seconds > 0 && config->rate_burst < 1)
        return yaml_fail(yaml, value, "%s: with an interval, burst has to be 1 or more, or no request is ever answered",
                         key);
    if (!result && config->rate_seconds < 0 && config->rate_burst > 0)
        return yaml_fail(yaml, value, "%s: interval is missing, and burst alone limits nothing", key);
    if (config->rate_seconds < 0)
        config->rate_seconds = 0;
    return result;
}

/* ---- the whole ---- */

static int
read_sections(struct web_config *config, struct yaml *yaml)
{
    static const struct yaml_field fields[] = {
        { "tls_server_config", web_config_take_tls, 0 },
        { "http_server_config", take_http, 0 },
        { "basic_auth_users", take_users, 0 },
        { "rate_limit", take_rate, 0 },
    };

    if (!yaml->root || web_config_is_nothing(yaml->root))
        return 0;
    return yaml_map(yaml, "the web configuration", yaml->root, fields, sizeof fields / sizeof *fields, config);
}

int
web_config_read(struct web_config **out, const char *path, struct report *report)
{
    struct web_config *config = calloc(1, sizeof *config);
    struct yaml yaml;
    int result = config ? 0 : -ENOMEM;

    *out = NULL;
    if (config)
        config->tls_settings.terms = (struct tls_terms)TLS_TERMS_DEFAULT;
    if (config && path) {
        result = yaml_open(&yaml, path, report);
        if (!result) {
            result = read_sections(config, &yaml);
            yaml_close(&yaml);
        }
    }
    if (result == -ENOMEM)
        report_fail(report, result, "no memory for the web configuration");
    if (result)
        web_config_free(config);
    else
        *out = config;
    return result;
}

void
web_config_free(struct web_config *config)
{
    struct web_string *string;

    if (!config)
        return;
    while ((string = config->strings)) {
        config->strings = string->next;
        explicit_bzero(string->text, string->len);
        free(string);
    }
    tls_release(config->tls);
    free(config->users);
    free(config);
}

const char *
web_config_exposure(const struct web_config *config)
{
    const struct tls_pem *ca = &config->tls_settings.parts[TLS_PART_CLIENT_CA];
    const int knows_clients = config->users_n ||
                              (config->tls_settings.client_auth == TLS_CLIENT_VERIFY && (ca->file || ca->text));

    if (config->tls && knows_clients)
        return NULL;
    if (config->tls)
        return "other machines can reach this address, and whoever connects may read: there is TLS, but neither "
               "passwords nor "
               "verified client certificates";
    if (knows_clients)
        return "other machines can reach this address, and passwords travel readable: there is no TLS";
    return "other machines can reach this address, and there is neither TLS nor a password";
}
