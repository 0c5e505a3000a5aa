# Runs that end whole, however they end. A run (a demo, the tests, a simulation...) is a set of namespaces of its own:
#   processes: when the first one ends, the kernel kills every other, whatever group, session or parent it has;
#   mounts, shared memory, System V IPC: Docker's mounts and PostgreSQL's segments are gone with the last process;
#   network (as root): bridge, packet rules and listeners likewise, and no two runs can want the same port.
# Outside stays a supervisor, the script that was called: it hands INT, TERM and HUP on as one TERM, kills the
# run at a second one or when it does not end in time, and afterwards removes what no namespace holds: a folder
# of temporary files and Docker's empty control groups. A supervisor that is killed itself takes the run with it
# (the parent-death signal of its child, and of that one's); what it would have removed, the next run or
# `make down` removes. Sourced, after settings.sh; brings the other parts with it.
# shellcheck shell=bash
for part in say process docker database; do source "$REPO/scripts/$part.sh"; done

CONFINE_DIR="$LOCAL_DIR/confined"
# How long a run may take to stop in order, after it was asked to.
STOP_SECONDS=90

is_confined() { [[ "${CONFINED:-}" == "$(readlink /proc/self/ns/pid)" ]]; }

# confine [--same-network] "$@": what follows it in the script happens confined. Does nothing in there.
confine() {
    local network=own
    if [[ "${1:-}" == --same-network ]]; then network=same && shift; fi
    is_confined && return
    if [[ "${CONFINE_STAGE:-}" == enter ]]; then
        enter_confinement
        return
    fi
    follow_caller "$@"
    supervise "$network" "$@"
}

# online COMMAND...: with the machine's network, where a run has one of its own: for what downloads.
online() {
    if is_confined && [[ -n "${OUTER_NETWORK:-}" ]]; then
        nsenter --net="$OUTER_NETWORK" -- "$@"
    else
        "$@"
    fi
}

# Brings loopback up in a network of the run's own; the program for it may have to be installed first.
raise_loopback() {
    if is_confined && [[ -n "${OUTER_NETWORK:-}" ]]; then ip link set lo up; fi
}

# A run that make (or another of these scripts) started ends with it. A run that was started from a shell may
# outlive the shell: with nohup somebody means that.
follow_caller() {
    local caller
    if [[ -n "${FOLLOWED:-}" ]]; then
        # It may have ended before its death could be noticed.
        [[ "$FOLLOWED" == "$PPID" ]] || exit 143
        unset FOLLOWED
        return
    fi
    caller="$(cat "/proc/$PPID/comm" 2>/dev/null || true)"
    if [[ "$caller" == *make || "$PPID" == "${CONFINE_CALLER:-}" ]]; then
        FOLLOWED="$PPID" exec setpriv --pdeathsig TERM "$0" "$@"
    fi
}

# --- Outside: the supervisor -------------------------------------------------------------------------------

supervise() {
    local network="$1" child='' asked=0 deadline=0 status=0
    shift
    mkdir -p "$CONFINE_DIR"
    exec 8>"$CONFINE_DIR/lock"
    flock --nonblock 8 || fail "another ${0##*/} runs in $LOCAL_DIR (pid $(cat "$CONFINE_DIR/supervisor"))" \
        'wait for its end, or choose another folder with LOCAL_DIR'
    printf '%s\n' "$$" >"$CONFINE_DIR/supervisor"
    trap end_supervision EXIT
    trap 'ask_to_stop 130' INT
    trap 'ask_to_stop 143' TERM HUP
    clear_run
    start_confined "$network" "$@"
    while kill -0 "$child"; do
        if ((deadline == 0)); then
            # Comes back at its end, and at each signal.
            status=0
            wait "$child" || status=$?
        elif ((SECONDS < deadline)); then
            sleep 0.1
        else
            note "It did not stop in $STOP_SECONDS s: killed."
            kill_run
            deadline=$((SECONDS + STOP_SECONDS))
        fi
    done
    exit "$status"
}

# Every end of the supervisor, short of SIGKILL, ends the run first.
end_supervision() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    kill_run
    if [[ -n "$child" ]]; then
        wait "$child" || true
        exec 2>&9 9>&-
    fi
    clear_run
    exit $((asked > 0 ? asked : status))
}

# The first signal is handed on; the second means "now". Before the run has begun, so does the first.
ask_to_stop() {
    local again=$asked
    asked="$1" deadline=$((SECONDS + STOP_SECONDS))
    [[ -n "$child" ]] || exit "$1"
    if ((again == 0)) && [[ -e "$CONFINE_DIR/begun" ]]; then
        # Its whole process group: a shell acts on a signal only when the program that it waits for has ended.
        kill -TERM -- "-$child" 2>/dev/null || true
    else
        kill_run
    fi
}

# By the namespace's first process, so that its end is the end of all. Before that one is known, by its parent.
kill_run() {
    local pid started
    if read -r pid started 2>/dev/null <"$CONFINE_DIR/init"; then
        [[ "$(start_time "$pid")" != "$started" ]] || kill -KILL "$pid" 2>/dev/null || true
    elif [[ -n "$child" ]]; then
        kill -KILL "$child" 2>/dev/null || true
    fi
}

