-- Billing: what an organisation owes and has paid, as Stripe last said it, and what was done about it. Only adds:
-- the previous version of the service runs on against this schema.

-- One that waits for its first payment: it has a slug and members, and nothing in the cloud.
ALTER TABLE orgs DROP CONSTRAINT orgs_status_check;
ALTER TABLE orgs ADD CONSTRAINT orgs_status_check CHECK (status IN (
    'awaiting_payment', 'provisioning', 'running', 'failed', 'suspended', 'deprovisioning', 'purged'));
ALTER TABLE orgs DROP CONSTRAINT orgs_suspended_by_check;
ALTER TABLE orgs ADD CONSTRAINT orgs_suspended_by_check
    CHECK (suspended_by IN ('customer', 'operator', 'billing'));
ALTER TABLE orgs
    ADD COLUMN billing_status text NOT NULL DEFAULT 'none'
        CHECK (billing_status IN ('none', 'active', 'past_due', 'unpaid', 'canceled')),
    -- Of one that is past_due: then it is suspended.
    ADD COLUMN grace_ends_at  timestamptz;

-- What is known at Stripe of an organisation. Its row is there before anything is there.
CREATE TABLE billing_accounts (
    org_id              uuid PRIMARY KEY REFERENCES orgs (id),
    created_at          timestamptz NOT NULL DEFAULT now(),
    -- When Stripe was first asked to create the customer; the answer may have been lost.
    customer_asked_at   timestamptz,
    customer_id         text UNIQUE,
    -- The subscription that counts, as Stripe last showed it.
    subscription_id     text,
    subscription_status text,
    lookup_key          text,
    period_end          timestamptz,
    -- It ends then, as somebody has ordered.
    ends_at             timestamptz,
    -- Subscriptions beside that one which have not ended either.
    surplus             integer NOT NULL DEFAULT 0 CHECK (surplus >= 0),
    -- Since when payments fail.
    failing_since       timestamptz,
    -- What keeps the organisation from being as it is paid for.
    problem             text,
    -- Requests to look at Stripe, and up to which of them that was done.
    sync_requested      bigint NOT NULL DEFAULT 0,
    sync_done           bigint NOT NULL DEFAULT 0,
    synced_at           timestamptz,
    -- A look is due then without a request: a grace ends, a notice is due.
    next_look_at        timestamptz
);
CREATE INDEX billing_accounts_requested ON billing_accounts (org_id) WHERE sync_requested > sync_done;
CREATE INDEX billing_accounts_due ON billing_accounts (next_look_at) WHERE next_look_at IS NOT NULL;

-- Each event of Stripe's once.
CREATE TABLE billing_events (
    -- evt_...
    id          text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    type        text NOT NULL CHECK (length(type) <= 255),
    object_id   text,
    org_id      uuid,
    -- applied: a look at Stripe was ordered; ignored: of a type that changes nothing here; unmatched: of nobody
    -- that is known here.
    outcome     text NOT NULL CHECK (outcome IN ('applied', 'ignored', 'unmatched')),
    created_at  timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX billing_events_org ON billing_events (org_id, received_at DESC) WHERE org_id IS NOT NULL;
CREATE INDEX billing_events_received ON billing_events (received_at);

-- A page on which somebody can pay: its id is the key under which it is created.
CREATE TABLE billing_checkouts (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES orgs (id),
    plan        text NOT NULL,
    success_url text NOT NULL CHECK (length(success_url) <= 2048),
    cancel_url  text NOT NULL CHECK (length(cancel_url) <= 2048),
    -- cs_...
    session_id  text UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    -- Nobody can pay on it any more.
    closed_at   timestamptz
);
CREATE UNIQUE INDEX billing_checkouts_one_open ON billing_checkouts (org_id) WHERE closed_at IS NULL;

-- What an organisation was told about a payment that failed. Once each for one failure.
CREATE TABLE billing_notices (
    org_id        uuid NOT NULL REFERENCES orgs (id),
    failing_since timestamptz NOT NULL,
    kind          text NOT NULL
        CHECK (kind IN ('payment_failed', 'reminder', 'last_warning', 'suspended', 'resumed', 'canceled')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, failing_since, kind)
);

-- Kept as the law wants it, also when the organisation is gone: no reference, and no personal datum.
CREATE TABLE billing_invoices (
    -- in_...
    id            text PRIMARY KEY,
    org_id        uuid NOT NULL,
    number        text,
    status        text,
    currency      text NOT NULL,
    -- In the currency's smallest unit.
    total         bigint NOT NULL,
    amount_paid   bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX billing_invoices_org ON billing_invoices (org_id, created_at DESC);

-- Comparisons of these rows with Stripe's list of subscriptions. One at a time.
CREATE TABLE billing_comparisons (
    id          uuid PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    -- Renewed while it goes on.
    leased_until timestamptz NOT NULL,
    finished_at timestamptz,
    subscriptions integer NOT NULL DEFAULT 0,
    differing   integer NOT NULL DEFAULT 0,
    -- Subscriptions of nobody that is known here.
    strangers   integer NOT NULL DEFAULT 0,
    failure     text
);
CREATE INDEX billing_comparisons_started ON billing_comparisons (started_at DESC);
CREATE UNIQUE INDEX billing_comparisons_one ON billing_comparisons ((true)) WHERE finished_at IS NULL;
