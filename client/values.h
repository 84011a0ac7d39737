/*
 * Lookups with the label values as arguments, in C and C++: shmeter_counter_of(family, "GET", "200").
 */
#ifndef SHMETER_CLIENT_VALUES_H
#define SHMETER_CLIENT_VALUES_H

/* The types are checked: an int passed as a label value does not compile. The number is checked at run time. */
#ifdef __cplusplus
extern "C++" { /* also where the include is inside extern "C" */
/* Whether a type is text with an ending zero. */
template <class Value> struct shmeter_is_text_ {
    static constexpr bool value = false;
};
template <> struct shmeter_is_text_<const char *> {
    static constexpr bool value = true;
};
template <> struct shmeter_is_text_<char *> {
    static constexpr bool value = true;
};
template <size_t n> struct shmeter_is_text_<char[n]> {
    static constexpr bool value = true;
};

inline shmeter_value
shmeter_value_of_(const char *text)
{
    return { text, text ? __builtin_strlen(text) : 1 };
}

/* std::string, std::string_view and their like. */
template <class Text>
inline auto
shmeter_value_of_(const Text &text) -> decltype((void)text.data(), (void)text.size(), shmeter_value())
{
    return { text.data(), text.size() };
}

template <class... Values>
inline shmeter_counter
shmeter_counter_of(const shmeter_family_type *family, const Values &...values)
{
    if constexpr ((shmeter_is_text_<Values>::value && ...)) {
        const char *const list[] = { values..., nullptr };
        return shmeter_counter_of_v(family, list, static_cast<uint32_t>(sizeof...(values)));
    } else {
        const shmeter_value list[] = { shmeter_value_of_(values)... };
        return shmeter_counter_of_n(family, list, static_cast<uint32_t>(sizeof...(values)));
    }
}

template <class... Values>
inline shmeter_counter_f64
shmeter_counter_f64_of(const shmeter_family_type *family, const Values &...values)
{
    if constexpr ((shmeter_is_text_<Values>::value && ...)) {
        const char *const list[] = { values..., nullptr };
        return shmeter_counter_f64_of_v(family, list, static_cast<uint32_t>(sizeof...(values)));
    } else {
        const shmeter_value list[] = { shmeter_value_of_(values)... };
        return shmeter_counter_f64_of_n(family, list, static_cast<uint32_t>(sizeof...(values)));
    }
}

template <class... Values>
inline shmeter_gauge
shmeter_gauge_of(const shmeter_family_type *family, const Values &...values)
{
    if constexpr ((shmeter_is_text_<Values>::value && ...)) {
        const char *const list[] = { values..., nullptr };
        return shmeter_gauge_of_v(family, list, static_cast<uint32_t>(sizeof...(values)));
    } else {
        const shmeter_value list[] = { shmeter_value_of_(values)... };
        return shmeter_gauge_of_n(family, list, static_cast<uint32_t>(sizeof...(values)));
    }
}

template <class... Values>
inline shmeter_histogram
shmeter_histogram_of(const shmeter_family_type *family, const Values &...values)
{
    if constexpr ((shmeter_is_text_<Values>::value && ...)) {
        const char *const list[] = { values..., nullptr };
        return shmeter_histogram_of_v(family, list, static_cast<uint32_t>(sizeof...(values)));
    } else {
        const shmeter_value list[] = { shmeter_value_of_(values)... };
        return shmeter_histogram_of_n(family, list, static_cast<uint32_t>(sizeof...(values)));
    }
}

template <class... Values>
inline shmeter_stateset
shmeter_stateset_of(const shmeter_family_type *family, const Values &...values)
{
    if constexpr ((shmeter_is_text_<Values>::value && ...)) {
        const char *const list[] = { values..., nullptr };
        return shmeter_stateset_of_v(family, list, static_cast<uint32_t>(sizeof...(values)));
    } else {
        const shmeter_value list[] = { shmeter_value_of_(values)... };
        return shmeter_stateset_of_n(family, list, static_cast<uint32_t>(sizeof...(values)));
    }
}

template <class... Values>
inline void
shmeter_info_of(const shmeter_family_type *family, const Values &...values)
{
    if constexpr ((shmeter_is_text_<Values>::value && ...)) {
        const char *const list[] = { values..., nullptr };
        shmeter_info_of_v(family, list, static_cast<uint32_t>(sizeof...(values)));
    } else {
        const shmeter_value list[] = { shmeter_value_of_(values)... };
        shmeter_info_of_n(family, list, static_cast<uint32_t>(sizeof...(values)));
    }
}
}
#else
#define SHMETER_FIRST_(first, ...) first
#define SHMETER_REST_(first, ...)  __VA_ARGS__
/* A value, if it is text. Applied to each of up to SHMETER_MAX_LABELS values, and to the null that ends them. */
#define SHMETER_TEXT_(v)           _Generic((v), char * : (v), const char * : (v))
#define SHMETER_TEXTS_1_(v)        SHMETER_TEXT_(v)
#define SHMETER_TEXTS_2_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_1_(__VA_ARGS__)
#define SHMETER_TEXTS_3_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_2_(__VA_ARGS__)
#define SHMETER_TEXTS_4_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_3_(__VA_ARGS__)
#define SHMETER_TEXTS_5_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_4_(__VA_ARGS__)
#define SHMETER_TEXTS_6_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_5_(__VA_ARGS__)
#define SHMETER_TEXTS_7_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_6_(__VA_ARGS__)
#define SHMETER_TEXTS_8_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_7_(__VA_ARGS__)
#define SHMETER_TEXTS_9_(v, ...)   SHMETER_TEXT_(v), SHMETER_TEXTS_8_(__VA_ARGS__)
#define SHMETER_TEXTS_10_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_9_(__VA_ARGS__)
#define SHMETER_TEXTS_11_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_10_(__VA_ARGS__)
#define SHMETER_TEXTS_12_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_11_(__VA_ARGS__)
#define SHMETER_TEXTS_13_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_12_(__VA_ARGS__)
#define SHMETER_TEXTS_14_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_13_(__VA_ARGS__)
#define SHMETER_TEXTS_15_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_14_(__VA_ARGS__)
#define SHMETER_TEXTS_16_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_15_(__VA_ARGS__)
#define SHMETER_TEXTS_17_(v, ...)  SHMETER_TEXT_(v), SHMETER_TEXTS_16_(__VA_ARGS__)
#define SHMETER_TEXTS_N_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, n, ...) \
    SHMETER_TEXTS_##n##_
