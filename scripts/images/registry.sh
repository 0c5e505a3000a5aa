# Pushing into the local registry, and knowing what is there already. Sourced.
# shellcheck shell=bash

REGISTRY_DATA="$CACHE_DIR/registry"

# image_key NAME TAG -> the variable in images.env: `molecule-tenant v2` is DIGEST_MOLECULE_TENANT_V2.
image_key() {
    local key="DIGEST_${1}_$2"
    key="${key//-/_}"
    printf '%s\n' "${key^^}"
}

# at_hand NAME TAG HASH: whether the image that was built from inputs of this hash is in the registry and, as
# controlplane/NAME:TAG, in this stack's daemon. Another stack's may have built it: then it is pulled.
at_hand() {
    local digest id reference="127.0.0.1:$PORT_REGISTRY/$1"
    read -r digest id < <(
        sed -n "s/^$(image_key "$1" "$2")=\(sha256:[0-9a-f]*\) # $3 \(.*\)/\1 \2/p" "$IMAGES_ENV"
    ) || return 1
    [[ -e "$REGISTRY_DATA/docker/registry/v2/repositories/$1/_manifests/revisions/sha256/${digest#sha256:}/link" ]] ||
        return 1
    [[ "$(docker image inspect --format '{{.Id}}' "controlplane/$1:$2" 2>/dev/null)" == "$id" ]] && return
    docker pull --quiet "$reference@$digest" >/dev/null
    docker tag "$reference@$digest" "controlplane/$1:$2"
    docker rmi --no-prune "$reference@$digest" >/dev/null
}

# push_image NAME TAG HASH: pushes controlplane/NAME:TAG and records its digest, its inputs and its id.
push_image() {
    local reference="127.0.0.1:$PORT_REGISTRY/$1:$2" key digest
    docker tag "controlplane/$1:$2" "$reference"
    docker push --quiet "$reference" >/dev/null
    docker rmi --no-prune "$reference" >/dev/null
    digest="$(curl --fail --silent --show-error --head --noproxy '*' \
        --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        --header 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://127.0.0.1:$PORT_REGISTRY/v2/$1/manifests/$2" |
        tr -d '\r' | sed -n 's/^docker-content-digest: //Ip')"
    [[ "$digest" == sha256:* ]] || { echo "the registry did not report the digest of $1:$2" >&2 && return 1; }
    key="$(image_key "$1" "$2")"
    sed -i "/^$key=/d" "$IMAGES_ENV"
    printf '%s=%s # %s %s\n' "$key" "$digest" "$3" \
        "$(docker image inspect --format '{{.Id}}' "controlplane/$1:$2")" >>"$IMAGES_ENV"
    printf 'pushed %s:%s %s\n' "$1" "$2" "$digest"
}
