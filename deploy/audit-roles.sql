-- Takes the audit trail out of the hands of the application's database role: after this it can add records and read them, and can
-- neither change nor delete one, nor take away the trigger that says so, nor drop the table (which is why it moves into a schema of
-- its own: the owner of a database owns all that is in its schema public).
--
-- Run it as a superuser, in the application's database: once, and again after that was restored into another server, or with
-- --no-owner. A token-service must have started before, which makes the table; stop all of them meanwhile, since the search path
-- counts for new connections only.
--
--   psql "$SUPERUSER_URL" -v app=portcullis -v purge_password="$(openssl rand -hex 24)" -f deploy/audit-roles.sql
--
-- Then give the token-services PORTCULLIS_AUDIT_PURGE_URL (_FILE), with the role portcullis_audit_purge and that password.
\set ON_ERROR_STOP 1
BEGIN;
-- Roles belong to the server, and may be there already; the rest is this database's.
DO $$ BEGIN
  IF to_regrole('portcullis_audit_owner') IS NULL THEN CREATE ROLE portcullis_audit_owner NOLOGIN; END IF;
  IF to_regrole('portcullis_audit_purge') IS NULL THEN CREATE ROLE portcullis_audit_purge; END IF;
  IF to_regprocedure('public.audit_is_append_only()') IS NOT NULL THEN
    CREATE SCHEMA IF NOT EXISTS portcullis_audit;
    ALTER TABLE public.audit SET SCHEMA portcullis_audit;
    ALTER FUNCTION public.audit_is_append_only() SET SCHEMA portcullis_audit;
  END IF;
END $$;
ALTER ROLE portcullis_audit_purge LOGIN PASSWORD :'purge_password';
ALTER SCHEMA portcullis_audit OWNER TO portcullis_audit_owner;
ALTER TABLE portcullis_audit.audit OWNER TO portcullis_audit_owner;
ALTER FUNCTION portcullis_audit.audit_is_append_only() OWNER TO portcullis_audit_owner;
REVOKE ALL ON SCHEMA portcullis_audit FROM PUBLIC, :"app";
REVOKE ALL ON portcullis_audit.audit FROM PUBLIC, :"app";
GRANT USAGE ON SCHEMA portcullis_audit TO :"app", portcullis_audit_purge;
GRANT SELECT, INSERT ON portcullis_audit.audit TO :"app";
-- pg_dump reads it, and backups are the application's too.
GRANT SELECT ON ALL SEQUENCES IN SCHEMA portcullis_audit TO :"app";
GRANT SELECT, DELETE ON portcullis_audit.audit TO portcullis_audit_purge;
ALTER ROLE :"app" IN DATABASE :"DBNAME" SET search_path = public, portcullis_audit;
ALTER ROLE portcullis_audit_purge IN DATABASE :"DBNAME" SET search_path = portcullis_audit;
COMMIT;
