"""Writes a copy of the amalgamated header with the bugs of a table in it. One of them is awake in a run: the one whose
number is in api_seed, 0 for none (fuzz_api.c takes it from $API_SEED).

Usage: seeds.py HEADER OUTPUT
"""
import sys

SEEDS = [  # name, text that stands in the header once, what it becomes
    ("a sum of the dead is forgotten", "if (mode == SHMETER_SUM || mode == SHMETER_MIN",
     "if ((mode == SHMETER_SUM && api_seed != {n}) || mode == SHMETER_MIN"),
    ("a hidden gauge keeps what workers set", "while (!shmeter_cas16(own, seen, 0, 0))",
     "while (api_seed != {n} && !shmeter_cas16(own, seen, 0, 0))"),
    ("an overflow is not counted", "shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SERIES_OVERFLOWED);",
     "if (api_seed != {n}) shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SERIES_OVERFLOWED);"),
    ("shares of a former epoch count on", "seen[0] && seen[1] == epoch ?",
     "seen[0] && (seen[1] == epoch || api_seed == {n}) ?"),
    ("a slot is taken from the living", "dead = !owned || (lock == SHMETER_CLAIM_LOCKED",
     "dead = !owned || api_seed == {n} || (lock == SHMETER_CLAIM_LOCKED"),
    ("bounds are exclusive", "while (key > buckets->keys[k])",
     "while (key > buckets->keys[k] || (api_seed == {n} && key == buckets->keys[k]))"),
    ("what was given up stays listed", "shmeter_opened_take_off(binding->attachment, binding->unit);",
     "if (api_seed != {n}) shmeter_opened_take_off(binding->attachment, binding->unit);"),
    ("who has got a slot lists nothing", "shmeter_family_all(attachment, shmeter_family_settle);",
     "if (api_seed != {n}) shmeter_family_all(attachment, shmeter_family_settle);"),
    ("a surrogate is UTF-8", "text[0] == 0xed ? 0x9f :", "text[0] == 0xed && api_seed != {n} ? 0x9f :"),
]


def main():
    header = open(sys.argv[1], encoding="utf-8").read()
    for number, (name, old, new) in enumerate(SEEDS, 1):
        assert header.count(old) == 1, f"{name}: {old!r} is there {header.count(old)} times"
        header = header.replace(old, new.replace("{n}", str(number)))
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("extern int api_seed;\n" + header)


if __name__ == "__main__":
    main()
