# The Debian mirror, keyring and apt settings of this machine, for mmdebstrap. Sourced.
# shellcheck shell=bash

# Prints the mirror's URL: DEBIAN_MIRROR, or what this machine's own apt uses (any sources format).
debian_mirror() {
    if [[ -n "${DEBIAN_MIRROR:-}" ]]; then
        printf '%s\n' "$DEBIAN_MIRROR"
        return
    fi
    local mirror
    # shellcheck disable=SC2016
    mirror="$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(RELEASE)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 == "main" && $4 !~ /security|updates|backports/ { print $1; exit }')"
    # Before the first `apt-get update` apt knows no origin: take the first archive that is no security one.
    # shellcheck disable=SC2016
    if [[ -z "$mirror" ]] && grep -q '^ID=debian$' /etc/os-release; then
        mirror="$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            awk '$3 == "main" && $2 !~ /security|updates|backports/ { print $1; exit }')"
    fi
    if [[ -z "$mirror" ]]; then
        printf 'no Debian mirror is configured in apt here.\n' >&2
        printf 'The images are Debian: name a mirror with DEBIAN_MIRROR=http://... (and install debian-archive-keyring).\n' >&2
        return 1
    fi
    printf '%s\n' "$mirror"
}

# debootstrap_options -> one mmdebstrap option a line, from this machine's apt: proxy, date checks, keyring.
debootstrap_options() {
    local key value
    for key in Acquire::http::Proxy Acquire::https::Proxy Acquire::Check-Valid-Until Acquire::Check-Date; do
        value="$(apt-config dump --format '%v%n' "$key" | head -n1)"
        [[ -z "$value" ]] || printf -- '--aptopt=%s "%s"\n' "$key" "$value"
    done
    if [[ -r /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
        printf -- '--keyring=/usr/share/keyrings/debian-archive-keyring.gpg\n'
    fi
    printf -- '--dpkgopt=force-unsafe-io\n'
    printf -- '--aptopt=Acquire::Retries "3"\n'
}

# Lets mmdebstrap unpack in memory where there is plenty of it: several times faster than on a disk.
prefer_memory() {
    local free
    free="$(df --output=avail -k /dev/shm 2>/dev/null | tail -n1)"
    if ((${free:-0} > 4000000)); then export TMPDIR=/dev/shm; fi
}

# debootstrap_now ARGUMENT...: mmdebstrap, which writes to a pipe by way of a shell that knows no descriptor above
# 9: it inherits none of our locks.
debootstrap_now() { (close_inherited && online mmdebstrap "$@"); }
