"""What the tests of faults share: system calls as strace sees them."""
import shutil
import subprocess

from tap import Skip

PATIENCE = 60  # seconds until a program counts as hanging


def need_strace():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"strace cannot trace here: {done.stderr.strip()}")


def traced(command, *injected, log="/dev/null"):
    """The command under strace, with these faults ("NAME:error=...:when=...")."""
    return ["strace", "-qq", "-o", log, *(f"--inject={one}" for one in injected), *command]
