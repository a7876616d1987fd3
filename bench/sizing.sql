-- Bytes on disk per row, indexes included: 100,000 rows of each kind, like the latest that the API has made, in temporary tables like the
-- real ones, so that nothing else is counted and nothing stays. Make a user, a token and a request with it first.
--   psql "$DATABASE_URL" -f bench/sizing.sql
\set ON_ERROR_STOP on
\set rows 100000
\pset footer off
BEGIN;
CREATE TEMP TABLE sample ON COMMIT DROP AS SELECT max(id) AS token_id FROM tokens;
SELECT format('CREATE TEMP TABLE sized_%1$s (LIKE %1$s INCLUDING ALL) %2$s ON COMMIT DROP', name,
  (SELECT 'WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = name::regclass))
FROM unnest(ARRAY['tokens', 'users', 'audit', 'outbox', 'token_last_used', 'token_usage_hourly', 'access_entries']) AS name \gexec

INSERT INTO sized_tokens (id, user_id, name, type, scim, kid, token_hmac, hint, parent_token_id, created_at, created_by_id, expires_at)
SELECT 1000000000 + n, user_id, name || '-' || n, type, scim, kid, sha256(n::text::bytea), hint, parent_token_id, created_at, created_by_id, expires_at
FROM tokens, generate_series(1, :rows) n WHERE id = (SELECT token_id FROM sample);

INSERT INTO sized_users (user_id, user_name, email, name, user_type, role, created_by_id)
SELECT 'size' || n || '@example.com', 'size' || n || '@example.com', 'size' || n || '@example.com', 'Somebody ' || n, 'User', role, created_by_id
FROM users, generate_series(1, :rows) n WHERE id = (SELECT user_id FROM tokens WHERE id = (SELECT token_id FROM sample));

INSERT INTO sized_audit (at, actor_id, actor_user_id, actor_credential, action, target, before, after, address, request_id)
SELECT at, actor_id, actor_user_id, actor_credential, action, 'token/' || (1000000000 + n), before, after, address, gen_random_uuid()::text
FROM audit, generate_series(1, :rows) n WHERE audit.id = (SELECT max(id) FROM audit WHERE action = 'token.issued');

INSERT INTO sized_outbox (event_id, subject, payload, created_at, published_at, stream_seq)
SELECT gen_random_uuid(), subject, payload, created_at, published_at, stream_seq + n
FROM outbox, generate_series(1, :rows) n WHERE outbox.id = (SELECT max(id) FROM outbox WHERE subject LIKE '%token.issued');

INSERT INTO sized_token_last_used (token_id, last_used, ip, gateway, count_since_event)
SELECT 1000000000 + n, now(), '203.0.113.77', 'gateway-1', 1 FROM generate_series(1, :rows) n;

INSERT INTO sized_token_usage_hourly (token_id, hour, count, last_used, last_ip)
SELECT 1000000001 + n % 1000, date_trunc('hour', now()) - n / 1000 * interval '1 hour', 1, now(), '203.0.113.77'
FROM generate_series(1, :rows) n;

INSERT INTO sized_access_entries (kind, id, seq, value)
SELECT 'token', 1000000000 + n, 1000000000 + n, '"revoked"' FROM generate_series(1, :rows) n;

SELECT name AS "table", pg_total_relation_size(('sized_' || name)::regclass) / :rows AS "bytes per row",
       round(pg_indexes_size(('sized_' || name)::regclass) * 100.0 / pg_total_relation_size(('sized_' || name)::regclass)) AS "of that indexes, %"
FROM unnest(ARRAY['tokens', 'users', 'audit', 'outbox', 'token_last_used', 'token_usage_hourly', 'access_entries']) AS name
ORDER BY 2 DESC;
ROLLBACK;
