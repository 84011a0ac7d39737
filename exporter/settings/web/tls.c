/*
 * tls_server_config of the web configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "exporter/settings/web/internal.h"
#include "exporter/tls/files.h"

struct reading {
    struct web_config *config;
    const struct yaml_value *parts[TLS_PARTS]; /* the values in the tree, for the line in a sentence */
    const struct yaml_value *client_auth, *sans, *versions;
};

/* ---- files and texts ---- */

/* Makes a path absolute: it is relative to the folder of the configuration. */
static const char *
resolve(struct web_config *config, const char *path, const char *file)
{
    const char *slash = strrchr(path, '/');
    char whole[4096];
    int len;

    if (*file == '/' || !slash)
        return web_config_keep(config, file);
    len = snprintf(whole, sizeof whole, "%.*s/%s", (int)(slash - path), path, file);
    return len < (int)sizeof whole ? web_config_keep(config, whole) : NULL;
}

static int
take_part(struct yaml *yaml, const char *key, const struct yaml_value *value, struct reading *reading,
          enum tls_part part, int is_file)
{
    struct tls_pem *pem = &reading->config->tls_settings.parts[part];
    const char *text;
    int result = web_config_string(reading->config, yaml, key, value, &text);

    if (result || !text)
        return result;
    if (pem->file || pem->text)
        return yaml_fail(yaml, value, "%s: given as a file and as text: one of them is too many", key);
    reading->parts[part] = value;
    if (!is_file)
        pem->text = text;
    else if (!(pem->file = resolve(reading->config, yaml->path, text)))
        return -ENOMEM;
    return 0;
}

#define TAKE_PART(name, part, is_file)                                                              \
    static int name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into) \
    {                                                                                               \
        return take_part(yaml, key, value, into, part, is_file);                                    \
    }

TAKE_PART(take_cert, TLS_PART_CERT, 0)
TAKE_PART(take_cert_file, TLS_PART_CERT, 1)
TAKE_PART(take_key, TLS_PART_KEY, 0)
TAKE_PART(take_key_file, TLS_PART_KEY, 1)
TAKE_PART(take_client_ca, TLS_PART_CLIENT_CA, 0)
TAKE_PART(take_client_ca_file, TLS_PART_CLIENT_CA, 1)

/* ---- clients ---- */

static int
take_client_auth(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct {
        const char *name;
        enum tls_client_auth auth;
    } names[] = {
        { "NoClientCert", TLS_CLIENT_NONE },
        { "RequestClientCert", TLS_CLIENT_REQUEST },
        { "RequireAnyClientCert", TLS_CLIENT_ANY },
        { "RequireClientCert", TLS_CLIENT_ANY }, /* an older name */
        { "VerifyClientCertIfGiven", TLS_CLIENT_IF_GIVEN },
        { "RequireAndVerifyClientCert", TLS_CLIENT_VERIFY },
    };
    struct reading *reading = into;
    const char *text;
    size_t i;

    if (web_config_text(yaml, key, value, &text))
        return -EINVAL;
    reading->client_auth = value;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i].name)) {
            reading->config->tls_settings.client_auth = names[i].auth;
            return 0;
        }
    return !*text ? 0
                  : yaml_fail(yaml, value,
                              "%s: it is one of NoClientCert, RequestClientCert, RequireAnyClientCert, "
                              "VerifyClientCertIfGiven, RequireAndVerifyClientCert",
                              key);
}

static int
take_san(struct yaml *yaml, const char *key, const struct yaml_value *item, void *into)
{
    struct web_config *config = ((struct reading *)into)->config;
    struct tls_settings *settings = &config->tls_settings;
    int result;

    if (settings->allowed_sans_n == WEB_CONFIG_SANS)
        return yaml_fail(yaml, item, "%s: there may be at most %u of them", key, WEB_CONFIG_SANS);
    result = web_config_string(config, yaml, key, item, &config->sans[settings->allowed_sans_n]);
    if (result)
        return result;
    if (!config->sans[settings->allowed_sans_n])
        return yaml_fail(yaml, item, "%s: a name is wanted, not an empty one", key);
    settings->allowed_sans_n++;
    return 0;
}

static int
take_sans(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct reading *reading = into;

    if (web_config_is_nothing(value))
        return 0;
    reading->sans = value;
    reading->config->tls_settings.allowed_sans = reading->config->sans;
    return yaml_list(yaml, key, value, take_san, into);
}

/* ---- terms ---- */

static int
take_version(struct yaml *yaml, const char *key, const struct yaml_value *value, struct reading *reading,
             enum tls_version *out)
{
    const char *text;

    if (web_config_text(yaml, key, value, &text))
        return -EINVAL;
    reading->versions = value;
    return !*text || !tls_version_parse(text, out)
               ? 0
               : yaml_fail(yaml, value, "%s: it is one of TLS10, TLS11, TLS12, TLS13", key);
}

static int
take_min(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct reading *reading = into;

    return take_version(yaml, key, value, reading, &reading->config->tls_settings.terms.min);
}

static int
take_max(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct reading *reading = into;

    return take_version(yaml, key, value, reading, &reading->config->tls_settings.terms.max);
}

