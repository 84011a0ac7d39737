"""What is made wrong in the amalgamated header, in its sequences: (what, [(how often it is there, old text, new
text)])."""

DESCRIPTOR = ("the sequence's descriptor is not stored", [(1, r'"str x16, [x17, #8]\n"', r'"nop\n"')])

# (mutant, operation of the crash tests, words of the oracle that notices); the first ones in every check.
TORN = "is torn"
LANE = r"lane is \S+ instead of"
CRASH = [
    (DESCRIPTOR, "counter add", LANE + r"|crash_counter_total\{a\} is"),
    (("the CPU's number is loaded before the sequence begins",
      [(1, r'"1:\n"', '""'), (1, r'"b.hs %l[elsewhere]\n"', r'"b.hs %l[elsewhere]\n1:\n"')]), "counter add", LANE),
    (("the CPU is not compared with the number of lanes", [(1, r'"b.hs %l[elsewhere]\n"', r'"nop\n"')]), "counter add",
     r"migrated: \S+ is \S+ instead of"),
    (DESCRIPTOR, "fractional counter add", LANE + r"|crash_fraction_total\{a\} is"),
    (DESCRIPTOR, "histogram observe", LANE + r"|crash_classic\{a\} is"),
    (("the commit stands behind the sequence's end",
      [(1, r'"str x15, [%[cell], x16]\n"', r'"2: str x15, [%[cell], x16]\n"'), (1, '    "2:\\n"', '    ""'),
       (1, r'"str d31, [%[cell], x16]\n"', r'"str d31, [%[cell], x16]\n2:\n"'),
       (1, r'"stlr x15, [x16]\n"', r'"stlr x15, [x16]\n2:\n"')]),
     "counter add", LANE + r"|crash_counter_total\{a\} is"),
    (("a counter is moved by two stores",
      [(1, r'"add x15, x15, %[n]\n"',
        r'"add x15, x15, #1\n str x15, [%[cell], x16]\n sub x15, x15, #1\n add x15, x15, %[n]\n"')]),
     "counter add", TORN),
    (("seq is raised before the record is written",
      [(1, r'"add x15, x15, #1\n"', r'"nop\n"'), (1, r'"stlr x15, [x16]\n"', r'"nop\n"'),
       (1, r'"str %[bucket], [x13]\n"', r'"add x15, x15, #1\n stlr x15, [x16]\n str %[bucket], [x13]\n"')]),
     "histogram observe", TORN),
    (("the sum goes into the active record",
      [(1, r'"ldr d31, [x14, #16]\n"',
        r'"ldr d31, [x14, #16]\n fadd d31, d31, %d[v]\n str d31, [x14, #16]\n fsub d31, d31, %d[v]\n"')]),
     "histogram observe", TORN),
    (("the bucket is counted before the commit", [(1, r'"add x12, x12, #1\n"',
                                                   r'"add x12, x12, #1\n str x12, [x13, #64]\n"')]),
     "histogram observe", TORN),
]
CRASH_SHORT = 2


def mutate(header, changes):
    """The amalgamated header's text with the changes, in the part that is shm/machine/rseq_aarch64.h."""
    before, begin, rest = header.partition("/* ======== shm/machine/rseq_aarch64.h ======== */")
    part, end, after = rest.partition("/* ======== ")
    assert begin, "the header has no such part"
    for count, old, new in changes:
        assert part.count(old) == count, f"it is there {part.count(old)} times instead of {count}: {old}"
        part = part.replace(old, new)
    return before + begin + part + end + after
