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

milliseconds() { date +%s%3N; }

# elapsed START_MS -> "3.2 s" or "2 min 05 s"
elapsed() {
    local ms=$(($(milliseconds) - $1))
    if ((ms < 120000)); then
        printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
    else
        printf '%d min %02d s' $((ms / 60000)) $((ms / 1000 % 60))
    fi
}

# step LOGNAME "Title" COMMAND...: runs it with its output in the log, showing that time passes.
step() {
    local log="$LOG_DIR/$1.log" title="$2" start pid status=0 told=0 seconds
    shift 2
    start=$(milliseconds)
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        seconds=$((($(milliseconds) - start) / 1000))
        if [[ -t 1 ]]; then
            printf '\r\e[K  … %s %s%s%s' "$title" "$DIM" "$(elapsed "$start")" "$RESET"
        elif ((seconds >= told + 30)); then
            told=$seconds
            printf '  … %s (%s so far): %s\n' "$title" "$(elapsed "$start")" "$(tail -n1 "$log" | cut -c1-90)"
        fi
        sleep 0.2
    done
    wait "$pid" || status=$?
    if [[ -t 1 ]]; then printf '\r\e[K'; fi
    if ((status != 0)); then
        printf '  %s✗ %s: failed after %s (exit status %d)%s\n' \
            "$RED" "$title" "$(elapsed "$start")" "$status" "$RESET" >&2
        show_log_end "$log" 20
        exit 1
    fi
    done_line "$title $DIM$(elapsed "$start")$RESET"
}

require_root() {
    [[ $(id -u) == 0 ]] && return
    # shellcheck disable=SC2016
    fail "this needs root: $1" "run it again as:  sudo -E env PATH=\"\$PATH\" make ${2:-up}"
}
