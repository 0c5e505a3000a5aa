-- Durable workflows: what is to be done, who does it now, and which steps are done.

CREATE TABLE workflows (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind <> ''),
    -- What the workflow is about, as an org's id. At most one live workflow of a kind for a subject.
    subject text NOT NULL CHECK (subject <> ''),
    input jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
    -- Waiting: when to run next. Running: when the lease ends. Either way, once it is past, any worker may
    -- claim the workflow; so one index finds both.
    due_at timestamptz NOT NULL DEFAULT now(),
    -- The step whose condition or time is waited for, or whose retry is due; null before the first run.
    waiting_for text,
    -- Whether a wake ends the wait: true for conditions, false for sleeps and retries.
    wakeable boolean NOT NULL DEFAULT false,
    -- Counts wakes, so that one that arrives while the workflow runs is not lost.
    wakes bigint NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    lease_owner text,
    -- The fence: grows with every claim; a write that names an older epoch changes nothing.
    lease_epoch bigint NOT NULL DEFAULT 0,
    -- Claims so far.
    attempts integer NOT NULL DEFAULT 0,
    -- Failures of the run outside of its steps.
    failures integer NOT NULL DEFAULT 0,
    failure_code text,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CHECK ((state = 'running') = (lease_owner IS NOT NULL)),
    CHECK ((state IN ('waiting', 'running')) = (finished_at IS NULL))
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX workflows_one_live ON workflows (kind, subject) WHERE state IN ('waiting', 'running');
CREATE INDEX workflows_due ON workflows (due_at) WHERE state IN ('waiting', 'running');
CREATE INDEX workflows_live_subject ON workflows (subject) WHERE state IN ('waiting', 'running');
CREATE INDEX workflows_history ON workflows (kind, subject, created_at DESC);

CREATE TABLE workflow_steps (
    workflow_id uuid NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    -- Order of first start within the workflow.
    position bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('step', 'transaction', 'wait', 'sleep')),
    state text NOT NULL CHECK (state IN ('started', 'done', 'failed')),
    -- Starts, with those that ended in a crash; retries are counted by failures.
    attempts integer NOT NULL DEFAULT 1,
    failures integer NOT NULL DEFAULT 0,
    -- Of a wait: when it times out. Of a sleep: when it ends.
    deadline timestamptz,
    -- JSON, never a secret.
    output jsonb,
    failure_code text,
    last_error text,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (workflow_id, name)
);
