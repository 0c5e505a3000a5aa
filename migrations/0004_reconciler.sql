-- What the reconciler found when it compared rows and cloud, and what it did about it. Only adds.

-- One row: who compares now, and when the last comparison began. One replica at a time holds it.
CREATE TABLE reconciler_lease (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    owner           text,
    leased_until    timestamptz NOT NULL DEFAULT '-infinity',
    -- The first comparison comes one interval after this table.
    last_started_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO reconciler_lease DEFAULT VALUES;

CREATE TABLE reconciler_runs (
    id          uuid PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    -- report: looks only. repair: also acts.
    mode        text NOT NULL CHECK (mode IN ('report', 'repair')),
    outcome     text NOT NULL DEFAULT 'running' CHECK (outcome IN ('running', 'done', 'refused', 'failed')),
    -- Why it refused or failed.
    reason      text,
    seen        integer NOT NULL DEFAULT 0,
    orphans     integer NOT NULL DEFAULT 0,
    ghosts      integer NOT NULL DEFAULT 0,
    drift       integer NOT NULL DEFAULT 0,
    acted       integer NOT NULL DEFAULT 0,
    -- Calls of providers.
    calls       integer NOT NULL DEFAULT 0
);
CREATE INDEX reconciler_runs_started ON reconciler_runs (started_at DESC);

-- No reference to orgs: an orphan may be of an organisation that no row knows.
CREATE TABLE reconciler_findings (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category       text NOT NULL CHECK (category IN ('orphan', 'ghost', 'drift')),
    code           text NOT NULL,
    kind           text NOT NULL,
    -- The provider's id, or the name of what is missing.
    resource       text NOT NULL,
    place          text NOT NULL,
    name           text NOT NULL,
    org_id         uuid,
    slug           text,
    detail         text NOT NULL,
    -- Of an orphan, by list prices; NULL: unknown.
    monthly_usd    double precision,
    first_seen     timestamptz NOT NULL DEFAULT now(),
    last_seen      timestamptz NOT NULL DEFAULT now(),
    quarantined_at timestamptz,
    resolved_at    timestamptz,
    -- What comes next, and when.
    action         text NOT NULL,
    action_due_at  timestamptz,
    -- What was done last, and how that failed.
    last_action    text,
    last_action_at timestamptz,
    last_error     text
);
CREATE UNIQUE INDEX reconciler_findings_open ON reconciler_findings (code, kind, place, resource)
    WHERE resolved_at IS NULL;
CREATE INDEX reconciler_findings_org ON reconciler_findings (org_id);

-- Rebuilt from the cloud after the loss of rows: until its instance has enrolled again, no credential of the
-- tenant is known here.
ALTER TABLE tenants ADD COLUMN adopted_at timestamptz;
