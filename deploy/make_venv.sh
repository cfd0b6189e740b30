#!/bin/sh
# Make or update a virtual environment so that it holds what a requirements file pins; nothing when it does already.
#   deploy/make_venv.sh .venv requirements.txt
# Needs Python 3.11 or newer; PYTHON= names another than the first found.
set -eu

venv=$1
requirements=$2
stamp=$venv/.$(basename "$requirements").cksum

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

checksum() {
    { cat "$requirements"; "$venv/bin/python" -c 'import sys; print(sys.version)'; } | cksum
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Tally needs Python 3.11 or newer; none found (PYTHON=/path/to/python names one)"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

# Debian ships venv's other half (ensurepip) in a package of its own.
install_venv_module() {
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    can_install || die "this Python cannot make virtual environments; install it: sudo apt-get install $package"
    say "installing $package (this Python cannot make virtual environments)"
    apt_get="env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120"
    # shellcheck disable=SC2086  # words, on purpose
    { as_root $apt_get install -y "$package" || { as_root $apt_get update && as_root $apt_get install -y "$package"; }
    } >/dev/null 2>&1 || die "could not install $package; install it by hand: sudo apt-get install $package"
}

make_venv() {
    python=$(find_python)
    say "making $venv with $("$python" -V) ($python)"
    "$python" -m venv --clear "$venv" >/dev/null 2>&1 && return
    install_venv_module "$python"
    "$python" -m venv --clear "$venv"
}

"$venv/bin/python" -m pip --version >/dev/null 2>&1 || make_venv
[ "$(cat "$stamp" 2>/dev/null)" != "$(checksum)" ] || exit 0

say "installing $requirements into $venv"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r "$requirements"
checksum >"$stamp"
