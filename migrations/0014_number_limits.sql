-- How much of an organisation's usage counts in a day, and what fails in periodic runs. Only adds: the previous
-- version of the service runs on against this schema.

-- What has counted of an organisation's day (UTC), and how much may: a sum that cannot be money any more is an
-- attack or a fault, and is set aside. Rows of days that no event can be of any more are deleted.
CREATE TABLE usage_org_days (
    org          integer NOT NULL REFERENCES usage_orgs (key),
    day          date NOT NULL,
    -- Of all four kinds.
    tokens       bigint NOT NULL,
    millicredits bigint NOT NULL,
    PRIMARY KEY (org, day),
    -- A million million tokens or credits; the service knows the same two numbers.
    CONSTRAINT usage_org_days_limit CHECK (tokens BETWEEN 0 AND 1000000000000
        AND millicredits BETWEEN 0 AND 1000000000000000)
) WITH (fillfactor = 50);
CREATE INDEX usage_org_days_day ON usage_org_days (day);

-- What has counted before. A day that holds more than the limit already is full.
INSERT INTO usage_org_days (org, day, tokens, millicredits)
SELECT u.key, d.day,
    greatest(0, least(1000000000000, sum(d.input_tokens) + sum(d.output_tokens) + sum(d.cached_tokens)
        + sum(d.reasoning_tokens))),
    greatest(0, least(1000000000000000, sum(d.millicredits)))
FROM usage_days d JOIN usage_orgs u ON u.org_id = d.org_id
WHERE d.day > (now() AT TIME ZONE 'UTC')::date - 100
GROUP BY u.key, d.day;

-- What periodic runs could not do, one row for each thing that fails: it never stops the rest of its run. A row
-- goes when the same thing is done.
CREATE TABLE periodic_failures (
    -- Which of the service's periodic runs.
    run      text NOT NULL CHECK (length(run) BETWEEN 1 AND 64),
    -- What in it: an organisation, a month, a report, a part of the run.
    subject  text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    org_id   uuid,
    -- In a row.
    failures bigint NOT NULL DEFAULT 1,
    -- Of the last.
    error    text NOT NULL CHECK (length(error) <= 2000),
    since    timestamptz NOT NULL DEFAULT now(),
    last_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, subject)
);
CREATE INDEX periodic_failures_last ON periodic_failures (last_at DESC);
