# Runs suites of the tests and counts how each test ended. Sourced, after settings.sh and say.sh.
# shellcheck shell=bash

passed=0 failed=0 skipped=0
# What failed and why, to be told once more at the end, where nobody has to look for it.
failures=()

# count_results LOG: what failed and what was skipped by the runner's lines, and what passed by its total: a line
# can come in the middle of another. A runner that crashed tells no total; its lines must do then.
count_results() {
    local log="$1" total bad idle good
    lines() { grep -oE "$1" "$log" | grep -cvE 'Test run with' || true; }
    total="$(sed -nE 's/^(✔|✘) Test run with ([0-9]+) tests? .*/\2/p' "$log")"
    bad="$(lines '✘ Test .* failed after')" idle="$(lines '➜ Test .* skipped')"
    good="${total:+$((total - bad - idle))}"
    passed=$((passed + ${good:-$(lines '✔ Test .* passed after')}))
    failed=$((failed + bad)) skipped=$((skipped + idle)) told=$((${total:-0} > 0))
}

# run_suites LOGNAME OPTION...: of the runner's many lines, a person sees what failed, and the totals.
run_suites() {
    local log="$LOG_DIR/$1.log" status before=$failed told=0
    local shown='^(✘|↳|➜)|recorded an issue|^error:|Test run with|Fatal|^[a-z0-9 ]+: [0-9]+ (tried|begun|provisionings)'
    shift
    note "log: $log"
    cd "$REPO"
    set +e
    # Many tests start programs of their own: a few at a time, or their deadlines measure the machine.
    # Line by line, or a person sees nothing for minutes.
    stdbuf --output=L swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest \
        --experimental-maximum-parallelization-width "${TEST_WIDTH:-4}" "$@" 2>&1 </dev/null |
        sed -u 's/\x1b\[[0-9;]*m//g' | tee "$log" |
        grep --line-buffered -E "$shown" | cut -c1-220 | sed -u 's/^/  /'
    status="${PIPESTATUS[0]}"
    set -e
    count_results "$log"
    mapfile -t -O "${#failures[@]}" failures < <(grep -E '^✘ Test .* recorded an issue' "$log" | cut -c1-300 || true)
    # A runner that crashed tells no total; one that found nothing to run tells zero.
    if ((status != 0 && failed == before)) || ((told == 0)); then
        failed=$((failed + 1))
        failures+=("The runner of $log ended with status $status.")
        show_log_end "$log" 30
    fi
}

# The first of them: the rest is in the logs.
print_failures() {
    ((${#failures[@]} > 0)) || return 0
    heading 'Failed'
    printf '  %s\n' "${failures[@]:0:12}"
}

print_counts() { printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; }
