-- Organisations, their tenants, and what the platform has created for them.

CREATE TABLE orgs (
    id              uuid PRIMARY KEY,
    slug            text NOT NULL CHECK (slug ~ '^[a-z][a-z0-9-]{2,31}$'),
    name            text NOT NULL CHECK (length(name) <= 200),
    owner_user_id   text NOT NULL CHECK (length(owner_user_id) <= 200),
    plan            text NOT NULL DEFAULT 'free',
    status          text NOT NULL CHECK (status IN ('provisioning', 'running', 'failed', 'deprovisioning', 'purged')),
    is_canary       boolean NOT NULL DEFAULT false,
    failure_code    text,
    failure_message text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    purged_at       timestamptz
);

-- A slug is free again once its organisation is purged.
CREATE UNIQUE INDEX orgs_live_slug ON orgs (slug) WHERE status <> 'purged';
CREATE INDEX orgs_created ON orgs (created_at DESC, id);

CREATE TABLE tenants (
    org_id             uuid PRIMARY KEY REFERENCES orgs (id),
    -- One attempt to provision. Boot events and provider tokens belong to it.
    launch_id          uuid NOT NULL,
    -- What the launch is made of, decided once: image digests, instance type, subnet. No secret.
    launch             jsonb,
    -- Opens the boot-event and enrolment routes for this launch, and nothing else.
    boot_token_hash    bytea,
    admin_token_hash   bytea,
    -- TenantSecrets under envelope encryption: what a route or a repeated launch must be able to say again.
    secrets_sealed     bytea,
    tunnel_id          text,
    instance_id        text,
    private_ip         text,
    agent_version      text,
    enrolled_at        timestamptz,
    confirmed_at       timestamptz,
    provisioning_at    timestamptz NOT NULL DEFAULT now(),
    running_at         timestamptz,
    image_digest       text,
    console_tail       text
);

CREATE UNIQUE INDEX tenants_admin_token ON tenants (admin_token_hash) WHERE admin_token_hash IS NOT NULL;
CREATE UNIQUE INDEX tenants_instance ON tenants (instance_id) WHERE instance_id IS NOT NULL;

CREATE TABLE boot_events (
    launch_id   uuid NOT NULL,
    sequence    integer NOT NULL,
    stage       text NOT NULL,
    outcome     text NOT NULL,
    duration_ms integer,
    code        text,
    exit_code   smallint,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (launch_id, sequence)
);

-- Intent before effect: a row stands here before anything is created at a provider.
CREATE TABLE resource_ledger (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id          uuid NOT NULL REFERENCES orgs (id),
    kind            text NOT NULL CHECK (kind IN ('instance', 'tunnel', 'tunnel_configuration', 'dns_record')),
    intent_id       text NOT NULL,
    provider_id     text,
    state           text NOT NULL CHECK (state IN ('intended', 'live', 'deleted')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, intent_id)
);
CREATE INDEX resource_ledger_org ON resource_ledger (org_id) WHERE state <> 'deleted';

CREATE TABLE redeploys (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL REFERENCES orgs (id),
    target_tag      text,
    digest          text NOT NULL,
    previous_digest text,
    final_digest    text,
    phase           text NOT NULL CHECK (phase IN ('sending', 'running', 'updated', 'unchanged', 'rolled_back', 'failed', 'refused')),
    ssm_command_id  text,
    ssm_status      text,
    ssm_exit_code   integer,
    healthz_ok      boolean,
    error_code      text,
    error           text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz
);
CREATE INDEX redeploys_org ON redeploys (org_id, created_at DESC);
