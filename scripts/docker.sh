# The Docker daemon and the instances' network. The user's own daemon is used when it answers; otherwise a
# private one, which stacks of this folder share: the last one that lets go of it stops it. Sourced.
# shellcheck shell=bash

DOCKER_DIR="$CACHE_DIR/docker"
PRIVATE_DOCKER="unix://$DOCKER_RUN_DIR/docker.sock"
# One holder file for each stack that uses the private daemon.
DOCKER_HOLDERS="$DOCKER_DIR/holders"
STACK_NAME="$BRIDGE"

private_docker_answers() { DOCKER_HOST="$PRIVATE_DOCKER" docker version >/dev/null 2>&1; }

# Sets DOCKER_HOST to the private daemon when that is the one in use. Fails when none answers.
connect_docker() {
    if [[ -S "$DOCKER_RUN_DIR/docker.sock" ]] && private_docker_answers; then
        export DOCKER_HOST="$PRIVATE_DOCKER"
        return
    fi
    docker version >/dev/null 2>&1 && return
    printf 'no Docker daemon answers; make up starts one\n' >&2
    return 1
}

# The private daemon touches no packet rule and no sysctl of the host: instances reach the bridge's own
# address only, which needs neither, and two daemons would undo each other's chains.
start_docker() {
    local PID_DIR="$DOCKER_DIR" LOG_DIR="$DOCKER_DIR"
    mkdir -p "$DOCKER_HOLDERS" "$DOCKER_RUN_DIR"
    exec 8>"$DOCKER_DIR/lock"
    flock 8
    if ! is_running dockerd && docker version >/dev/null 2>&1; then
        quiet_note "using the Docker daemon that is already running (${DOCKER_HOST:-its usual socket})"
        exec 8>&-
        return
    fi
    export DOCKER_HOST="$PRIVATE_DOCKER"
    touch "$DOCKER_HOLDERS/$STACK_NAME"
    if is_running dockerd; then
        quiet_note 'sharing the private Docker daemon that is already running'
    else
        clear_docker_leftovers
        start_process dockerd dockerd --host "$PRIVATE_DOCKER" --data-root "$DOCKER_DIR/data" \
            --exec-root "$DOCKER_RUN_DIR/exec" --pidfile "$DOCKER_RUN_DIR/dockerd.pid" --bridge none \
            --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false --userland-proxy=false \
            8>&-
        await dockerd 'Starting a private Docker daemon' 60 private_docker_answers
    fi
    exec 8>&-
}

# What a daemon that was killed leaves: its containerd, its pid file, its mounts.
clear_docker_leftovers() {
    local pid mount
    pid="$(cat "$DOCKER_RUN_DIR/exec/containerd/containerd.pid" 2>/dev/null || true)"
    if [[ -n "$pid" ]] && grep -qs "$DOCKER_RUN_DIR" "/proc/$pid/cmdline"; then kill -KILL "$pid" || true; fi
    rm -f "$DOCKER_RUN_DIR/dockerd.pid" "$DOCKER_RUN_DIR/docker.sock"
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done < <(
        awk -v run="$DOCKER_RUN_DIR/" -v data="$DOCKER_DIR/" \
            'index($5, run) == 1 || index($5, data) == 1 { print $5 }' /proc/self/mountinfo | sort -r
    )
}

release_docker() {
    # shellcheck disable=SC2034
    local PID_DIR="$DOCKER_DIR" LOG_DIR="$DOCKER_DIR"
    [[ -d "$DOCKER_DIR" ]] || return 0
    exec 8>"$DOCKER_DIR/lock"
    flock 8
    rm -f "$DOCKER_HOLDERS/$STACK_NAME"
    if [[ -z "$(ls -A "$DOCKER_HOLDERS" 2>/dev/null)" ]]; then
        stop_process dockerd 30
        clear_docker_leftovers
    fi
    exec 8>&-
}

create_network() {
    local owner
    remove_network
    docker network rm "$NETWORK" >/dev/null 2>&1 || true # of a folder that is gone; in use, it stays
    touch "$LOCAL_DIR/network"
    owner="$(ip -o -4 address |
        awk -v wanted="$GATEWAY" '{ split($4, parts, "/") } parts[1] == wanted { print $2; exit }')"
    if [[ "$owner" == "$BRIDGE" && -z "$(ls -A "/sys/class/net/$BRIDGE/brif")" ]]; then
        # Nothing listens on this stack's ports and nothing is plugged in: its daemon was killed, or its
        # folder removed.
        ip link delete "$BRIDGE"
        owner=''
    fi
    [[ -z "$owner" ]] || fail "the address $GATEWAY is already on the interface $owner" \
        'choose another network:  SUBNET=10.99.0.0/24 BRIDGE=vpc9 make up'
    docker network create --subnet "$SUBNET" --gateway "$GATEWAY" --label "controlplane.stack=$STACK_NAME" \
        --opt "com.docker.network.bridge.name=$BRIDGE" --opt com.docker.network.driver.mtu=1400 \
        "$NETWORK" >/dev/null
    ip -4 address show "$BRIDGE" >/dev/null 2>&1 || fail "Docker's network is not on this machine" \
        'the daemon behind DOCKER_HOST must run here: unset it, and a private one is started'
}

# Instances, packet rules and the network of this stack, also after a crash. Another folder's stack of the
# same name is left alone.
remove_network() {
    local containers rule table
    [[ -e "$LOCAL_DIR/network" ]] || return 0
    if docker version >/dev/null 2>&1; then
        containers="$(docker ps -aq --filter "label=localcloud=$STACK_NAME")"
        # shellcheck disable=SC2086
        [[ -z "$containers" ]] || docker rm --force --volumes $containers >/dev/null
        if docker network inspect "$NETWORK" >/dev/null 2>&1; then docker network rm "$NETWORK" >/dev/null; fi
    fi
    for table in nat filter; do
        while read -r rule; do
            # shellcheck disable=SC2086
            eval iptables -w -t "$table" -D ${rule#-A }
        done < <(iptables -w -t "$table" -S 2>/dev/null | grep -F -- "\"localcloud $STACK_NAME\"" || true)
    done
    rm -f "$LOCAL_DIR/network"
}

# build_image TAG [CONTEXT] <Dockerfile: with the classic builder, which every engine and client has.
build_image() {
    local tag="$1" context="${2:-}" empty='' log
    if [[ -z "$context" ]]; then empty="$(mktemp -d)" && context="$empty"; fi
    if ! log="$(DOCKER_BUILDKIT=0 docker build --force-rm --tag "$tag" --file - "$context" 2>&1)"; then
        printf '%s\n' "$log" >&2
        return 1
    fi
    [[ -z "$empty" ]] || rmdir "$empty"
}
