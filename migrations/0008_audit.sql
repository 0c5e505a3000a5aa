-- The audit log: every change of state with who, from where, what before and after. It lies in a schema of its
-- own, because whoever owns a schema may drop what is in it.

CREATE SCHEMA audit;

CREATE TABLE audit.entries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The transaction of the change: what was sealed before it, and what could not be.
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- noun.verb in the past: org.created
    action      text NOT NULL,
    -- No reference: the log outlives the organisation.
    org_id      uuid,
    -- What was changed: a slug, an id, a name.
    subject     text NOT NULL,
    actor_kind  text NOT NULL,
    actor_name  text NOT NULL,
    address     text,
    request_id  text,
    before      jsonb NOT NULL DEFAULT '{}',
    after       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX entries_xid ON audit.entries (xid);
CREATE INDEX entries_org ON audit.entries (org_id, id) WHERE org_id IS NOT NULL;
CREATE INDEX entries_action ON audit.entries (action, id);
CREATE INDEX entries_actor ON audit.entries (actor_name, id);

-- One link a sealed entry, each over the one before: what was removed or changed afterwards no longer fits.
CREATE TABLE audit.chain (
    sequence  bigint PRIMARY KEY CHECK (sequence > 0),
    -- No reference: the link of a removed entry names it.
    entry_id  bigint NOT NULL UNIQUE,
    sealed_at timestamptz NOT NULL,
    hash      bytea NOT NULL CHECK (octet_length(hash) = 32),
    -- Every entry of a transaction before this one is sealed by now.
    horizon   xid8 NOT NULL
);

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.chain
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

-- An owner may do everything with a table, also take its triggers away: so nobody who can sign in owns it. The
-- role is the server's, not this database's; another database of the platform may have made it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlplane_audit') THEN
        CREATE ROLE controlplane_audit NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN NULL;
END $$;

-- Where the migrating role may not make roles, it stays the owner, and the triggers alone refuse. The service
-- says so when it starts.
DO $$
DECLARE
    is_superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlplane_audit') THEN RETURN; END IF;
    IF NOT is_superuser THEN GRANT controlplane_audit TO CURRENT_USER; END IF;
    ALTER SCHEMA audit OWNER TO controlplane_audit;
    ALTER TABLE audit.entries OWNER TO controlplane_audit;
    ALTER TABLE audit.chain OWNER TO controlplane_audit;
    ALTER FUNCTION audit.refuse() OWNER TO controlplane_audit;
    -- To be handed on to the service's role: controlplane migrate --service-role.
    GRANT USAGE ON SCHEMA audit TO CURRENT_USER WITH GRANT OPTION;
    GRANT SELECT, INSERT ON audit.entries, audit.chain TO CURRENT_USER WITH GRANT OPTION;
    IF NOT is_superuser THEN REVOKE controlplane_audit FROM CURRENT_USER; END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END $$;

-- A suspended organisation keeps its instance and its data; nothing is provisioned or redeployed.
ALTER TABLE orgs DROP CONSTRAINT orgs_status_check;
ALTER TABLE orgs ADD CONSTRAINT orgs_status_check
    CHECK (status IN ('provisioning', 'running', 'failed', 'suspended', 'deprovisioning', 'purged'));
ALTER TABLE orgs
    -- What it goes back to.
    ADD COLUMN suspended_from   text CHECK (suspended_from IN ('running', 'failed')),
    -- A customer does not end what an operator began.
    ADD COLUMN suspended_by     text CHECK (suspended_by IN ('customer', 'operator')),
    ADD COLUMN suspended_at     timestamptz,
    ADD COLUMN suspended_reason text CHECK (length(suspended_reason) <= 200),
    -- Below what the plan allows; null: what the plan allows.
    ADD COLUMN workspace_quota  integer CHECK (workspace_quota >= 0),
    ADD COLUMN llm_token_quota  bigint CHECK (llm_token_quota >= 0);
