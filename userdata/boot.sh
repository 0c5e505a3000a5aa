#!/bin/bash
# Boot script of a tenant's instance: EC2 user-data, run once by cloud-init as root; safe to run again.
# The control plane substitutes three tokens by base64 text, which needs no quoting:
#   DECLARATION  JSON of TenantProtocol.Declaration. No secret.
#   BOOT_TOKEN   opens this instance's stage reports and its enrolment only.
#   AGENT        JSON {"url","sha256"} of the agent's file.
# EC2 takes at most 16,384 bytes of user-data, these included.

umask 077
set -euo pipefail

DECLARATION_BASE64='@DECLARATION_BASE64@'
BOOT_TOKEN_BASE64='@BOOT_TOKEN_BASE64@'
AGENT_BASE64='@AGENT_BASE64@'

readonly ETC=/etc/molecule STATE=/var/lib/molecule AGENT=/usr/local/bin/tenant-agent
readonly CURL_CONFIG=$STATE/boot-curl.conf CA_BUNDLE=$ETC/ca-bundle.pem
readonly PACKAGES_DEADLINE=300 DOCKER_DEADLINE=90 FETCH_DEADLINE=300 # seconds

declare -A STARTED_AT=()
CURL_TRUST=() REPORT_ATTEMPTS=4 CURRENT_STAGE='' FAILURE_CODE=internal_error
CONTROL_PLANE_URL='' ORG_ID=''

say() { printf 'molecule-boot: %s\n' "$*"; }

# Milliseconds since the kernel started: the wall clock may be set during boot.
uptime_ms() {
    local seconds
    read -r seconds _ </proc/uptime
    printf '%s' "$((10#${seconds/./} * 10))"
}

# json_string KEY <JSON: the value of a string without quotes or backslashes but `\/` and `\n`.
json_string() {
    sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*/\1/p" | sed 's#\\/#/#g; 1q'
}

# write_file MODE PATH <CONTENT: all of it or nothing.
write_file() {
    cat >"$2.new"
    chmod "$1" "$2.new"
    mv -f "$2.new" "$2"
}

# --- Stage reports ---

# The counter is shared with the agent, which takes the same lock.
next_sequence() {
    (
        flock 9
        sequence=0
        if [[ -s $STATE/boot-sequence ]]; then sequence=$(<"$STATE/boot-sequence"); fi
        printf '%s\n' "$((sequence + 1))" | write_file 0600 "$STATE/boot-sequence"
        printf '%s' "$((sequence + 1))"
    ) 9>"$STATE/boot-sequence.lock"
}

# Both headers travel in a file of mode 0600: an argument would show in `ps`.
post_event() {
    local attempt status
    for ((attempt = 1; attempt <= REPORT_ATTEMPTS; attempt++)); do
        status=$(printf '%s' "$1" | curl --config "$CURL_CONFIG" --data-binary @- --output /dev/null \
            --write-out '%{http_code}' "$CONTROL_PLANE_URL/cp/tenants/boot-event") || status=000
        case $status in
        2??) return 0 ;;
        000 | 408 | 429 | 5??) sleep $((attempt < REPORT_ATTEMPTS ? attempt : 0)) ;;
        *) break ;;
        esac
    done
    say "a stage report was not taken (HTTP $status): kept for the agent"
    return 1
}

send_report() {
    local stage=$1 outcome=$2 code=${3:-} exit_status=${4:-} event now
    say "stage $stage: $outcome${code:+ ($code${exit_status:+, exit status $exit_status})}"
    now=$(uptime_ms)
    if [[ $outcome == started ]]; then STARTED_AT[$stage]=$now; fi
    if [[ -z $CONTROL_PLANE_URL ]]; then return 0; fi
    event="{\"sequence\":$(next_sequence),\"stage\":\"$stage\",\"outcome\":\"$outcome\""
    if [[ $outcome != started ]]; then event+=",\"duration_ms\":$((now - ${STARTED_AT[$stage]:-now}))"; fi
    if [[ -n $code ]]; then event+=",\"code\":\"$code\""; fi
    if [[ -n $exit_status ]]; then event+=",\"exit_code\":$exit_status"; fi
    event+='}'
    if ! post_event "$event"; then
        REPORT_ATTEMPTS=1 # A platform that is away must not hold up the boot at every stage.
        (flock 9 && printf '%s\n' "$event" >>"$STATE/spool") 9>"$STATE/spool.lock"
    fi
}

