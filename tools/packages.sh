# shellcheck shell=sh disable=SC2034,SC2086
# Shell functions that see to it that Debian packages are there; quickstart and check source this file. They need
# PACKAGES_LOG, a file for what apt-get says. Only what is missing is installed.

# To build everything.
BUILD_PACKAGES="gcc g++ libc6-dev meson ninja-build pkg-config python3 libck-dev libmicrohttpd-dev libjansson-dev libcmocka-dev
libisal-dev libprotobuf-c-dev protobuf-c-compiler libre2-dev libyaml-dev libgnutls28-dev nettle-dev libcrypt-dev zlib1g-dev"

# What the Python package and the tests use besides: another build system, the headers of Python, a second compiler with its fuzzer, a second architecture and
# a machine of it, disassembly, system call traces, process tools, judges of the formats, certificates, the judge of service files,
# hashes of passwords, applications and servers of Python and a load for them; and readers of the sources.
TEST_PACKAGES="cmake clang clang-tidy cppcheck binutils gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user qemu-system-arm cpio strace
procps util-linux git
libclang-rt-14-dev llvm-14 python3-dev python3-pip python3-venv python3-mesonpy python3-prometheus-client python3-protobuf protobuf-compiler openssl systemd
apache2-utils python3-fastapi python3-flask python3-django python3-uvicorn gunicorn uwsgi-core uwsgi-plugin-python3 python3-uwsgidecorators hey
python3-pytest"

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

# What programs for arm64 need to run in a machine of their own: a kernel, the one for virtual machines, which is a third of the
# other's size, and libraries besides libc.
ARM64_KERNEL=linux-image-cloud-arm64
ARM64_LIBRARIES="libcmocka0 libcmocka-dev libprotobuf-c-dev libre2-dev"

# need_arm64 FOLDER: a kernel and libraries for arm64, unpacked in FOLDER/arm64. They are found by lists of packages of their own: this
# machine's architectures stay as they are. Tests are skipped without them, so it only says when they cannot be had.
need_arm64() {
    if [ "$(cat "$1/arm64/complete" 2>/dev/null)" = "$ARM64_LIBRARIES" ] || ! command -v apt-get >/dev/null; then
        return 0
    fi
    echo "Fetching: $ARM64_KERNEL and libraries for arm64 (unpacked in ${1##*/}/, not installed)"
    rm -rf "$1/arm64"
    if (fetch_arm64 "$1/arm64") >"$PACKAGES_LOG" 2>&1; then
        echo "$ARM64_LIBRARIES" >"$1/arm64/complete"
    else
        tail -n 5 "$PACKAGES_LOG"
        echo "They could not be had; tests in a machine for arm64 will be skipped."
        rm -rf "$1/arm64"
    fi
}

# In a shell of its own: it changes the folder and apt's settings.
fetch_arm64() {
    mkdir -p "$1/apt/state/lists/partial" "$1/apt/cache/archives/partial" && cd "$1" || return 1
    cat >apt/settings <<TEXT
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
Dir::State "$PWD/apt/state";
Dir::State::status "/dev/null";
Dir::Cache "$PWD/apt/cache";
TEXT
    export APT_CONFIG="$PWD/apt/settings"
    apt-get update -q || true # a list that is not there for arm64 need not be one of those that count
    kernel=$(apt-cache depends "$ARM64_KERNEL" | sed -n 's/^ *Depends: *//p')
    [ -n "$kernel" ] && apt-get download -q $kernel $ARM64_LIBRARIES || return 1
    for file in *.deb; do
        case $file in
        linux-image-*) dpkg-deb --fsys-tarfile "$file" | tar -xf - --wildcards './boot/vmlinuz-*' || return 1 ;;
        *) dpkg-deb -x "$file" . || return 1 ;;
        esac
    done
    rm -rf apt ./*.deb
    mv boot/vmlinuz-* kernel
}

# need_suites FOLDER LISTS: suites of Python libraries that use prometheus_client and an environment that they run in, in FOLDER/suites, as
# LISTS/suites.txt and LISTS/sources.txt name them with their hashes. They come from where pip takes packages. Tests are skipped without them,
# so it only says when they cannot be had.
need_suites() {
    wanted=$(cat "$2/suites.txt" "$2/sources.txt")
    if [ "$(cat "$1/suites/complete" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    echo "Fetching: suites of Python libraries (into ${1##*/}/suites, by pip)"
    rm -rf "$1/suites"
    if (fetch_suites "$1/suites" "$2") >"$PACKAGES_LOG" 2>&1; then
        echo "$wanted" >"$1/suites/complete"
    else
        tail -n 5 "$PACKAGES_LOG"
        echo "They could not be had; tests that run them will be skipped."
    fi
}

few="--disable-pip-version-check --retries 1 --timeout 20"

fetch_suites() {
    few="$few --require-hashes"
    python3 -m venv "$1/venv" && "$1/venv/bin/pip" install $few -r "$2/suites.txt" &&
        "$1/venv/bin/pip" download $few --no-deps --no-build-isolation --no-binary :all: -d "$1/sources" -r "$2/sources.txt"
}

# need_checkers FOLDER LIST: type checkers of Python in FOLDER/checkers, as LIST names them with their hashes. Likewise.
need_checkers() {
    if [ "$(cat "$1/checkers/complete" 2>/dev/null)" = "$(cat "$2")" ]; then
        return 0
    fi
    echo "Fetching: type checkers of Python (into ${1##*/}/checkers, by pip)"
    rm -rf "$1/checkers"
    if (fetch_checkers "$1/checkers" "$2") >"$PACKAGES_LOG" 2>&1; then
        cp "$2" "$1/checkers/complete"
    else
        tail -n 5 "$PACKAGES_LOG"
        echo "They could not be had; tests that ask them will be skipped."
    fi
}

# The one called pyright runs on node, and says so where there is none.
fetch_checkers() {
    python3 -m venv "$1/venv" && "$1/venv/bin/pip" install $few --require-hashes -r "$2" &&
        "$1/venv/bin/pyright" --version
}

# fetch_latest FOLDER: the newest prometheus_client that pip finds, in FOLDER/latest. Its version is printed.
fetch_latest() {
    rm -rf "$1/latest"
    python3 -m pip install $few --quiet --no-deps --target "$1/latest" prometheus_client >"$PACKAGES_LOG" 2>&1 ||
        { tail -n 5 "$PACKAGES_LOG"; return 1; }
    basename "$1"/latest/prometheus_client-*.dist-info .dist-info
}
