-- Operator tokens, partner keys and organisations' tokens; request counters; two admin tokens of a tenant while
-- one follows the other. Only adds: the previous version of the service runs on against this schema.

CREATE TABLE credentials (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('operator', 'partner', 'org')),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the token; the token itself is shown once and kept nowhere.
    token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- The first 16 characters, by which its holder recognises it.
    token_prefix text NOT NULL CHECK (length(token_prefix) = 16),
    -- Of an operator.
    role         text CHECK (role IN ('read', 'operate', 'admin')),
    -- Of a partner or an organisation.
    scopes       text[] NOT NULL DEFAULT '{}',
    partner_id   text CHECK (length(partner_id) BETWEEN 1 AND 100),
    -- The one organisation that it reaches; of a partner null: those that the partner created.
    org_id       uuid REFERENCES orgs (id),
    -- Requests a minute; null: what is configured for its kind.
    rate_limit   integer CHECK (rate_limit > 0),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    -- Written at most once a minute.
    last_used_at timestamptz,
    CHECK ((kind = 'operator') = (role IS NOT NULL)),
    CHECK ((kind = 'partner') = (partner_id IS NOT NULL)),
    CHECK (kind <> 'org' OR org_id IS NOT NULL)
);
CREATE INDEX credentials_listed ON credentials (kind, created_at DESC) WHERE revoked_at IS NULL;
CREATE INDEX credentials_org ON credentials (org_id) WHERE org_id IS NOT NULL;

-- When the environment's operator token was last used although named ones exist. One row.
CREATE TABLE break_glass (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_used_at timestamptz,
    address      text,
    -- Minutes in which it was used.
    uses         bigint NOT NULL DEFAULT 0
);
INSERT INTO break_glass DEFAULT VALUES;

-- The partner whose key created it.
ALTER TABLE orgs ADD COLUMN partner_id text;
CREATE INDEX orgs_partner ON orgs (partner_id, slug) WHERE partner_id IS NOT NULL;

-- Requests of one minute, by who asked for what. Lost in a crash of the server, and that is enough.
CREATE UNLOGGED TABLE request_counts (
    bucket text NOT NULL,
    -- Minutes since 1970.
    minute bigint NOT NULL,
    count  bigint NOT NULL,
    PRIMARY KEY (bucket, minute)
);
CREATE INDEX request_counts_minute ON request_counts (minute);

-- Organisations created in a day (UTC), by user and by address; written in the signup's transaction.
CREATE TABLE signup_counts (
    bucket text NOT NULL,
    day    date NOT NULL,
    count  integer NOT NULL,
    PRIMARY KEY (bucket, day)
);

ALTER TABLE tenants
    -- The admin token that will follow: valid beside the present one until the tenant says that it runs with it.
    ADD COLUMN next_token_hash bytea,
    ADD COLUMN next_secrets_sealed bytea,
    ADD COLUMN next_token_issued_at timestamptz,
    -- When it was first presented.
    ADD COLUMN next_token_used_at timestamptz,
    ADD COLUMN token_rotated_at timestamptz;
