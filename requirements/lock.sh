#!/usr/bin/env bash
# Writes the locks (*.txt) from the .in files: `make lock`. One lock for Python 3.11 and later, hashes for every file.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
export UV_PYTHON_DOWNLOADS=never
# The hash of torch's CPU build for x86_64 Linux and Python 3.11 (2.13.0+cpu), which registries do not list.
cpu_torch=6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b

compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header "$@"; }
header() { printf '# Written by requirements/lock.sh from %s: change that file, then run `make lock`.\n' "$1"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for set in uv web database dev; do
    cp "requirements/$set.txt" "$work/$set.txt" 2>/dev/null || true   # pins that still fit stay as they are
    compile "requirements/$set.in" -o "$work/$set.txt" ${UPGRADE:+--upgrade}
    { header "requirements/$set.in"; cat "$work/$set.txt"; } > "requirements/$set.txt"
done

grep -v "$cpu_torch" requirements/gpu.txt > "$work/gpu.txt" || true
compile requirements/gpu.in -o "$work/gpu.txt" ${UPGRADE:+--upgrade}
compile --no-deps requirements/gpu-plugins.in -o "$work/plugins.txt"
{
    header "requirements/gpu.in and requirements/gpu-plugins.in"
    echo '# Install torch and torchvision first, by pip and with their own dependencies: see requirements/gpu.in.'
    # A package is one line that begins with its name and the lines of hashes after it.
    cat "$work/gpu.txt" "$work/plugins.txt" | awk -v cpu="$cpu_torch" '
        /^[a-zA-Z0-9]/ { leave_out = /^(nvidia-|cuda-|triton==)/ }
        leave_out { next }
        { print }
        /^torch==/ { print "    --hash=sha256:" cpu " \\" }'
} > requirements/gpu.txt
