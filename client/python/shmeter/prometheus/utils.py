"""Numbers as text, and addresses."""
import math
import socket

INF = float("inf")
MINUS_INF = float("-inf")
NaN = float("NaN")


def floatToGoString(d) -> str:
    """1.0 0.25 1.234567e+06 +Inf: repr(), and from a million on the exponent that Go writes."""
    d = float(d)
    if math.isnan(d):
        return "NaN"
    if math.isinf(d):
        return "+Inf" if d > 0 else "-Inf"
    text = repr(d)
    point = text.find(".")
    if d <= 0 or point <= 6:
        return text
    digits = (text[0] + "." + text[1:point] + text[point + 1:]).rstrip("0.")
    return f"{digits}e+0{point - 1}"


def best_family(address, port):
    """Address family, and the address as it is in it."""
    family, _, _, _, place = next(iter(socket.getaddrinfo(address, port)))
    return family, place[0]
