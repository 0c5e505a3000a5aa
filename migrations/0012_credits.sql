-- Credits: what is granted, what is charged beyond, what was said about it, and what Stripe was told. Only adds:
-- the previous version of the service runs on against this schema.

-- Overage that a customer allows in a month; null: what the platform's configuration says.
ALTER TABLE orgs ADD COLUMN overage_cap bigint CHECK (overage_cap BETWEEN 0 AND 1000000000000);

-- A month (UTC) of an organisation that has used something or changed its plan.
CREATE TABLE credit_periods (
    org_id      uuid NOT NULL REFERENCES orgs (id),
    period      date NOT NULL CHECK (extract(day FROM period) = 1),
    -- The organisation's own cap in this month; null: what the configuration says.
    overage_cap bigint CHECK (overage_cap BETWEEN 0 AND 1000000000000),
    -- Overage that is charged, whatever is granted afterwards.
    settled     bigint NOT NULL DEFAULT 0 CHECK (settled >= 0),
    opened_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, period)
);

-- Credits given, or taken back when a plan is left. Rows are only added.
CREATE TABLE credit_grants (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id         uuid NOT NULL,
    period         date NOT NULL,
    -- Makes it once in its month.
    key            text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    kind           text NOT NULL CHECK (kind IN ('monthly', 'proration', 'adjustment')),
    -- From effective_at on, and what it grants in a whole month; of an adjustment null.
    plan           text,
    plan_credits   bigint,
    effective_at   timestamptz NOT NULL,
    -- Credits times seconds of the month: what the credits of all plans of a month are rounded from, together.
    credit_seconds bigint,
    credits        bigint NOT NULL,
    note           text CHECK (length(note) <= 200),
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, period, key),
    FOREIGN KEY (org_id, period) REFERENCES credit_periods (org_id, period),
    CHECK (kind = 'adjustment' OR num_nulls(plan, plan_credits, credit_seconds) = 0)
);

CREATE FUNCTION credit_grants_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit_grants is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_grants
    FOR EACH STATEMENT EXECUTE FUNCTION credit_grants_refuse();

-- A share of a month's grant or cap that was reached. Once a month each.
CREATE TABLE credit_alerts (
    org_id       uuid NOT NULL REFERENCES orgs (id),
    period       date NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('grant_80', 'grant_100', 'cap_80', 'cap_100')),
    -- Credits, then.
    used         bigint NOT NULL,
    credit_limit bigint NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, period, kind)
);

-- How far the use of an organisation was looked at, and what its tenant was told of it.
CREATE TABLE credit_watch (
    org_id           uuid PRIMARY KEY REFERENCES orgs (id),
    -- usage_orgs.last_received_at, as of the last look; null: look again.
    seen_received_at timestamptz,
    period           date NOT NULL,
    -- Null: credits are none of its business.
    state            text CHECK (state IN ('ok', 'alert', 'overage', 'exhausted')),
    looked_at        timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Overage as Stripe is told of it: a row is one meter event, and its id the event's identifier.
CREATE TABLE overage_reports (
    id             uuid PRIMARY KEY,
    org_id         uuid NOT NULL,
    period         date NOT NULL,
    customer_id    text NOT NULL,
    credits        bigint NOT NULL CHECK (credits > 0),
    -- What the event says: within the month.
    event_at       timestamptz NOT NULL,
    -- pending: Stripe certainly has not got it. unknown: it may have. sent: it answered that it has.
    -- confirmed: its sums show it. reconciled: they do, after an outcome that was not known.
    state          text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'unknown', 'sent', 'confirmed', 'reconciled')),
    attempts       integer NOT NULL DEFAULT 0,
    -- When the first attempt began that may have had an effect: identifiers are unique for a day from then.
    unknown_since  timestamptz,
    -- Whose attempt is under way has until then.
    next_look_at   timestamptz NOT NULL DEFAULT now(),
    last_error     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    FOREIGN KEY (org_id, period) REFERENCES credit_periods (org_id, period)
);
-- The next is cut when it is known what became of the one before.
CREATE UNIQUE INDEX overage_reports_open ON overage_reports (org_id) WHERE state IN ('pending', 'unknown');
CREATE INDEX overage_reports_due ON overage_reports (next_look_at) WHERE state IN ('pending', 'unknown');
CREATE INDEX overage_reports_sent ON overage_reports (period, org_id) WHERE state = 'sent';
CREATE INDEX overage_reports_month ON overage_reports (org_id, period);