# report_stage STAGE OUTCOME [CODE] [EXIT]: tells the platform; never stops the boot.
report_stage() { send_report "$@" || say "stage report not kept"; }

# run_stage STAGE FUNCTION
run_stage() {
    CURRENT_STAGE=$1 FAILURE_CODE=internal_error
    report_stage "$1" started
    "$2"
    report_stage "$1" succeeded
    CURRENT_STAGE=''
}

# fail CODE EXIT MESSAGE: ends the script; the trap reports the stage.
fail() {
    FAILURE_CODE=$1
    say "$3"
    exit "$2"
}

on_exit() {
    local status=$?
    if [[ $status -ne 0 && -n $CURRENT_STAGE ]]; then
        report_stage "$CURRENT_STAGE" failed "$FAILURE_CODE" "$status"
    fi
    rm -f "$CURL_CONFIG"
}

# --- Stages ---

# A disk from a snapshot holds another launch's credentials, with its agent at work: enrol anew.
leave_other_launch() {
    local mark
    mark=$(sha256sum <<<"$BOOT_TOKEN_BASE64")
    [[ $mark != "$(cat "$STATE/launch" 2>/dev/null)" ]] || return 0
    systemctl stop tenant-agent 2>/dev/null || true
    rm -f "$ETC"/{secrets,config}.json "$STATE"/{enrolled,spool}
    write_file 0600 "$STATE/launch" <<<"$mark"
}

read_declaration() {
    mkdir -p "$ETC" "$STATE"
    chmod 0755 "$ETC"
    leave_other_launch
    printf '%s' "$DECLARATION_BASE64" | base64 -d | write_file 0644 "$ETC/declaration.json"
    printf '%s' "$BOOT_TOKEN_BASE64" | base64 -d | write_file 0600 "$ETC/boot-token"
    ORG_ID=$(json_string org_id <"$ETC/declaration.json")
    CONTROL_PLANE_URL=$(json_string control_plane_url <"$ETC/declaration.json")
    if [[ -z $ORG_ID ]]; then fail invalid_declaration 78 "the declaration names no org"; fi
    trust_declared_authority
    write_file 0600 "$CURL_CONFIG" <<CONFIG
header = "Authorization: Bearer $(<"$ETC/boot-token")"
header = "X-Molecule-Org-Id: $ORG_ID"
header = "Content-Type: application/json"
silent
connect-timeout = 3
max-time = 10
proto = "=http,https"
${CURL_TRUST:+cacert = $CA_BUNDLE}
CONFIG
}

# A private authority is trusted beside the system's, by the platform's clients only.
trust_declared_authority() {
    local authority system
    authority=$(json_string certificate_authority <"$ETC/declaration.json")
    if [[ -z $authority ]]; then
        rm -f "$CA_BUNDLE"
        return 0
    fi
    for system in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /dev/null; do
        if [[ -e $system ]]; then break; fi
    done
    { cat "$system" && printf '%b\n' "$authority"; } | write_file 0644 "$CA_BUNDLE"
    CURL_TRUST=(--cacert "$CA_BUNDLE")
}

