#!/bin/sh
# Install the servers that the tests run against, from Debian's packages, where they are absent and it is possible.
# Nothing is started: the tests run their own on free ports. What stays missing is named; its tests are then skipped,
# or fail where CI=true. Ends well either way.
set -eu

# A program that shows a package is there, and the package. tests/support/needs.py asks for the same programs.
servers='
mariadbd                 mariadb-server
redis-server             redis-server
faketime                 faketime
chromium-headless-shell  chromium-headless-shell
'

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d

say() { printf '==> %s\n' "$*" >&2; }

missing() {
    echo "$servers" | while read -r program package; do
        [ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1
}

# Packages start their service when installed unless this file, which Debian reads, says no. One that is there stays.
keep_services_off() {
    [ ! -e "$policy" ] || return 0
    trap 'as_root rm -f "$policy"; rm -f "$log"' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

install_missing() {
    keep_services_off
    apt_get update || say "apt-get update: $(tail -n 1 "$log")"
    for package in $(missing); do
        say "installing $package"
        apt_get install -y --no-install-recommends "$package" || say "not installed: $package: $(tail -n 1 "$log")"
    done
}

[ -n "$(missing)" ] || exit 0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if can_install; then install_missing; fi
for package in $(missing); do
    say "missing: $package (its tests cannot run; on Debian: sudo apt-get install $package)"
done
