-- What organisations use of language models: events that count once for ever, what they sum up to, and what
-- was set aside. Only adds: the previous version of the service runs on against this schema.

-- An organisation that has sent usage. Its row's lock takes its batches one after another.
CREATE TABLE usage_orgs (
    -- Stands for it in the tables of events, in a quarter of the space.
    key              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id           uuid NOT NULL UNIQUE REFERENCES orgs (id),
    last_received_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Every model that was ever counted.
CREATE TABLE usage_models (
    key      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    model    text NOT NULL,
    UNIQUE (provider, model)
);

-- The events that were counted, by month (UTC). Wide columns first: no byte is lost to alignment. No index:
-- what is asked of them reads a whole month.
CREATE TABLE usage_events (
    occurred_at      timestamptz NOT NULL,
    -- What the event cost, by the price that was valid at occurred_at. A credit is 1,000.
    millicredits     bigint NOT NULL,
    id               uuid NOT NULL,
    workspace_id     uuid NOT NULL,
    org              integer NOT NULL,
    model            integer NOT NULL,
    input_tokens     integer NOT NULL,
    output_tokens    integer NOT NULL,
    cached_tokens    integer NOT NULL,
    reasoning_tokens integer NOT NULL
) PARTITION BY RANGE (occurred_at);

-- Which events have counted. Never dropped: an event counts once for ever, not for as long as its month is kept.
CREATE TABLE usage_event_ids (
    org integer NOT NULL,
    id  uuid NOT NULL,
    PRIMARY KEY (org, id)
);

-- Streams of events, of which the tenant numbers the places from 1.
CREATE TABLE usage_streams (
    org              integer NOT NULL REFERENCES usage_orgs (key),
    epoch            uuid NOT NULL,
    received         int8multirange NOT NULL DEFAULT '{}',
    -- Places that the tenant said it has no more.
    lost             int8multirange NOT NULL DEFAULT '{}',
    -- Of the last batch, the places that had been received before it.
    overlap          int8multirange NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org, epoch),
    -- A stream that is torn into thousands of pieces is refused before it costs every batch.
    CONSTRAINT usage_streams_pieces CHECK (pg_column_size(received) + pg_column_size(lost) <= 131072)
) WITH (fillfactor = 50);

-- Events that were received and not counted, each for a reason. Never billed unless somebody releases them.
CREATE TABLE usage_set_aside (
    org_id      uuid NOT NULL,
    -- Of an event without a readable one: made of what was sent.
    event_id    uuid NOT NULL,
    reason      text NOT NULL,
    -- What exactly, for a person.
    detail      text NOT NULL,
    -- The known fields as text, each cut to its longest length.
    event       jsonb NOT NULL,
    epoch       uuid,
    place       bigint,
    received_at timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'released', 'discarded')),
    decided_at  timestamptz,
    decided_by  text,
    PRIMARY KEY (org_id, event_id)
);
CREATE INDEX usage_set_aside_waiting ON usage_set_aside (received_at, event_id) WHERE state = 'waiting';

-- Sums of the counted events, exact with each commit. The hour and the day are UTC.
CREATE TABLE usage_hours (
    org_id           uuid NOT NULL,
    hour             timestamptz NOT NULL,
    workspace_id     uuid NOT NULL,
    provider         text NOT NULL,
    model            text NOT NULL,
    events           bigint NOT NULL,
    input_tokens     bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    cached_tokens    bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    millicredits     bigint NOT NULL,
    PRIMARY KEY (org_id, hour, workspace_id, provider, model)
) WITH (fillfactor = 70);

CREATE TABLE usage_days (
    org_id           uuid NOT NULL,
    day              date NOT NULL,
    workspace_id     uuid NOT NULL,
    provider         text NOT NULL,
    model            text NOT NULL,
    events           bigint NOT NULL,
    input_tokens     bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    cached_tokens    bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    millicredits     bigint NOT NULL,
    PRIMARY KEY (org_id, day, workspace_id, provider, model)
) WITH (fillfactor = 70);

-- What a token costs, in millicredits, from when on. A model of its own goes before `*`, which stands for every
-- model of the provider. Rows are only added.
CREATE TABLE model_prices (
    provider               text NOT NULL CHECK (provider ~ '^[A-Za-z0-9._:/@+-]{1,128}$'),
    model                  text NOT NULL CHECK (model ~ '^([A-Za-z0-9._:/@+-]{1,128}|\*)$'),
    valid_from             timestamptz NOT NULL,
    input_millicredits     integer NOT NULL CHECK (input_millicredits BETWEEN 0 AND 100000),
    output_millicredits    integer NOT NULL CHECK (output_millicredits BETWEEN 0 AND 100000),
    cached_millicredits    integer NOT NULL CHECK (cached_millicredits BETWEEN 0 AND 100000),
    reasoning_millicredits integer NOT NULL CHECK (reasoning_millicredits BETWEEN 0 AND 100000),
    created_at             timestamptz NOT NULL DEFAULT now(),
    created_by             text NOT NULL,
    PRIMARY KEY (provider, model, valid_from)
);
-- A token of any kind costs one credit, whoever of these answers.
INSERT INTO model_prices (provider, model, valid_from, input_millicredits, output_millicredits,
    cached_millicredits, reasoning_millicredits, created_by)
SELECT provider, '*', '2020-01-01 00:00:00+00', 1000, 1000, 1000, 1000, 'migration'
FROM unnest(ARRAY['anthropic', 'openai', 'google', 'mistral', 'cohere', 'meta', 'deepseek', 'xai', 'groq',
    'amazon', 'azure', 'bedrock', 'vertex', 'openrouter', 'together', 'fireworks', 'perplexity', 'moonshot',
    'alibaba', 'nvidia', 'cerebras', 'ollama']) AS provider;

-- The service's role owns no table: these are what it may do with the months of usage_events, as their owner.

-- Makes the partition of a month (UTC), given any day of it; one that is there stays as it is. The new table
-- joins with a lock that lets batches of other months go on.
CREATE FUNCTION usage_make_month(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    name text := 'usage_events_' || to_char(first, 'YYYY_MM');
    low timestamptz := first::timestamp AT TIME ZONE 'UTC';
    high timestamptz := (first + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(x'75736167655f6576'::bit(64)::bigint);
    IF to_regclass(name) IS NOT NULL THEN RETURN false; END IF;
    EXECUTE format('CREATE TABLE %I (LIKE usage_events INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, low, high);
    RETURN true;
END
$$;

-- Drops a month. Only whole months that ended three months ago can go, whoever asks.
CREATE FUNCTION usage_drop_month(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    name text := 'usage_events_' || to_char(first, 'YYYY_MM');
BEGIN
    IF first + interval '4 months' > (now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'the month % is not old enough', first USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(x'75736167655f6576'::bit(64)::bigint);
    IF to_regclass(name) IS NULL THEN RETURN false; END IF;
    EXECUTE format('DROP TABLE %I', name);
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION usage_make_month(date), usage_drop_month(date) FROM PUBLIC;

-- What became of workspaces, for figures across organisations.
CREATE TABLE workspace_events (
    org_id       uuid NOT NULL,
    id           uuid NOT NULL,
    workspace_id uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('created', 'online', 'offline', 'removed')),
    occurred_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
CREATE INDEX workspace_events_time ON workspace_events (occurred_at);
