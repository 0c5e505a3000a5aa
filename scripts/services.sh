# Starting the registry, the local cloud and the control plane, each with what it needs to know. Sourced.
# shellcheck shell=bash

start_registry() {
    local side address
    mkdir -p "$CACHE_DIR/registry"
    for side in host instances; do
        address=127.0.0.1
        [[ $side == host ]] || address="$GATEWAY"
        cat >"$LOCAL_DIR/registry-$side.yml" <<CONFIG
version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: "$CACHE_DIR/registry" }
  delete: { enabled: true }
http: { addr: "$address:$PORT_REGISTRY", relativeurls: true }
CONFIG
        start_process "registry-$side" docker-registry serve "$LOCAL_DIR/registry-$side.yml"
        await "registry-$side" "Starting the image registry on $address:$PORT_REGISTRY" 20 \
            curl --fail --silent --noproxy '*' "http://$address:$PORT_REGISTRY/v2/"
    done
}

start_localcloud() {
    # shellcheck disable=SC1090
    source "$IMAGES_ENV"
    rm -f "$LOCAL_DIR/localcloud.json"
    AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
        AWS_SESSION_TOKEN='' AWS_REGION=us-east-1 TENANT_DOMAIN=localhost \
        CLOUDFLARE_API_TOKEN="$CLOUDFLARE_API_TOKEN" CLOUDFLARE_ACCOUNT_ID="$CLOUDFLARE_ACCOUNT_ID" \
        CLOUDFLARE_ZONE_ID="$CLOUDFLARE_ZONE_ID" \
        OIDC_CLIENT_ID=molecule OIDC_CLIENT_SECRET="$OIDC_CLIENT_SECRET" \
        STRIPE_ACCOUNT_KEY="$STRIPE_ACCOUNT_KEY" STRIPE_SECRET_KEY="$STRIPE_SECRET_KEY" \
        STRIPE_WEBHOOK_SECRETS="$STRIPE_WEBHOOK_SECRETS" \
        start_process localcloud "$BUILD_DIR/localcloud" serve --name "$STACK_NAME" --driver docker \
        --folder "$LOCAL_DIR" --port-base "$PORT_BASE" --subnet "$SUBNET" --bridge "$BRIDGE" \
        --control-plane "127.0.0.1:$PORT_CONTROL_PLANE" --artifacts "$CACHE_DIR/artifacts" \
        --policy "$REPO/deploy/aws-iam-policy.json" --image "$(ami_id)=$AMI_IMAGE" \
        --stripe-permissions "$REPO/deploy/stripe-restricted-key.json" --stripe-webhook /cp/webhooks/stripe \
        --ready-file "$LOCAL_DIR/localcloud.json"
    await localcloud 'Starting the local cloud (EC2, SSM, KMS, metadata, Cloudflare, Stripe, edge, sign-in)' 30 \
        test -s "$LOCAL_DIR/localcloud.json"
}

migrate_database() (
    # shellcheck disable=SC1091
    source "$LOCAL_DIR/env"
    make_service_role
    DATABASE_URL="$DATABASE_OWNER_URL" "$BUILD_DIR/controlplane" migrate --service-role "$DATABASE_SERVICE"
)

# Its environment is the environment file's, and nothing that this shell happens to hold.
start_control_plane() {
    # shellcheck disable=SC2016
    start_process controlplane env -i PATH="$PATH" HOME="${HOME:-/}" LOG_LEVEL="${LOG_LEVEL:-info}" \
        bash -c 'source "$1" && exec "$2" serve' controlplane "$LOCAL_DIR/env" "$BUILD_DIR/controlplane"
    await controlplane "Starting the control plane on 127.0.0.1:$PORT_CONTROL_PLANE" 30 \
        curl --fail --silent --noproxy '*' "http://127.0.0.1:$PORT_CONTROL_PLANE/health"
}
