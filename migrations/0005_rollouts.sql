-- Rollouts: one image for many tenants, in waves. Only adds: the previous version of the service runs on
-- against this schema.

-- A redeploy that never ended and whose workflow did ends here: from now on a tenant has one at a time.
UPDATE redeploys SET phase = 'failed', error_code = 'abandoned', error = 'It never ended.', finished_at = now()
    WHERE finished_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM workflows WHERE kind = 'redeploy_tenant' AND subject = redeploys.org_id::text
            AND state IN ('waiting', 'running'));
CREATE UNIQUE INDEX redeploys_one_live ON redeploys (org_id) WHERE finished_at IS NULL;
ALTER TABLE redeploys
    -- Which container was replaced.
    ADD COLUMN service text NOT NULL DEFAULT 'tenant',
    -- Fetched its configuration anew instead of an image.
    ADD COLUMN is_refresh boolean NOT NULL DEFAULT false,
    ADD COLUMN rollout_id uuid;
CREATE INDEX redeploys_pace ON redeploys (finished_at DESC) WHERE phase = 'updated';

-- What a tenant is meant to run: a channel's image, or its own.
CREATE TABLE release_channels (
    name       text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9-]{0,31}$'),
    -- Of molecule-tenant; null: the configured tag, whatever it stands for.
    digest     text,
    target_tag text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO release_channels (name) VALUES ('stable'), ('canary');
ALTER TABLE orgs
    ADD COLUMN channel text NOT NULL DEFAULT 'stable' REFERENCES release_channels (name),
    ADD COLUMN pinned_digest text,
    -- Rollouts pass it by.
    ADD COLUMN is_opted_out boolean NOT NULL DEFAULT false,
    -- Rollouts pass it by until then.
    ADD COLUMN maintenance_until timestamptz;
ALTER TABLE tenants
    -- Digests of the other services' images, as the agent last reported them.
    ADD COLUMN service_digests jsonb NOT NULL DEFAULT '{}';

CREATE TABLE rollouts (
    id                 uuid PRIMARY KEY,
    service            text NOT NULL,
    target_tag         text,
    -- repository@sha256:..., resolved once; null when only the configuration is fetched anew.
    image              text,
    digest             text,
    -- Whose tenants it is for, and which stands for the image once it has succeeded.
    channel            text,
    settings           jsonb NOT NULL,
    state              text NOT NULL CHECK (state IN (
        'running', 'paused', 'rolling_back', 'succeeded', 'incomplete', 'failed', 'aborted', 'rolled_back')),
    -- What is under way, and in which wave.
    stage              text NOT NULL DEFAULT 'redeploying'
        CHECK (stage IN ('redeploying', 'soaking', 'judging', 'rolling_back', 'ended')),
    wave               integer NOT NULL DEFAULT 0,
    -- Planned ones, from 0, which is the canaries'. What was offline comes in one more behind them.
    waves              integer NOT NULL,
    soak_until         timestamptz,
    -- Why it is paused, or why it ended as it did.
    reason_code        text,
    reason             text,
    -- Waves up to this one pass without the rest of their soak, and without a verdict.
    promoted_wave      integer NOT NULL DEFAULT -1,
    abort_requested    boolean NOT NULL DEFAULT false,
    rollback_requested boolean NOT NULL DEFAULT false,
    created_at         timestamptz NOT NULL DEFAULT now(),
    finished_at        timestamptz
);
CREATE INDEX rollouts_created ON rollouts (created_at DESC);
CREATE INDEX rollouts_digest ON rollouts (digest, finished_at DESC) WHERE state = 'rolled_back';

CREATE TABLE rollout_tenants (
    rollout_id    uuid NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
    -- No reference: the tenant may be deleted, what became of it stays told.
    org_id        uuid NOT NULL,
    slug          text NOT NULL,
    wave          integer NOT NULL,
    position      integer NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN (
        'pending', 'updating', 'updated', 'reverting', 'rolled_back', 'skipped', 'failed', 'untouched')),
    -- The group of at most 50 that shares one SSM command; null: not in one yet.
    batch         integer,
    -- Not before then: it was offline, or busy.
    due_at        timestamptz NOT NULL DEFAULT now(),
    offline_since timestamptz,
    -- null: not asked yet.
    verdict       text CHECK (verdict IN ('pending', 'healthy', 'unhealthy', 'inconclusive')),
    redeploy_id   uuid,
    digest_before text,
    -- As the agent reported it.
    digest_after  text,
    reason_code   text,
    reason        text,
    -- Until the rollout ends: a tenant is in one at a time.
    is_open       boolean NOT NULL,
    finished_at   timestamptz,
    PRIMARY KEY (rollout_id, org_id)
);
CREATE UNIQUE INDEX rollout_tenants_one_open ON rollout_tenants (org_id) WHERE is_open;
CREATE INDEX rollout_tenants_wave ON rollout_tenants (rollout_id, wave, outcome, position);
CREATE INDEX rollout_tenants_batch ON rollout_tenants (rollout_id, batch);

CREATE TABLE rollout_events (
    rollout_id uuid NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
    sequence   bigint GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL DEFAULT now(),
    event      text NOT NULL,
    wave       integer,
    slug       text,
    detail     text,
    PRIMARY KEY (rollout_id, sequence)
);
