"""Seeds a bug in a source of the reader: a value that is checked is then loaded once more, or a mark of what has memory
is forgotten.

Usage: seed.py NAME SOURCE OUTPUT
"""
import pathlib
import sys

# name: source, old text, which stands there once, new text
SEEDS = {
    "head": ("walk.c", "return (uint32_t)bytes;",
             "return (uint32_t)snapshot_load(snapshot, snapshot_record_off(snapshot, unit));"),
    "bucket": ("cells.c", "out->buckets[bucket] = count;",
               "out->buckets[shmeter_load_relaxed(cell + 1 + 3 * (seq & 1))] = count;"),
    "record": ("walk.c", "bytes > SNAPSHOT_RECORD_BYTES || unit * SHMETER_UNIT_BYTES + bytes > snapshot->records_end)",
               "bytes > SNAPSHOT_RECORD_BYTES)"),
    "block": ("slots.c", "slot->backed >= sizeof(struct shmeter_slot_block) && ", ""),
}

name, source, output = sys.argv[1:4]
path = pathlib.Path(source)
wanted, old, new = SEEDS[name]
text = path.read_text()
assert path.name == wanted and text.count(old) == 1, f"{source} has {text.count(old)} times instead of once: {old}"
pathlib.Path(output).write_text(text.replace(old, new))
