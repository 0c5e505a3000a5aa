-- How far stored secrets were sealed again under another key. Only adds.

CREATE TABLE secret_rewraps (
    -- The key under which they are sealed again: a key ARN of KMS, or `local:` and a fingerprint.
    key_id      text PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    -- Rows up to this organisation are done; null: none yet.
    after_org   uuid,
    rewrapped   bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
