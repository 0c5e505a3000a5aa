# The stack's own Docker daemon and the instances' network. A daemon belongs to one stack, so everything in it
# does, and ends with it. Its data folder (the images, mostly) is taken from a few in CACHE_DIR that stacks use
# one after the other. A daemon that the machine has anyway is left alone. Sourced.
# shellcheck shell=bash

STACK_NAME="$BRIDGE"
CGROUP="controlplane-$(printf %s "$LOCAL_DIR" | cksum | cut -d' ' -f1)"

# place_docker NUMBER: where that data folder's daemon is.
place_docker() {
    DOCKER_DIR="$CACHE_DIR/docker"
    if (($1 > 1)); then DOCKER_DIR+="-$1"; fi
    DOCKER_RUN_DIR="$(short_folder "$DOCKER_DIR/run")"
    export DOCKER_HOST="unix://$DOCKER_RUN_DIR/docker.sock"
}

# Takes the first data folder that no daemon uses: its lock is inherited by the daemon and lasts as long.
claim_docker() {
    local number
    for number in 1 2 3 4 5 6 7 8; do
        place_docker "$number"
        mkdir -p "$DOCKER_DIR" "$DOCKER_RUN_DIR"
        exec 8>"$DOCKER_DIR/lock"
        if flock --nonblock 8; then
            printf '%s\n' "$number" >"$LOCAL_DIR/docker"
            printf '%s\n' "$LOCAL_DIR" >"$DOCKER_DIR/owner"
            return
        fi
    done
    fail "eight stacks use Docker's data in $CACHE_DIR already"
}

# Sets DOCKER_HOST to this stack's daemon. Fails where it has none.
locate_docker() {
    [[ -s "$LOCAL_DIR/docker" ]] || return 1
    place_docker "$(cat "$LOCAL_DIR/docker")"
    [[ "$(cat "$DOCKER_DIR/owner" 2>/dev/null)" == "$LOCAL_DIR" ]]
}

docker_answers() { docker version >/dev/null 2>&1; }

# Does the same as locate_docker, and says so when there is none.
connect_docker() {
    if locate_docker && docker_answers; then return; fi
    printf 'no Docker daemon of this stack answers; make up starts one\n' >&2
    return 1
}

start_docker() {
    claim_docker
    run_docker
    empty_docker
    exec 8>&-
}

# The daemon touches no packet rule and no sysctl of the machine: instances reach the bridge's own address only,
# which needs neither, and two daemons would undo each other's chains. It makes control groups itself: systemd,
# asked for them, would not know the processes of a namespace by their numbers there.
run_docker() {
    clear_docker_leftovers
    KEPT_DESCRIPTOR=8 start_process dockerd dockerd --host "$DOCKER_HOST" --data-root "$DOCKER_DIR/data" \
        --exec-root "$DOCKER_RUN_DIR/exec" --pidfile "$DOCKER_RUN_DIR/dockerd.pid" --bridge none \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$CGROUP" \
        --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false --userland-proxy=false
    await dockerd 'Starting a Docker daemon' 60 docker_answers
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

# Containers, volumes, networks and disk images of stacks that used this data folder before; images stay.
empty_docker() {
    docker ps -aq | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
    docker volume ls --quiet | xargs --no-run-if-empty docker volume rm --force >/dev/null
    docker network ls --quiet --filter type=custom | xargs --no-run-if-empty docker network rm >/dev/null
    docker image prune --force --all --filter label=localcloud >/dev/null
}

# Ends this stack's daemon, also when it was killed: what ran in it can only be ended by a daemon.
stop_docker() {
    locate_docker || return 0
    if ! docker_answers; then
        exec 8>>"$DOCKER_DIR/lock"
        run_docker
    fi
    empty_docker
    stop_process dockerd 30
    clear_docker_leftovers
    rm -f "$LOCAL_DIR/docker"
}

clear_cgroups() {
    local folder
    for folder in /sys/fs/cgroup/"$CGROUP" /sys/fs/cgroup/*/"$CGROUP"; do
        [[ -d "$folder" ]] || continue
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}

create_network() {
    local owner
    remove_bridge
    owner="$(address_owner)"
    [[ -z "$owner" ]] || fail "the address $GATEWAY is already on the interface $owner" \
        'choose another network:  SUBNET=10.99.0.0/24 BRIDGE=vpc9 make up'
    touch "$LOCAL_DIR/network"
    docker network create --subnet "$SUBNET" --gateway "$GATEWAY" --label "controlplane.stack=$STACK_NAME" \
        --opt "com.docker.network.bridge.name=$BRIDGE" --opt com.docker.network.driver.mtu=1400 \
        "$NETWORK" >/dev/null
}

# Which interface has the gateway's address.
address_owner() {
    ip -o -4 address |
        awk -v wanted="$GATEWAY" '{ split($4, parts, "/") } parts[1] == wanted { print $2; exit }'
}

# This stack's bridge, where a daemon that was killed left it and nothing is plugged in.
remove_bridge() {
    if [[ "$(address_owner)" == "$BRIDGE" && -z "$(ip -o link show master "$BRIDGE")" ]]; then
        ip link delete "$BRIDGE"
    fi
}

# Packet rules and bridge of this stack, also after a crash. Another folder's stack of the same name is left alone.
remove_network() {
    local rule table
    [[ -e "$LOCAL_DIR/network" ]] || return 0
    remove_bridge
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
