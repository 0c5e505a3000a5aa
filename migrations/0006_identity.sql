-- People: who signs in by a browser, their sessions, and what they are in organisations. Only adds: the
-- previous version of the service runs on against this schema.

CREATE TABLE users (
    -- The provider's subject (`sub`).
    id                text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    -- null: named as an owner, and never signed in yet.
    email             text CHECK (length(email) <= 320),
    is_email_verified boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL DEFAULT now(),
    signed_in_at      timestamptz
);

-- A subject has up to 255 characters (OpenID Connect Core 1.0, section 2).
ALTER TABLE orgs DROP CONSTRAINT orgs_owner_user_id_check,
    ADD CONSTRAINT orgs_owner_user_id_check CHECK (length(owner_user_id) <= 255);
CREATE INDEX orgs_owner ON orgs (owner_user_id) WHERE status <> 'purged';
CREATE INDEX orgs_slug ON orgs (slug);

CREATE TABLE memberships (
    org_id     uuid NOT NULL REFERENCES orgs (id),
    user_id    text NOT NULL REFERENCES users (id),
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'billing')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id, org_id);

-- Whoever owned an organisation before is a member of it from now on.
INSERT INTO users (id) SELECT DISTINCT owner_user_id FROM orgs
    WHERE owner_user_id NOT IN ('', 'unknown') AND (status <> 'purged' OR retained_until IS NOT NULL);
INSERT INTO memberships (org_id, user_id, role) SELECT id, owner_user_id, 'owner' FROM orgs
    WHERE owner_user_id NOT IN ('', 'unknown') AND (status <> 'purged' OR retained_until IS NOT NULL);

CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    -- SHA-256 of the cookie's value.
    token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id      text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- Written at most once a minute.
    last_used_at timestamptz NOT NULL DEFAULT now(),
    -- However much it is used.
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- A sign-in that the provider has not answered yet. What the browser holds is not here.
CREATE TABLE sign_ins (
    state_hash   bytea PRIMARY KEY CHECK (length(state_hash) = 32),
    -- SHA-256 of the cookie that binds it to the browser which began it.
    browser_hash bytea NOT NULL CHECK (length(browser_hash) = 32),
    return_to    text NOT NULL CHECK (length(return_to) <= 2048),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);

CREATE TABLE terms_acceptances (
    user_id     text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version     text NOT NULL,
    -- Of the text that was accepted.
    text_sha256 text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, version)
);

CREATE TABLE invitations (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES orgs (id),
    -- Lower case: who accepts has this address, verified.
    email       text NOT NULL CHECK (length(email) <= 320),
    role        text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'billing')),
    token_hash  bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- As the audit log names them.
    invited_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    accepted_by text,
    revoked_at  timestamptz
);
CREATE INDEX invitations_org ON invitations (org_id, created_at DESC);
CREATE UNIQUE INDEX invitations_one_open ON invitations (org_id, email)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