static int
take_suite(struct yaml *yaml, const char *key, const struct yaml_value *item, void *into)
{
    struct tls_terms *terms = &((struct reading *)into)->config->tls_settings.terms;
    const char *text;

    if (web_config_text(yaml, key, item, &text))
        return -EINVAL;
    if (terms->suites_n == TLS_TERMS_LIST)
        return yaml_fail(yaml, item, "%s: there may be at most %u of them", key, TLS_TERMS_LIST);
    if (tls_suite_parse(text, &terms->suites[terms->suites_n]))
        return yaml_fail(yaml, item,
                         "%s: %.64s is none of the suites that Go's crypto/tls calls secure; docs/web.md lists them",
                         key, text);
    terms->suites_n++;
    return 0;
}

static int
take_suites(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return web_config_is_nothing(value) ? 0 : yaml_list(yaml, key, value, take_suite, into);
}

static int
take_curve(struct yaml *yaml, const char *key, const struct yaml_value *item, void *into)
{
    struct tls_terms *terms = &((struct reading *)into)->config->tls_settings.terms;
    const char *text;

    if (web_config_text(yaml, key, item, &text))
        return -EINVAL;
    if (terms->curves_n == TLS_TERMS_LIST)
        return yaml_fail(yaml, item, "%s: there may be at most %u of them", key, TLS_TERMS_LIST);
    if (tls_curve_parse(text, &terms->curves[terms->curves_n]))
        return yaml_fail(yaml, item, "%s: each is one of CurveP256, CurveP384, CurveP521, X25519", key);
    terms->curves_n++;
    return 0;
}

static int
take_curves(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return web_config_is_nothing(value) ? 0 : yaml_list(yaml, key, value, take_curve, into);
}

static int
take_order(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    int is_ours;

    if (yaml_bool(yaml, key, value, &is_ours))
        return -EINVAL;
    ((struct reading *)into)->config->tls_settings.terms.is_client_order = !is_ours;
    return 0;
}

/* ---- the whole ---- */

static int
check_together(struct yaml *yaml, const char *key, const struct yaml_value *value, const struct reading *reading)
{
    const struct tls_settings *settings = &reading->config->tls_settings;
    const enum tls_client_auth auth = settings->client_auth;

    if (!reading->parts[TLS_PART_CERT])
        return yaml_fail(yaml, value, "%s: cert_file is missing", key);
    if (!reading->parts[TLS_PART_KEY])
        return yaml_fail(yaml, value, "%s: key_file is missing", key);
    if (settings->terms.min > settings->terms.max)
        return yaml_fail(yaml, reading->versions, "min_version is above max_version");
    if (reading->parts[TLS_PART_CLIENT_CA] && auth == TLS_CLIENT_NONE)
        return yaml_fail(yaml, reading->parts[TLS_PART_CLIENT_CA],
                         "client_ca_file: no certificate is asked of clients; set client_auth_type");
    if (reading->sans && auth != TLS_CLIENT_ANY && auth != TLS_CLIENT_VERIFY)
        return yaml_fail(yaml, reading->sans,
                         "client_allowed_sans: client_auth_type has to be RequireAndVerifyClientCert or "
                         "RequireAnyClientCert for it");
    if (reading->sans && !settings->allowed_sans_n)
        return yaml_fail(yaml, reading->sans, "client_allowed_sans: with an empty list nobody could connect");
    return 0;
}

static void
warn(const struct yaml *yaml, const struct web_config *config)
{
    const struct tls_settings *settings = &config->tls_settings;
    const struct tls_pem *ca = &settings->parts[TLS_PART_CLIENT_CA];

    if (settings->terms.min < TLS_VERSION_12)
        log_event(LOG_LEVEL_WARN, "min_version allows TLS 1.0 or 1.1, which are broken", "file", yaml->path, NULL);
    if (settings->client_auth >= TLS_CLIENT_IF_GIVEN && !ca->file && !ca->text)
        log_event(LOG_LEVEL_WARN,
                  "client_ca_file is missing: each CA that this system trusts vouches for clients, and so does whoever "
                  "gets a certificate of one of them",
                  "file", yaml->path, NULL);
    if (settings->client_auth == TLS_CLIENT_ANY)
        log_event(
            LOG_LEVEL_WARN,
            "RequireAnyClientCert lets in whoever makes a certificate for himself; RequireAndVerifyClientCert does not",
            "file", yaml->path, NULL);
}

int
web_config_take_tls(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = {
        { "cert_file", take_cert_file, 0 },
        { "key_file", take_key_file, 0 },
        { "cert", take_cert, 0 },
        { "key", take_key, 0 },
        { "client_auth_type", take_client_auth, 0 },
        { "client_ca_file", take_client_ca_file, 0 },
        { "client_ca", take_client_ca, 0 },
        { "client_allowed_sans", take_sans, 0 },
        { "min_version", take_min, 0 },
        { "max_version", take_max, 0 },
        { "cipher_suites", take_suites, 0 },
        { "prefer_server_cipher_suites", take_order, 0 },
        { "curve_preferences", take_curves, 0 },
    };
    struct web_config *config = into;
    struct reading reading = { .config = config };
    struct report report = { 0 };
    int result;

    if (web_config_is_nothing(value))
        return 0;
    result = yaml_map(yaml, key, value, fields, sizeof fields / sizeof *fields, &reading);
    if (!result)
        result = check_together(yaml, key, value, &reading);
    if (result)
        return result;
    warn(yaml, config);
    config->tls_mark = tls_files_mark(&config->tls_settings);
    config->tls = tls_new(&config->tls_settings, &report);
    return config->tls ? 0 : yaml_fail(yaml, reading.parts[report.field], "%s", report.text);
}
