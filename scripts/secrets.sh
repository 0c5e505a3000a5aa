# The local stack's secrets, made once for each LOCAL_DIR and kept with mode 0600; and the environment of
# everything that talks to the stack. Sourced.
# shellcheck shell=bash disable=SC2034

random_hex() { openssl rand -hex "$1"; }

load_secrets() {
    local file="$LOCAL_DIR/secrets"
    if [[ ! -s "$file" ]]; then
        (
            umask 077
            cat >"$file.new" <<SECRETS
CP_ADMIN_API_TOKEN=$(random_hex 32)
DATABASE_PASSWORD=$(random_hex 24)
AWS_ACCESS_KEY_ID=AKIA$(random_hex 16 | tr '0-9a-f' 'A-P' | cut -c1-16)
AWS_SECRET_ACCESS_KEY=$(random_hex 20)
CLOUDFLARE_API_TOKEN=$(random_hex 20)
CLOUDFLARE_ACCOUNT_ID=$(random_hex 16)
CLOUDFLARE_ZONE_ID=$(random_hex 16)
PROVISION_SHARED_SECRET=$(random_hex 32)
KMS_KEY_ID=$(cat /proc/sys/kernel/random/uuid)
SECRETS
        )
        mv "$file.new" "$file"
    fi
    # What an earlier version's file lacks.
    local name
    for name in OIDC_CLIENT_SECRET DATABASE_SERVICE_PASSWORD; do
        grep -q "^$name=" "$file" || printf '%s=%s\n' "$name" "$(random_hex 32)" >>"$file"
    done
    for name in STRIPE_ACCOUNT_KEY=sk_test_ STRIPE_SECRET_KEY=rk_test_ STRIPE_WEBHOOK_SECRETS=whsec_; do
        grep -q "^${name%%=*}=" "$file" || printf '%s%s\n' "$name" "$(random_hex 24)" >>"$file"
    done
    # shellcheck disable=SC1090
    source "$file"
}

# The AMI's id is a fact of its image.
ami_id() { printf 'ami-%s' "$(printf %s "$AMI_IMAGE" | sha256sum | cut -c1-17)"; }

# The environment file, complete or not at all. `source` it from any shell.
write_environment() {
    local file="$LOCAL_DIR/env" name value
    # shellcheck disable=SC1090
    source "$IMAGES_ENV"
    (umask 077 && : >"$file.new")
    {
        printf '# The local stack of %s. Made by make up, gone with make down.\n' "$REPO"
        while IFS='=' read -r name value; do
            [[ -z "$name" || "$name" == \#* ]] || printf "export %s='%s'\n" "$name" "${value//\'/\'\\\'\'}"
        done < <(environment_lines)
    } >>"$file.new"
    mv "$file.new" "$file"
}

environment_lines() {
    cat <<LINES
# What a client needs
CP_URL=http://127.0.0.1:$PORT_CONTROL_PLANE
CP_ADMIN_API_TOKEN=$CP_ADMIN_API_TOKEN
TENANT_DOMAIN=localhost
EDGE_URL=https://{slug}.localhost:$PORT_EDGE
CP_CA_FILE=$LOCAL_DIR/ca.pem
# Who owns the tables: for \`controlplane migrate\`, and for looking around
DATABASE_OWNER_URL=postgres://controlplane:$DATABASE_PASSWORD@/postgres?host=${DATABASE_SOCKETS//\//%2F}
# What the control plane reads (\`controlplane configuration\` explains each)
DATABASE_URL=postgres://$DATABASE_SERVICE:$DATABASE_SERVICE_PASSWORD@/postgres?host=${DATABASE_SOCKETS//\//%2F}
CP_LISTEN=127.0.0.1:$PORT_CONTROL_PLANE
CP_PUBLIC_URL=https://$GATEWAY:$PORT_FRONT
CP_BROWSER_URL=http://localhost:$PORT_CONTROL_PLANE
OIDC_ISSUER=http://localhost:$PORT_OIDC
OIDC_CLIENT_ID=molecule
OIDC_CLIENT_SECRET=$OIDC_CLIENT_SECRET
STRIPE_API_URL=http://127.0.0.1:$PORT_STRIPE
STRIPE_SECRET_KEY=$STRIPE_SECRET_KEY
STRIPE_WEBHOOK_SECRETS=$STRIPE_WEBHOOK_SECRETS
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID
AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
AWS_ENDPOINT_URL=http://127.0.0.1:$PORT_AWS
CLOUDFLARE_API_URL=http://127.0.0.1:$PORT_CLOUDFLARE/client/v4
CLOUDFLARE_API_TOKEN=$CLOUDFLARE_API_TOKEN
CLOUDFLARE_ACCOUNT_ID=$CLOUDFLARE_ACCOUNT_ID
CLOUDFLARE_ZONE_ID=$CLOUDFLARE_ZONE_ID
EC2_AMI_ID=$(ami_id)
EC2_INSTANCE_TYPE=t3.medium
EC2_SUBNET_ID=$(ready_value subnet_id)
EC2_SECURITY_GROUP_ID=$(ready_value security_group_id)
EC2_INSTANCE_PROFILE=tenant
EC2_IDENTITY_CERT_FILE=$LOCAL_DIR/identity-cert.pem
REGISTRY_URL=http://$GATEWAY:$PORT_REGISTRY
IMAGE_POSTGRES=tenant-postgres:v1
IMAGE_REDIS=tenant-redis:v1
IMAGE_MEMORY_PLUGIN=memory-plugin:v1
IMAGE_TENANT=molecule-tenant:v1
IMAGE_CLOUDFLARED=cloudflared:v1
TENANT_AGENT_URL=http://$GATEWAY:$PORT_ARTIFACTS/tenant-agent
TENANT_AGENT_SHA256=$(sha256sum <"$CACHE_DIR/artifacts/tenant-agent" | cut -d' ' -f1)
KMS_KEY_ARN=arn:aws:kms:us-east-1:123456789012:key/$KMS_KEY_ID
PROVISION_SHARED_SECRET=$PROVISION_SHARED_SECRET
DEADLINE_REDEPLOY_SECONDS=${DEADLINE_REDEPLOY_SECONDS:-30}
CP_POLL_SECONDS=${CP_POLL_SECONDS:-2}
USERDATA_PATH=$REPO/userdata
MIGRATIONS_PATH=$REPO/migrations
TERMS_FILE=$REPO/legal/terms.md
# Where the pieces are
LOCAL_DIR=$LOCAL_DIR
CACHE_DIR=$CACHE_DIR
PORT_BASE=$PORT_BASE
SUBNET=$SUBNET
BRIDGE=$BRIDGE
STACK_NAME=$STACK_NAME
BUILD_DIR=$BUILD_DIR
DOCKER_HOST=${DOCKER_HOST:-}
DIGEST_TENANT_V1=$DIGEST_MOLECULE_TENANT_V1
DIGEST_TENANT_V2=$DIGEST_MOLECULE_TENANT_V2
DIGEST_TENANT_BROKEN=$DIGEST_MOLECULE_TENANT_BROKEN
LINES
}

ready_value() { jq -er ".$1" "$LOCAL_DIR/localcloud.json"; }
