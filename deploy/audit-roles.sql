-- Takes the audit trail out of the hands of the application's database role: after this it can add records and read them, and
-- neither change nor delete one, nor take the trigger away that says so. Run it once as a superuser, in the application's database,
-- after the first start of a token-service (which makes the table):
--
--   psql "$SUPERUSER_URL" -v app=portcullis -v purge_password="$(openssl rand -hex 24)" -f deploy/audit-roles.sql
--
-- Then give the token-services PORTCULLIS_AUDIT_PURGE_URL (_FILE), with the role portcullis_audit_purge and that password.
\set ON_ERROR_STOP 1
BEGIN;
CREATE ROLE portcullis_audit_owner NOLOGIN;
CREATE ROLE portcullis_audit_purge LOGIN PASSWORD :'purge_password';
ALTER TABLE audit OWNER TO portcullis_audit_owner;
ALTER FUNCTION audit_is_append_only() OWNER TO portcullis_audit_owner;
REVOKE ALL ON audit FROM PUBLIC, :"app";
GRANT SELECT, INSERT ON audit TO :"app";
GRANT SELECT, DELETE ON audit TO portcullis_audit_purge;
COMMIT;
