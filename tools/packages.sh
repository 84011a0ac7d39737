# shellcheck shell=sh disable=SC2034,SC2086
# Shell functions that see to it that Debian packages are there; quickstart and check source this file. They need
# PACKAGES_LOG, a file for what apt-get says. Only what is missing is installed.

# To build everything.
BUILD_PACKAGES="gcc g++ libc6-dev meson ninja-build pkg-config python3 libck-dev libmicrohttpd-dev libjansson-dev libcmocka-dev
libisal-dev libprotobuf-c-dev protobuf-c-compiler libyaml-dev libgnutls28-dev libcrypt-dev zlib1g-dev"

# What the Python package and the tests use besides: the headers of Python, a second compiler with its fuzzer, a second architecture, disassembly, system call traces, process tools, judges of the
# formats, certificates, the judge of service files, hashes of passwords, applications and servers of Python and a load for them.
TEST_PACKAGES="clang binutils gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user strace procps util-linux git
libclang-rt-14-dev llvm-14 python3-dev python3-pip python3-venv python3-mesonpy python3-prometheus-client python3-protobuf protobuf-compiler openssl systemd
apache2-utils python3-fastapi python3-flask python3-uvicorn gunicorn hey"

# What examples/fastapi runs on.
PYTHON_PACKAGES="python3-dev python3-fastapi python3-uvicorn gunicorn"

# missing_packages NAME...: those of them that are not installed, on one line.
missing_packages() {
    for package; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# root_prefix: what to put before a command that needs root. Returns 1 when root cannot be had: we are not root, sudo wants a
# password, and nobody is at a terminal to type it.
root_prefix() {
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
        echo sudo
    else
        return 1
    fi
}

# packages_trouble LINE: the last words of apt-get, and what to do.
packages_trouble() {
    [ ! -s "$PACKAGES_LOG" ] || tail -n 15 "$PACKAGES_LOG" >&2
    printf '%s\n\n    %s\n\n' "Debian packages are missing and could not be installed from here. As root, run:" \
        "apt-get update && $1" >&2
}

# need_packages NAME...: installs what is missing. Returns 1, and says what to do, when that cannot be done.
need_packages() {
    : >"$PACKAGES_LOG"
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "No apt-get here, so nothing is installed. What is needed, by Debian's names: $*" >&2
        return 0 # whatever is not there, meson names it
    fi
    missing=$(missing_packages "$@")
    missing=${missing% }
    [ -n "$missing" ] || return 0
    install="apt-get install --no-install-recommends -y $missing"
    if ! root=$(root_prefix); then
        packages_trouble "$install"
        return 1
    fi
    echo "Installing: $missing"
    # The lists of a minimal system are empty or old; when they cannot be had, the package may still be in the cache.
    $root apt-get update -q >>"$PACKAGES_LOG" 2>&1 || true
    if ! $root env DEBIAN_FRONTEND=noninteractive $install -q </dev/null >>"$PACKAGES_LOG" 2>&1; then
        packages_trouble "$install"
        return 1
    fi
}

# need_servers FOLDER PACKAGE...: puts the programs of Debian packages into PATH. They are unpacked into FOLDER/PACKAGE and not installed:
# such a package brings a service that would run from then on and after every boot. A package's program has its name.
need_servers() {
    folder=$1
    shift
    for package; do
        if command -v "$package" >/dev/null; then
            continue
        fi
        if [ ! -x "$folder/$package/usr/bin/$package" ]; then
            command -v apt-get >/dev/null || return 0
            echo "Fetching: $package (unpacked in ${folder##*/}/, not installed)"
            mkdir -p "$folder/$package"
            if ! fetch_server "$folder/$package" "$package" >"$PACKAGES_LOG" 2>&1; then
                packages_trouble "apt-get install --no-install-recommends -y $package"
                return 1
            fi
        fi
        PATH=$folder/$package/usr/bin:$PATH
    done
    export PATH
}

fetch_server() {
    rm -f "$1"/*.deb
    (cd "$1" && apt-get download -q "$2") ||
        { root=$(root_prefix) && $root apt-get update -q && (cd "$1" && apt-get download -q "$2"); } || return 1
    dpkg -x "$1/$2"_*.deb "$1" && rm -f "$1"/*.deb
}
