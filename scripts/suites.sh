# Runs suites of the tests and counts how each test ended. Sourced, after confine.sh.
# shellcheck shell=bash disable=SC2034

# --- Which suites run together, as options of `swift test` --------------------------------------------------

# Leases and time-outs are tested apart: in one process with them, tests that compute for seconds would hold the
# few threads that heartbeats need.
ENGINE_SUITES=(--filter 'WorkflowsTests|PostgresTests')
# Many control planes, killed again and again: what they wait for is mostly leases.
RESILIENCE_SUITES=(--filter ResilienceTests)
# On real instances.
JOURNEY_SUITES=(--filter JourneyTests)
OTHER_SUITES=(--skip 'WorkflowsTests|PostgresTests|ResilienceTests|JourneyTests')
# What `make test-fast` runs: no Docker, no crash matrices.
FAST_SUITES=(--skip 'ResilienceTests|JourneyTests|TakeoverTests|ReplacementTests|PrivateRegistryTests')

# The value of a variable in the environment file of the stack that runs here.
stack_value() {
    # shellcheck disable=SC2016
    bash -c 'source "$1" && printf %s "${!2}"' - "$LOCAL_DIR/env" "$1"
}

# --- Running and counting ------------------------------------------------------------------------------------

passed=0 failed=0 skipped=0
# What failed and why, to be repeated at the end, where nobody has to look for it.
failures=()

# count_results LOG: what failed and what was skipped by the runner's lines, and what passed by its total: a line
# can come in the middle of another. A runner that crashed gives no total; its lines must do then.
count_results() {
    local log="$1" total bad idle good
    lines() { grep -oE "$1" "$log" | grep -cvE 'Test run with' || true; }
    total="$(sed -nE 's/^(✔|✘) Test run with ([0-9]+) tests? .*/\2/p' "$log")"
    bad="$(lines '✘ Test .* failed after')" idle="$(lines '➜ Test .* skipped')"
    good="${total:+$((total - bad - idle))}"
    passed=$((passed + ${good:-$(lines '✔ Test .* passed after')}))
    failed=$((failed + bad)) skipped=$((skipped + idle)) told=$((${total:-0} > 0))
    [[ -z "$total" ]] || remember "tests-$2" "$total"
}

# run_suites LOGNAME OPTION...: of the runner's many lines, a person sees what failed, the totals, and how far it is.
run_suites() {
    local name="$1" log="$LOG_DIR/$1.log" status=1 before=$failed told=0
    shift
    note "log: $log"
    cd "$REPO" || exit
    : >"$log"
    show_run "$name" < <(
        set +e
        test_runner "$@" 2>&1 </dev/null | sed -u 's/\x1b\[[0-9;]*m//g' | tee "$log" |
            grep --line-buffered -aE "$SHOWN_LINES|$COUNTED_LINES"
        printf 'status %s\n' "${PIPESTATUS[0]}"
    )
    count_results "$log" "$name"
    mapfile -t -O "${#failures[@]}" failures < <(grep -E '^✘ Test .* recorded an issue' "$log" | cut -c1-300 || true)
    # A runner that crashed gives no total; one that found nothing to run gives zero.
    if ((status != 0 && failed == before)) || ((told == 0)); then
        failed=$((failed + 1))
        failures+=("The runner of $log ended with status $status.")
        show_log_end "$log" 30
    fi
}

# run_script LOGNAME COMMAND...: a script that closes with counts of its own.
run_script() {
    local log="$LOG_DIR/$1.log" good='' bad='' idle=''
    shift
    "$@" 2>&1 | tee "$log" || true
    read -r good bad idle < <(
        sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log" | tail -n 1
    ) || bad=1
    passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-1})) skipped=$((skipped + ${idle:-0}))
    ((${bad:-1} == 0)) || failures+=("$* (log: $log)")
}

SHOWN_LINES='^(✘|↳|➜)|recorded an issue|^error:|Test run with|Fatal|^[a-z0-9 ]+: [0-9]+ (tried|begun|provisionings)'
COUNTED_LINES='(✔|✘) Test .* (passed|failed) after'

# Many tests start programs of their own: a few at a time, or their deadlines measure the machine.
# Line by line, or a person sees nothing for minutes.
test_runner() {
    local -a flags=(--configuration "$CONFIGURATION")
    if [[ "$CONFIGURATION" == release ]]; then flags+=(-Xswiftc -enable-testing); fi
    stdbuf --output=L swift test "${flags[@]}" --skip-build --disable-xctest \
        --experimental-maximum-parallelization-width "${TEST_WIDTH:-4}" "$@"
}

# show_run NAME <LINES: shows them, and how many tests have ended; sets status by the last line.
show_run() {
    local line part='' ended=0 shown=0 start all
    start=$(milliseconds) all="$(remembered "tests-$1")"
    while :; do
        if IFS= read -r -t 1 line; then
            line="$part$line" part=''
            if [[ "$line" == 'status '* ]]; then
                status="${line#status }"
                continue
            fi
            if [[ "$line" =~ $COUNTED_LINES ]]; then ended=$((ended + 1)); fi
            if [[ "$line" =~ $SHOWN_LINES ]]; then
                clear_progress
                printf '  %s\n' "${line:0:220}"
            fi
        elif (($? > 128)); then
            # The second is over in the middle of a line.
            part+="$line"
        else
            break
        fi
        if ((SECONDS > shown)); then
            shown=$SECONDS
            progress "$1" "$start" "$ended${all:+ of about $all} tests, $(elapsed "$start")"
        fi
    done
    end_progress
}

# The first of them: the rest is in the logs.
print_failures() {
    ((${#failures[@]} > 0)) || return 0
    heading 'Failed'
    printf '  %s\n' "${failures[@]:0:12}"
}

print_counts() { printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; }
