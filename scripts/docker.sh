# Which Docker daemon to talk to. Sourced.
# shellcheck shell=bash

PRIVATE_DOCKER="unix://$DOCKER_RUN_DIR/docker.sock"

# Sets DOCKER_HOST to the private daemon when that is the one in use. Fails when none answers.
connect_docker() {
    if [[ -S "$DOCKER_RUN_DIR/docker.sock" ]] && DOCKER_HOST="$PRIVATE_DOCKER" docker version >/dev/null 2>&1; then
        export DOCKER_HOST="$PRIVATE_DOCKER"
        return
    fi
    docker version >/dev/null 2>&1 && return
    printf 'no Docker daemon answers; `make up` starts one\n' >&2
    return 1
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
