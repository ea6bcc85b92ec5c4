#!/bin/sh
# Installs requirement sets into .venv: `requirements/install.sh web`, `... web dev`, `... web gpu`. `make` calls it.
#
# Needs Python 3.11 or later and nothing else: no root, no git, no compiler, no home directory. It returns at once when
# the locks are those of the last run. PYTHON=/path/to/python chooses the interpreter of a new environment.
set -eu
cd "$(dirname "$0")/.."
# System certificates: pip may be set up for those of a company, uv would only know its own.
export UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true PIP_DISABLE_PIP_VERSION_CHECK=1
if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-}" ]; then
    export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1   # nowhere to keep downloads
fi
if [ -n "${PIP_CERT:-}" ]; then
    export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"   # uv's name for pip's certificate setting
fi
python=.venv/bin/python

fail() {
    printf 'install: %s\n' "$1" >&2
    exit 1
}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    # Each is tried by running it: a name on the path can be an empty shim of a version manager.
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if recent "$name"; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    found=$("${PYTHON:-python3}" -V 2>/dev/null || echo "no Python")
    fail "Python 3.11 or later is needed; found: $found. Install it, or name it with PYTHON=/path/to/python3."
}

make_environment() {
    if [ -e .venv/pyvenv.cfg ] && recent "$python"; then
        return
    fi
    base=$(find_python)
    if [ -e .venv/pyvenv.cfg ]; then
        echo "install: .venv no longer works (its Python was moved or removed); making it anew"
        rm -rf .venv
    fi
    echo "install: new environment .venv with $("$base" -V) ($base)"
    if "$base" -c 'import ensurepip' 2>/dev/null; then
        "$base" -m venv .venv || fail "could not create .venv"
    else
        # Debian without python3-venv: no pip inside, so uv comes from the pip outside.
        "$base" -m venv --without-pip .venv || fail "could not create .venv (Debian: apt install python3-venv)"
        "$base" -m pip --version >/dev/null 2>&1 ||
            fail "this Python has neither ensurepip nor pip (Debian: apt install python3-venv or python3-pip)."
        "$base" -m pip install --quiet --upgrade --target .tools --no-deps --require-hashes -r requirements/uv.txt ||
            fail "could not install uv with $base -m pip: see above; is a package index reachable?"
    fi
}

has_pip() { "$python" -m pip --version >/dev/null 2>&1; }

find_uv() {
    for uv in .venv/bin/uv .tools/bin/uv; do
        if "$uv" --version >/dev/null 2>&1; then
            return
        fi
    done
    uv=.venv/bin/uv
    if ! { has_pip && "$python" -m pip install --quiet --no-deps --require-hashes -r requirements/uv.txt &&
        "$uv" --version >/dev/null 2>&1; }; then
        has_pip || fail "neither uv nor pip works in .venv: remove it and run make again."
        echo "install: uv is not to be had here; pip installs instead (slower)"
        uv=
    fi
}

install_lock() {
    if [ -n "$uv" ]; then
        "$uv" pip install --quiet --python "$python" --no-deps --require-hashes -r "requirements/$1.txt" && return
        has_pip || return 1
        # pip has settings of its own (index, proxy, certificates) that uv does not read.
        echo "install: uv could not; trying with pip"
    fi
    "$python" -m pip install --quiet --no-deps --require-hashes -r "requirements/$1.txt"
}

install_torch() {
    # By pip and with their own dependencies: see requirements/gpu.in.
    if ! has_pip; then
        "$uv" pip install --quiet --python "$python" pip || return 1
    fi
    # shellcheck disable=SC2046  two words are meant
    "$python" -m pip install $(sed -n 's/^\(torch\(vision\)\{0,1\}==[^ ]*\) .*/\1/p' requirements/gpu.txt)
}

make_environment
uv=
for set in "$@"; do
    lock=requirements/$set.txt
    [ -f "$lock" ] || fail "there is no $lock"
    stamp=.venv/.installed-$set
    current=$(cksum <"$lock")
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$current" ]; then
        continue
    fi
    [ -n "$uv" ] || find_uv
    echo "install: $lock"
    { [ "$set" != gpu ] || install_torch; } && install_lock "$set" ||
        fail "installing $lock failed, see above: is the network up, is the disk full? A package that has no ready-made \
file for this platform also needs a compiler (Debian: apt install build-essential python3-dev)."
    printf '%s\n' "$current" >"$stamp"
done
