-- What a launch's RunInstances was, or will be, sent with. Only adds: the previous version of the service runs on
-- against this schema.

-- User-data of each launch that has been decided, without its boot token, whose place is marked in it. EC2 compares a
-- repeated call with the first one, so a repetition has to send the same bytes, whatever boot script and
-- configuration the service has by then. A launch that was decided by an earlier version has no row.
CREATE TABLE launch_user_data (
    org_id    uuid PRIMARY KEY REFERENCES tenants (org_id) ON DELETE CASCADE,
    launch_id uuid NOT NULL,
    user_data text NOT NULL CHECK (octet_length(user_data) BETWEEN 1 AND 16384)
);
