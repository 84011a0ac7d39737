"""What a registry shows, and what the segment has of it."""
from shmeter import store
from shmeter.prometheus import generate_latest


def exposed(start):
    """The lines of the segment that begin so, as an exporter has them."""
    return [line for line in store.counting().expose().decode().splitlines() if line.startswith(start)]


def shown(registry, start=""):
    return [line for line in generate_latest(registry).decode().splitlines()
            if line.startswith(start or tuple("abcdefghijklmnopqrstuvwxyz"))
            and "_created" not in line]
