# Background processes of one stack. Each is recorded by pid and start time, so that a number which the kernel
# gave to somebody else meanwhile is never signalled. Sourced.
# shellcheck shell=bash

# The kernel's start time of a pid, in clock ticks since boot; fails for a dead or defunct one.
start_time() {
    local stat
    [[ -n "$1" ]] || return 1
    stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
    read -r -a stat <<<"${stat##*) }"
    [[ "${stat[0]}" != Z ]] || return 1
    printf '%s\n' "${stat[19]}"
}

# is_running NAME
is_running() {
    local pid started
    [[ -s "$PID_DIR/$1" ]] || return 1
    read -r pid started <"$PID_DIR/$1"
    [[ "$(start_time "$pid")" == "$started" ]]
}

pid_of() { cut -d' ' -f1 "$PID_DIR/$1"; }

# Locks of the scripts, pipes of their callers: what outlives a script must hold none of these, or they wait for
# it. KEPT_DESCRIPTOR is a lock that lasts as long as the process.
close_inherited() {
    local descriptor
    for descriptor in "/proc/$BASHPID/fd/"*; do
        descriptor="${descriptor##*/}"
        if ((descriptor > 2 && descriptor != ${KEPT_DESCRIPTOR:-0})); then eval "exec $descriptor>&-"; fi
    done
}

# start_process NAME COMMAND...: in the background, detached, its output in its own log.
start_process() {
    local name="$1" log="$LOG_DIR/$1.log" pid
    shift
    [[ ! -s "$log" ]] || mv "$log" "$log.before"
    (close_inherited && exec setsid "$@") >"$log" 2>&1 </dev/null &
    pid=$!
    disown "$pid"
    printf '%s %s\n' "$pid" "$(start_time "$pid" || echo 0)" >"$PID_DIR/$name"
}

# stop_process NAME [SECONDS [SIGNAL]]: asks, and insists with SIGKILL. Quiet when it does not run.
stop_process() {
    local name="$1" patience="${2:-15}" signal="${3:-TERM}" pid waited=0
    if is_running "$name"; then
        pid="$(pid_of "$name")"
        kill -"$signal" "$pid" 2>/dev/null || true
        while is_running "$name" && ((waited < patience * 10)); do
            sleep 0.1
            waited=$((waited + 1))
        done
        if is_running "$name"; then
            quiet_note "$name did not stop within $patience s and was killed (log: $LOG_DIR/$name.log)"
            kill -KILL "$pid" 2>/dev/null || true
            sleep 0.2
        fi
    fi
    rm -f "$PID_DIR/$name"
}

# await NAME "Title" SECONDS CHECK...: until CHECK succeeds; explains itself when the process dies or time runs out.
await() {
    local name="$1" title="$2" patience="$3" start
    shift 3
    start=$(milliseconds)
    until "$@" >/dev/null 2>&1; do
        if ! is_running "$name"; then
            printf '  %s✗ %s: the process ended after %s%s\n' "$RED" "$title" "$(elapsed "$start")" "$RESET" >&2
            show_log_end "$LOG_DIR/$name.log"
            exit 1
        fi
        if (($(milliseconds) - start > patience * 1000)); then
            printf '  %s✗ %s: not ready within %s s%s\n' "$RED" "$title" "$patience" "$RESET" >&2
            show_log_end "$LOG_DIR/$name.log"
            exit 1
        fi
        sleep 0.1
    done
    done_line "$title $DIM$(elapsed "$start")$RESET"
}

# require_port ADDRESS PORT WHAT: fails, naming the port and its owner where that can be known.
require_port() {
    local taken owner
    taken="$(ss -H -ltnp "sport = :$2" 2>/dev/null | awk -v a="$1:$2" -v any="0.0.0.0:$2" -v six="[::]:$2" \
        '$4 == a || $4 == any || $4 == six || $4 == "*:" substr(any, 9) { print; exit }')"
    [[ -z "$taken" ]] && return
    owner="$(sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' <<<"$taken")"
    fail "port $2 on $1, which $3 needs, is taken by ${owner:-another process}" \
        "stop it, or choose other ports:  PORT_BASE=$((PORT_BASE + 1000)) make up"
}
