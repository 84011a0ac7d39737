/*
 * RE2 behind a C interface. RE2 reports a lack of memory by std::bad_alloc, which must not pass through C.
 */
#include "base/regex.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <re2/re2.h>
#include <string>

struct regex {
    RE2 compiled;
};

namespace {

RE2::Options
options()
{
    RE2::Options options;

    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_never_capture(true);
    options.set_max_mem(REGEX_MEMORY_BYTES);
    return options;
}

/* Whether the expression has \C, one byte of a character, which Go's regexp, and so PromQL, refuses. */
bool
has_bytes(const char *expression)
{
    const char *at = expression;

    while ((at = std::strchr(at, '\\')) && at[1] && at[1] != 'C')
        at += 2;
    return at && at[1];
}

/*
 * Whether the expression has a repetition with more digits than RE2 reads. RE2 takes it as text; Go's regexp refuses
 * it.
 */
bool
has_long_repetition(const char *expression)
{
    const char *at = expression;

    while ((at = std::strchr(at, '{')) && std::strspn(at + 1, "0123456789,") < sizeof "1000,1000")
        at++;
    return at;
}

/*
 * RE2 allocates within pthread_once(3). For an exception that passes through it, libc loads a library, which it could
 * not do when memory has run out; so it is loaded here.
 */
void
make_ready_for_exceptions()
{
    std::once_flag once;

    try {
        std::call_once(once, [] { throw std::bad_alloc(); });
    } catch (const std::bad_alloc &) {
    }
}

/* Returns -EINVAL and a sentence, or 0 when the expression is valid. */
int
refuse(struct report *report, const char *expression, const RE2 &compiled)
{
    const std::string &part = compiled.error_arg();

    if (compiled.error_code() == RE2::ErrorBadEscape && part.size() == 2 && part[1] >= '1' && part[1] <= '9')
        return report_fail(report, -EINVAL,
                           "expression \"%.80s\" has a back reference (\\1 to \\9), which this does not do",
                           expression);
    if (compiled.error_code() == RE2::ErrorRepeatSize || (compiled.ok() && has_long_repetition(expression)))
        return report_fail(report, -EINVAL, "expression \"%.80s\" repeats too much: more than %u times", expression,
                           REGEX_REPEATS);
    if (compiled.error_code() == RE2::ErrorPatternTooLarge)
        return report_fail(report, -EINVAL, "expression \"%.80s\" is too large for the %u KiB that it may take",
                           expression, REGEX_MEMORY_BYTES >> 10);
    if (!compiled.ok() || has_bytes(expression))
        return report_fail(report, -EINVAL, "expression \"%.80s\" is no regular expression: %.120s", expression,
                           compiled.ok() ? "\\C, a single byte, is not taken" : compiled.error().c_str());
    return 0;
}

} // namespace

int
regex_new(struct regex **out, const char *expression, struct report *report)
{
    *out = nullptr;
    make_ready_for_exceptions();
    if (std::strlen(expression) > REGEX_BYTES)
        return report_fail(report, -EINVAL, "expression \"%.40s...\" is longer than %u bytes", expression, REGEX_BYTES);
    try {
        std::unique_ptr<regex> made(new regex{ { expression, options() } });
        int result = refuse(report, expression, made->compiled);
        if (!result)
            *out = made.release();
        return result;
    } catch (const std::bad_alloc &) {
        return -ENOMEM;
    }
}

void
regex_free(struct regex *regex)
{
    delete regex;
}

int
regex_matches(const struct regex *regex, const char *text)
{
    try {
        return RE2::FullMatch(text, regex->compiled);
    } catch (const std::bad_alloc &) {
        return -ENOMEM;
    }
}