# install_packages APT_NAMES DNF_NAMES, each a list separated by blanks
install_packages() {
    local attempt names
    for attempt in 1 2 3; do
        if command -v apt-get >/dev/null; then
            read -ra names <<<"$1"
            export DEBIAN_FRONTEND=noninteractive
            timeout "$PACKAGES_DEADLINE" apt-get -qq -o DPkg::Lock::Timeout=120 update &&
                timeout "$PACKAGES_DEADLINE" apt-get -qq -o DPkg::Lock::Timeout=120 install -y \
                    --no-install-recommends "${names[@]}" && return 0
        elif command -v dnf >/dev/null; then
            read -ra names <<<"$2"
            timeout "$PACKAGES_DEADLINE" dnf -q install -y "${names[@]}" && return 0
        else
            say "neither apt-get nor dnf is here"
            return 1
        fi
        say "installing ${names[*]} failed (attempt $attempt of 3)"
        sleep $((attempt * 5))
    done
    return 1
}

# The agent is one file that needs the system's libcurl.
prepare() {
    if ! ldconfig -p | grep -q 'libcurl\.so\.4'; then
        install_packages 'libcurl4 ca-certificates' 'libcurl ca-certificates' ||
            fail download_failed 1 "libcurl cannot be installed"
    fi
}

start_docker() {
    local deadline=$((SECONDS + DOCKER_DEADLINE))
    if docker info >/dev/null 2>&1; then return 0; fi
    if ! command -v docker >/dev/null; then
        install_packages docker.io docker || fail docker_unavailable 1 "Docker cannot be installed"
        deadline=$((SECONDS + DOCKER_DEADLINE))
    fi
    systemctl enable --quiet docker || true
    systemctl start --no-block docker || true
    until docker info >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then
            fail docker_unavailable 1 "Docker does not answer after $DOCKER_DEADLINE s"
        fi
        sleep 0.3
    done
}

has_digest() { [[ -f $1 ]] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status; }

download_agent() {
    local url=$1 digest=$2 mismatches=0 pause=1 deadline=$((SECONDS + FETCH_DEADLINE))
    until has_digest "$AGENT.new" "$digest"; do
        # The address goes through standard input: a signed one must not show in `ps`.
        if printf 'url = "%s"\n' "$url" | curl --config - "${CURL_TRUST[@]}" --fail --silent --show-error \
            --location --proto '=http,https' --connect-timeout 5 --max-time 120 --output "$AGENT.new"; then
            if has_digest "$AGENT.new" "$digest"; then break; fi
            rm -f "$AGENT.new"
            if ((++mismatches == 3)); then
                fail checksum_mismatch 1 "the agent's SHA-256 is not the declared one"
            fi
        fi
        if ((SECONDS >= deadline)); then fail download_failed 1 "the agent cannot be fetched"; fi
        sleep "$pause"
        pause=$((pause < 15 ? pause * 2 : 15))
    done
    chmod 0755 "$AGENT.new"
    mv -f "$AGENT.new" "$AGENT"
}

install_unit() {
    write_file 0644 /etc/systemd/system/tenant-agent.service <<UNIT
[Unit]
Description=Tenant agent: boots the tenant's stack and reports to the platform
After=network-online.target docker.service
Wants=network-online.target docker.service
StartLimitIntervalSec=1h
StartLimitBurst=10

[Service]
Type=exec
RemainAfterExit=yes
ExecStart=$AGENT boot
Restart=on-failure
RestartSec=20s
RestartPreventExitStatus=78
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable --quiet tenant-agent.service
}

fetch_agent() {
    local agent url digest
    agent=$(printf '%s' "$AGENT_BASE64" | base64 -d)
    url=$(json_string url <<<"$agent")
    digest=$(json_string sha256 <<<"$agent")
    if [[ -z $url || ! $digest =~ ^[0-9a-f]{64}$ ]]; then
        fail invalid_declaration 78 "the agent's address or SHA-256 is malformed"
    fi
    if ! has_digest "$AGENT" "$digest"; then download_agent "$url" "$digest"; fi
    install_unit
}

# --- The story ---

say "start"
trap on_exit EXIT
read_declaration
say "org $ORG_ID"
run_stage userdata prepare
run_stage docker start_docker
run_stage agent_fetch fetch_agent
rm -f "$CURL_CONFIG"
systemctl restart --no-block tenant-agent.service
say "handed over to the agent"
