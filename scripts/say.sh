# Progress that a person can follow: numbered steps with elapsed times, and failures that explain themselves.
# shellcheck shell=bash

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' RESET=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' RESET=''
fi

heading() { printf '\n%s%s%s\n' "$BOLD" "$*" "$RESET"; }
note() { printf '  %s\n' "$*"; }
quiet_note() { printf '  %s%s%s\n' "$DIM" "$*" "$RESET"; }
done_line() { printf '  %s✓%s %s\n' "$GREEN" "$RESET" "$*"; }

# Says what failed and ends the script with status 1.
fail() {
    printf '  %s✗ %s%s\n' "$RED" "$1" "$RESET" >&2
    shift
    local line
    for line in "$@"; do printf '    %s\n' "$line" >&2; done
    exit 1
}

# The end of a log, indented, then where the rest is.
show_log_end() {
    printf '    the end of its log:\n' >&2
    tail -n "${2:-15}" "$1" 2>/dev/null | cut -c1-200 | sed 's/^/    | /' >&2
    printf '    the whole log: %s\n' "$1" >&2
}

milliseconds() { printf '%d\n' $((${EPOCHREALTIME/./} / 1000)); }

# elapsed START_MS -> "3.2 s" or "2 min 05 s"
elapsed() { in_words $(($(milliseconds) - $1)); }

in_words() {
    if (($1 < 120000)); then
        printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
    else
        printf '%d min %02d s' $(($1 / 60000)) $(($1 / 1000 % 60))
    fi
}

# --- Steps: each with its output in a log of its own, and a line that shows how far it is -----------------------

# How long each step took the last time that it succeeded, in milliseconds.
DURATIONS_DIR="$CACHE_DIR/durations"

# remember NAME NUMBER; remembered NAME prints it, or nothing.
remember() { mkdir -p "$DURATIONS_DIR" && printf '%s\n' "$2" >"$DURATIONS_DIR/$1"; }
remembered() { cat "$DURATIONS_DIR/$1" 2>/dev/null || true; }

# of_last_time NAME: what the last run took, where there is no better measure of how far it is.
of_last_time() {
    local last
    last="$(remembered "$1")"
    if [[ -n "$last" ]]; then printf 'took %s the last time, so far ' "$(in_words "$last")"; fi
}

# counted LOG: of a build's log, how many of its tasks are done. The number of all grows a little on the way.
counted() {
    tail -c 4096 "$1" 2>/dev/null | grep -aoE '^\[[0-9]+/[0-9]+\]' | tail -n 1 |
        sed -E 's/\[([0-9]+)\/([0-9]+)\]/\1 \2/' |
        awk '$2 >= 20 { printf "[%d/%d] %d %%, ", $1, $2, 100 * $1 / $2 }'
}

# progress "Title" START_MS "how far": on a terminal one line that is rewritten, elsewhere a line each 30 s.
PROGRESS_SECONDS=30
progress() {
    local seconds=$((($(milliseconds) - $2) / 1000)) line
    line="  … $1: $3"
    if [[ -t 1 ]]; then
        printf '\r\e[K%s%s%s' "$DIM" "${line:0:$((${COLUMNS:-80} - 1))}" "$RESET"
    elif ((seconds / PROGRESS_SECONDS > ${PROGRESS_SHOWN:-0})); then
        PROGRESS_SHOWN=$((seconds / PROGRESS_SECONDS))
        printf '%s\n' "$line"
    fi
}
if [[ -t 1 ]]; then
    # Makes bash ask the terminal for its width, once.
    shopt -s checkwinsize
    (:)
fi
clear_progress() { if [[ -t 1 ]]; then printf '\r\e[K'; fi; }
end_progress() { PROGRESS_SHOWN=0 && clear_progress; }

# Steps that were begun and not awaited: process id, title and start by the log's name.
declare -A STEP_PID=() STEP_TITLE=() STEP_START=()

# begin_step LOGNAME "Title" COMMAND...: begins a step that goes on beside what follows, until it is awaited.
# Job control makes each a process group of its own, so that all of it can be ended.
begin_step() {
    local name="$1"
    STEP_TITLE[$name]="$2" STEP_START[$name]=$(milliseconds)
    shift 2
    set -m
    timed "$name" "$@" >"$LOG_DIR/$name.log" 2>&1 </dev/null &
    STEP_PID[$name]=$!
    set +m
}

# timed NAME COMMAND...: a step may end long before it is awaited, so it takes its time itself.
timed() {
    local name="$1" start status=0
    start=$(milliseconds)
    shift
    # In a subshell, which may exit as it likes; no condition, under which it would go on after an error.
    set +e
    (set -e && "$@")
    status=$?
    set -e
    if ((status == 0)); then remember "$name" $(($(milliseconds) - start)); fi
    return "$status"
}

# await_step LOGNAME: shows how far it is; ends the script when it fails.
await_step() {
    local name="$1" log="$LOG_DIR/$1.log" status=0 round=0 far='' pid title start
    pid="${STEP_PID[$name]}" title="${STEP_TITLE[$name]}" start="${STEP_START[$name]}"
    while kill -0 "$pid" 2>/dev/null; do
        if ((round++ % 5 == 0)); then
            far="$(counted "$log" || true)"
            far="${far:-$(of_last_time "$name")}"
            progress "$title" "$start" "$far$(elapsed "$start")"
        fi
        sleep 0.1
    done
    wait "$pid" || status=$?
    unset "STEP_PID[$name]"
    end_progress
    if ((status != 0)); then
        stop_steps
        printf '  %s✗ %s: failed after %s (exit status %d)%s\n' \
            "$RED" "$title" "$(elapsed "$start")" "$status" "$RESET" >&2
        show_log_end "$log" 20
        exit 1
    fi
    done_line "$title $DIM$(in_words "$(remembered "$name")")$RESET"
}

# step LOGNAME "Title" COMMAND...: both.
step() {
    begin_step "$@"
    await_step "$1"
}

# Ends what this shell began and did not await.
stop_steps() {
    local pid
    [[ $BASH_SUBSHELL == 0 ]] || return 0
    for pid in "${STEP_PID[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
}
# A script with an ending of its own replaces the first of these.
trap stop_steps EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

require_root() {
    [[ $(id -u) == 0 ]] && return
    # shellcheck disable=SC2016
    fail "this needs root: $1" "run it again as:  sudo -E env PATH=\"\$PATH\" make ${2:-up}"
}
