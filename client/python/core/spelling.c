/*
 * Numbers as prometheus_client spells them, in its newest release or as in 0.16.
 */
#include "core.h"

#include "base/number.h"

static int old_exponents; /* of the process: as prometheus_client 0.16 writes them */

PyObject *
core_spell_as_old(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    old_exponents = 1;
    Py_RETURN_NONE;
}

/* 1e+10 to 9e+15 have a zero before the exponent there. */
size_t
core_repr(char *out, double value)
{
    size_t len = number_repr(out, value);
    char *exponent = out + len - 2;

    if (!old_exponents || value < 1e10 || value >= 1e16 || exponent[-1] != '+')
        return len;
    memmove(exponent + 1, exponent, 2);
    *exponent = '0';
    return len + 1;
}
