-- What was created and by which call, what the providers allow, and how a deleted tenant comes back.
-- Only adds: the previous version of the service runs on against this schema.

ALTER TABLE workflows ADD COLUMN postponed_for text;
ALTER TABLE workflow_steps ADD COLUMN warned_at timestamptz;

ALTER TABLE resource_ledger DROP CONSTRAINT resource_ledger_kind_check;
ALTER TABLE resource_ledger ADD CONSTRAINT resource_ledger_kind_check CHECK (kind IN (
    'instance', 'volume', 'snapshot', 'tunnel', 'tunnel_configuration', 'dns_record',
    'security_group_rule', 'parameter', 'image_tag'));
ALTER TABLE resource_ledger
    -- Where it lives: an account or zone of Cloudflare, a region of AWS.
    ADD COLUMN place text NOT NULL DEFAULT '',
    -- Calls made to create it.
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN last_operation text,
    ADD COLUMN last_request_id text,
    ADD COLUMN last_error text,
    ADD COLUMN last_call_at timestamptz;
CREATE INDEX resource_ledger_live ON resource_ledger (kind, place) WHERE state <> 'deleted';

-- Where a tenant is placed, chosen before the first call: a launch cannot move afterwards.
ALTER TABLE tenants
    ADD COLUMN cloudflare_account_id text,
    ADD COLUMN cloudflare_zone_id text,
    ADD COLUMN subnet_id text,
    ADD COLUMN vcpus integer NOT NULL DEFAULT 0,
    -- The snapshot that the instance's volume starts from, when a deleted tenant comes back.
    ADD COLUMN snapshot_id text;
CREATE INDEX tenants_placement ON tenants (cloudflare_account_id, cloudflare_zone_id, subnet_id)
    INCLUDE (vcpus) WHERE cloudflare_account_id IS NOT NULL;
CREATE INDEX tenants_running ON tenants (running_at DESC) WHERE running_at IS NOT NULL;

-- A purged organisation whose snapshot is kept: until then it can be restored, and keeps its slug.
ALTER TABLE orgs ADD COLUMN retained_until timestamptz;
CREATE UNIQUE INDEX orgs_retained_slug ON orgs (slug)
    WHERE status <> 'purged' OR retained_until IS NOT NULL;

-- What the calls to one API of one provider may spend: a token bucket as a virtual schedule.
CREATE TABLE provider_buckets (
    name             text PRIMARY KEY,
    -- Once this is past, the bucket is full. Every admitted call moves it on by one gap.
    full_at          timestamptz NOT NULL,
    -- The last slot given to a repeated call, which goes before those that wait for their first.
    repeated_at      timestamptz NOT NULL DEFAULT '-infinity',
    blocked_until    timestamptz NOT NULL DEFAULT '-infinity',
    -- The same schedule for the calls that were let through in fact, at whatever time.
    spent_until      timestamptz NOT NULL DEFAULT '-infinity',
    admitted         bigint NOT NULL DEFAULT 0,
    throttled        bigint NOT NULL DEFAULT 0,
    last_throttle_at timestamptz
) WITH (fillfactor = 50);

-- Slots in the future that are promised to a step.
CREATE TABLE provider_reservations (
    bucket  text NOT NULL REFERENCES provider_buckets (name) ON DELETE CASCADE,
    holder  text NOT NULL,
    slot_at timestamptz NOT NULL,
    PRIMARY KEY (bucket, holder)
);

-- Seconds until the holder may call: 0 is now, and spends a token; else a slot is promised to the holder,
-- who asks again then. gap: seconds between calls at the sustained rate; burst: calls that may come at once.
CREATE FUNCTION admit_call(
    wanted text, wanting text, gap double precision, burst double precision, is_repeated boolean
) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    slot timestamptz;
    one interval := make_interval(secs => gap);
    -- Calls that were held up may catch up with the schedule by a fiftieth.
    spent interval := make_interval(secs => gap * 0.98);
    bucket_row provider_buckets;
BEGIN
    SELECT slot_at INTO slot FROM provider_reservations
        WHERE bucket = wanted AND holder = wanting FOR UPDATE;
    IF FOUND AND slot > now() THEN
        RETURN extract(epoch FROM slot - now());
    ELSIF NOT FOUND THEN
        INSERT INTO provider_buckets AS known (name, full_at, admitted) VALUES (wanted, now() + one, 1)
            ON CONFLICT (name) DO UPDATE SET
                full_at = greatest(known.full_at, now()) + one, admitted = known.admitted + 1
            RETURNING * INTO bucket_row;
        IF is_repeated THEN
            slot := greatest(now(), bucket_row.blocked_until, bucket_row.repeated_at + one);
            UPDATE provider_buckets SET repeated_at = slot WHERE name = wanted;
        ELSE
            slot := greatest(bucket_row.full_at - one * burst, bucket_row.blocked_until);
        END IF;
    END IF;
    -- Those whose slots passed while nobody was free to use them, and those that call again, must not come
    -- on top of those whose slots are now.
    IF slot <= now() THEN
        UPDATE provider_buckets SET spent_until = greatest(spent_until, now()) + spent
            WHERE name = wanted AND spent_until <= now() + spent * (burst - 1) AND blocked_until <= now();
        IF FOUND THEN
            DELETE FROM provider_reservations WHERE bucket = wanted AND holder = wanting;
            RETURN 0;
        END IF;
        SELECT greatest(spent_until - spent * (burst - 1), blocked_until) INTO slot
            FROM provider_buckets WHERE name = wanted;
    END IF;
    INSERT INTO provider_reservations (bucket, holder, slot_at) VALUES (wanted, wanting, slot)
        ON CONFLICT (bucket, holder) DO UPDATE SET slot_at = EXCLUDED.slot_at;
    RETURN extract(epoch FROM slot - now());
END
$$;

-- The provider refused a call for its rate: the bucket is empty, and closed for as long as the provider said.
-- What was promised within that time moves behind it, in the same order.
CREATE FUNCTION empty_bucket(
    emptied text, gap double precision, burst double precision, closed_for double precision
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    pause interval := make_interval(secs => closed_for);
    shift interval;
BEGIN
    SELECT greatest(now() + pause - greatest(blocked_until, now()), interval '0') INTO shift
        FROM provider_buckets WHERE name = emptied FOR UPDATE;
    UPDATE provider_buckets SET
        throttled = throttled + 1, last_throttle_at = now(),
        blocked_until = greatest(blocked_until, now() + pause),
        full_at = greatest(full_at + shift, now() + pause + make_interval(secs => gap * burst))
        WHERE name = emptied;
    IF shift > interval '0' THEN
        UPDATE provider_reservations SET slot_at = slot_at + shift WHERE bucket = emptied;
    END IF;
END
$$;