#define SHMETER_TEXTS_(...) \
    SHMETER_TEXTS_N_(__VA_ARGS__, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)(__VA_ARGS__)
#define SHMETER_LIST_(...)                                          \
    (const char *const[])                                           \
    {                                                               \
        SHMETER_TEXTS_(SHMETER_REST_(__VA_ARGS__, (const char *)0)) \
    }
#define SHMETER_VALUES_(...)     (SHMETER_LIST_(__VA_ARGS__))
#define SHMETER_VALUES_LEN_(...) ((uint32_t)(sizeof(SHMETER_LIST_(__VA_ARGS__)) / sizeof(const char *)) - 1)
#define SHMETER_OF_(function, ...) \
    function(SHMETER_FIRST_(__VA_ARGS__, 0), SHMETER_VALUES_(__VA_ARGS__), SHMETER_VALUES_LEN_(__VA_ARGS__))
#define shmeter_counter_of(...)     SHMETER_OF_(shmeter_counter_of_v, __VA_ARGS__)
#define shmeter_counter_f64_of(...) SHMETER_OF_(shmeter_counter_f64_of_v, __VA_ARGS__)
#define shmeter_gauge_of(...)       SHMETER_OF_(shmeter_gauge_of_v, __VA_ARGS__)
#define shmeter_histogram_of(...)   SHMETER_OF_(shmeter_histogram_of_v, __VA_ARGS__)
#define shmeter_stateset_of(...)    SHMETER_OF_(shmeter_stateset_of_v, __VA_ARGS__)
#define shmeter_info_of(...)        SHMETER_OF_(shmeter_info_of_v, __VA_ARGS__)
#endif

#endif
