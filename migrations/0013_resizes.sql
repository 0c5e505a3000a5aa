-- Another type for a tenant's instance: stopped, changed and started, in a maintenance window. Only adds: the
-- previous version of the service runs on against this schema.

-- What was ordered, and what became of it. A tenant has at most one that has not ended; another order changes it.
CREATE TABLE resizes (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES orgs (id),
    -- plan: its plan has another type; operator: a person wants it.
    cause         text NOT NULL CHECK (cause IN ('plan', 'operator')),
    -- What it has when the change begins, or was ordered.
    from_type     text NOT NULL CHECK (length(from_type) BETWEEN 1 AND 64),
    to_type       text NOT NULL CHECK (length(to_type) BETWEEN 1 AND 64),
    -- Outside of the maintenance window as well.
    any_time      boolean NOT NULL DEFAULT false,
    -- After a failure: not before the next window.
    not_before    timestamptz NOT NULL DEFAULT now(),
    -- changed: it has the type; kept: it did not come up with it, and has its former one; unchanged: there was
    -- nothing to do after all; failed: a person has to look.
    phase         text NOT NULL DEFAULT 'waiting'
        CHECK (phase IN ('waiting', 'changing', 'changed', 'kept', 'unchanged', 'failed', 'cancelled')),
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- Of the last failure.
    error_code    text,
    error         text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    begun_at      timestamptz,
    finished_at   timestamptz
);
CREATE UNIQUE INDEX resizes_one_live ON resizes (org_id) WHERE finished_at IS NULL;
CREATE INDEX resizes_org ON resizes (org_id, created_at DESC);

ALTER TABLE tenants
    -- Of the instance since it was changed; null: what its launch says.
    ADD COLUMN instance_type text CHECK (length(instance_type) BETWEEN 1 AND 64),
    ADD COLUMN resized_at    timestamptz,
    -- The change that is under way. Nothing else replaces, repairs or starts anything on the instance meanwhile.
    ADD COLUMN resize_id     uuid;
