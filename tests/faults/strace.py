"""What the tests of faults share: system calls as strace sees them."""
import shutil
import subprocess

from tap import Skip

SPINS = 60  # seconds of CPU time until a program counts as one that never ends


def need_strace():
    for program in ("strace", "prlimit"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"strace cannot trace here: {done.stderr.strip()}")


def traced(command, *injected, log="/dev/null"):
    """The command under strace, with these faults ("NAME:error=...:when=..."). SIGXCPU ends one that spins."""
    return ["prlimit", f"--cpu={SPINS}", "strace", "-qq", "-o", log, *(f"--inject={one}" for one in injected), *command]
