# Where everything of one local stack lives, and on which ports. Sourced by every script.
# Overridable: LOCAL_DIR, CACHE_DIR, PORT_BASE, SUBNET, BRIDGE, DEBIAN_MIRROR, CONFIGURATION.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
umask 022
export LC_ALL=C.UTF-8

REPO="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"

# One stack's state: processes, database, keys, logs. A script that sets RUN (demo, test...) has a folder of its
# own below the others', also where it is called again with its own environment (scripts/confine.sh).
if [[ -n "${RUN:-}" && -z "${CONFINED:-}" ]]; then
    export STACKS_DIR="${STACKS_DIR:-${LOCAL_DIR:-$REPO/.local}}"
    LOCAL_DIR="$STACKS_DIR/$RUN"
fi
LOCAL_DIR="${LOCAL_DIR:-$REPO/.local}"
# What stacks share and keep: Docker's data, the registry's blobs, built images, the Python environment, how long
# each step takes.
CACHE_DIR="${CACHE_DIR:-$REPO/.local/cache}"
mkdir -p "$LOCAL_DIR" "$CACHE_DIR"
LOCAL_DIR="$(cd "$LOCAL_DIR" && pwd -P)"
CACHE_DIR="$(cd "$CACHE_DIR" && pwd -P)"
LOG_DIR="$LOCAL_DIR/log"
PID_DIR="$LOCAL_DIR/pids"
IMAGES_ENV="$CACHE_DIR/images.env"
# What is built: release, or debug.
CONFIGURATION="${CONFIGURATION:-release}"
BUILD_DIR="${BUILD_DIR:-$REPO/.build/$CONFIGURATION}"

PORT_BASE="${PORT_BASE:-18000}"
SUBNET="${SUBNET:-10.77.0.0/24}"
BRIDGE="${BRIDGE:-vpc0}"
NETWORK="$BRIDGE"
GATEWAY="${SUBNET%.*}.1"
export LOCAL_DIR CACHE_DIR PORT_BASE SUBNET BRIDGE CONFIGURATION

PORT_CONTROL_PLANE=$((PORT_BASE + 80))
PORT_AWS=$((PORT_BASE + 566))
PORT_CLOUDFLARE=$((PORT_BASE + 567))
PORT_STRIPE=$((PORT_BASE + 568))
PORT_EDGE=$((PORT_BASE + 443))
PORT_FRONT=$((PORT_BASE + 444))
PORT_TUNNEL=$((PORT_BASE + 844))
PORT_IMDS=$((PORT_BASE + 169))
PORT_ARTIFACTS=$((PORT_BASE + 170))
PORT_OIDC=$((PORT_BASE + 190))
PORT_REGISTRY=$((PORT_BASE + 500))

# A unix socket's path holds 107 bytes: a stack in a deep folder keeps its sockets in /tmp.
short_folder() {
    local path="$1"
    if ((${#path} > 70)); then path="/tmp/cp-$(id -u)-$(printf %s "$1" | cksum | cut -d' ' -f1)"; fi
    printf '%s\n' "$path"
}
SOCKET_DIR="$(short_folder "$LOCAL_DIR/run")"

mkdir -p "$LOG_DIR" "$PID_DIR"