# Starts the script again as the first process of its namespaces, and lets it begin once that process is known.
start_confined() {
    local network="$1" pid started
    local -a namespaces
    shift
    choose_namespaces
    make_temporary_folder
    # A session of its own: no terminal's signal reaches the run but through the supervisor. unshare itself has
    # nothing to say any more, but complains when it is killed.
    # shellcheck disable=SC2016
    CONFINE_STAGE=enter CONFINE_NETWORK="$network" \
        setsid setpriv --pdeathsig KILL env --default-signal=INT,QUIT,HUP,TERM bash -c '
            [[ "$PPID" == "$1" ]] || exit 143
            shift
            if [[ "$1" == -- ]]; then shift && exec "$@"; else exec unshare "$@" 2>/dev/null; fi' \
        confine "$$" "${namespaces[@]}" -- "$0" "$@" 5</proc/self/ns/net 6>&2 8>&- &
    child=$!
    # From here on bash would report there that the run was killed, with the whole of this command.
    exec 9>&2 2>/dev/null
    until [[ -e "$CONFINE_DIR/ready" ]]; do
        kill -0 "$child" || return 0
        sleep 0.02
    done
    pid="$child"
    if ((${#namespaces[@]} > 0)); then pid="$(child_of "$child")"; fi
    # Killed meanwhile, it has begun nothing.
    started="$(start_time "$pid")" || return 0
    printf '%s %s\n' "$pid" "$started" >"$CONFINE_DIR/init.new"
    mv "$CONFINE_DIR/init.new" "$CONFINE_DIR/init"
    : >"$CONFINE_DIR/begun"
}

# Sets namespaces, as options of unshare; empty where users may have none.
choose_namespaces() {
    namespaces=(--pid --fork --kill-child=KILL --mount-proc --ipc)
    if [[ $(id -u) != 0 ]]; then
        network=same
        namespaces+=(--user --map-current-user)
    elif [[ "$network" == own ]]; then
        namespaces+=(--net)
    fi
    unshare "${namespaces[@]}" true 2>/dev/null && return
    [[ $(id -u) != 0 ]] || fail 'this machine gives no namespaces, which Docker needs as well' \
        "try it:  unshare ${namespaces[*]} true"
    namespaces=()
    quiet_note 'this machine gives users no namespaces: what a run leaves that is killed, the next one ends'
}

# Where the run's programs put their temporary files; its name is written down before it exists.
make_temporary_folder() {
    export OUTER_TMPDIR="${TMPDIR:-/tmp}"
    TMPDIR="$(printf '/tmp/cp.%08x' "$SRANDOM")"
    export TMPDIR
    printf '%s\n' "$TMPDIR" >"$CONFINE_DIR/temporary"
    # PostgreSQL runs as somebody else, and has its sockets below.
    mkdir -m 711 "$TMPDIR"
}

# child_of PID: the only one. (ps may not be installed yet.)
child_of() {
    awk -v parent="$1" '{ pid = $1; sub(/.*\) /, ""); if ($2 == parent) { print pid; exit } }' \
        /proc/[0-9]*/stat 2>/dev/null || true
}

# Ends what is left of the last run in this folder, and removes what no namespace holds.
clear_run() {
    local pid started waited=0 file=
    if [[ -s "$CONFINE_DIR/init" ]]; then
        read -r pid started <"$CONFINE_DIR/init"
        while [[ -n "$started" && "$(start_time "$pid")" == "$started" ]]; do
            # It is being killed since its supervisor died. When it is gone, so are all the others.
            kill -KILL "$pid" 2>/dev/null || true
            ((waited++ < 300)) || fail "process $pid, the last run's, does not end"
            sleep 0.1
        done
    fi
    file="$(cat "$CONFINE_DIR/temporary" 2>/dev/null || true)"
    if [[ "$file" == /tmp/cp.* ]]; then
        # Without namespaces a run's own processes are known by this name alone, which each inherits.
        while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done < <(
            grep -alF "TMPDIR=$file" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
        )
        rm -rf "$file"
    fi
    place_database
    rm -rf "$DATABASE_DIR" "$SOCKET_DIR"
    clear_cgroups
    rm -f "$CONFINE_DIR"/{init,ready,begun,temporary} "$PID_DIR"/* "$LOCAL_DIR"/{docker,network,env}
}

# --- Inside: the first process -----------------------------------------------------------------------------

enter_confinement() {
    local waited=0
    exec 2>&6 6>&-
    unset CONFINE_STAGE
    trap 'exit 143' TERM
    CONFINED="$(readlink /proc/self/ns/pid)"
    export CONFINED
    if [[ "$CONFINE_NETWORK" == own ]]; then
        export OUTER_NETWORK=/proc/1/fd/5
        # No outgoing connection may happen to get a port that a service of the stack wants.
        printf '%d-%d\n' "$PORT_BASE" $((PORT_BASE + 999)) >/proc/sys/net/ipv4/ip_local_reserved_ports
        if command -v ip >/dev/null; then raise_loopback; fi
    fi
    if [[ $(id -u) == 0 && $$ == 1 ]]; then mount -t tmpfs -o mode=1777 tmpfs /dev/shm; fi
    : >"$CONFINE_DIR/ready"
    until [[ -e "$CONFINE_DIR/begun" ]]; do
        # The supervisor is gone: it died before this process could receive the signal.
        ((waited++ < 1000)) || exit 143
        sleep 0.02
    done
}
