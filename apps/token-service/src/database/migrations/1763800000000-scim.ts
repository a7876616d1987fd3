import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an identity provider writes over SCIM and looks people and teams up by. */
export class Scim1763800000000 implements MigrationInterface {
  name = 'Scim1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER users_touched ON users');
    await runner.query('DROP TRIGGER teams_touched ON teams');
    await runner.query('DROP TRIGGER team_members_added ON team_members');
    await runner.query('DROP TRIGGER team_members_removed ON team_members');
    await runner.query('DROP FUNCTION touch_user, touch_team, touch_teams_of_members');
    await runner.query('DROP INDEX users_emails');
    await runner.query('DROP FUNCTION scim_emails');
    await runner.query(
      'ALTER TABLE users DROP COLUMN external_id, DROP COLUMN scim_managed, DROP COLUMN scim_attributes, DROP COLUMN updated_at',
    );
    await runner.query('ALTER TABLE teams DROP COLUMN external_id, DROP COLUMN updated_at, DROP COLUMN version');
  }
}

const COLUMNS = [
  // scim_managed: made or adopted by an identity provider, which may change it. scim_attributes: what has no column of its own.
  `ALTER TABLE users
     ADD COLUMN external_id text,
     ADD COLUMN scim_managed boolean NOT NULL DEFAULT false,
     ADD COLUMN scim_attributes jsonb CHECK (pg_column_size(scim_attributes) <= 65536),
     ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()`,
  `UPDATE users SET updated_at = created_at`,
  `ALTER TABLE teams
     ADD COLUMN external_id text,
     ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
     ADD COLUMN version integer NOT NULL DEFAULT 1`,
  `UPDATE teams SET updated_at = created_at`,
];

const INDEXES = [
  `CREATE INDEX users_user_id_prefix ON users (user_id text_pattern_ops)`,
  `CREATE INDEX users_external_id ON users (external_id) WHERE external_id IS NOT NULL`,
  `CREATE INDEX teams_external_id ON teams (external_id) WHERE external_id IS NOT NULL`,
  // All e-mail addresses of someone in lower case, so that a provider can match by any of them.
  `CREATE FUNCTION scim_emails(attributes jsonb, email text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
     SELECT CASE WHEN attributes IS NULL THEN ARRAY[lower(email)]
       ELSE ARRAY(SELECT lower(value ->> 'value') FROM jsonb_array_elements(attributes -> 'emails')) END
   $$`,
  `CREATE INDEX users_emails ON users USING gin (scim_emails(scim_attributes, email))`,
];

const TRIGGERS = [
  `CREATE FUNCTION touch_user() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       NEW.updated_at := clock_timestamp();
       RETURN NEW;
     END
   $$`,
  `CREATE TRIGGER users_touched BEFORE UPDATE OF user_name, email, name, active, external_id, scim_attributes ON users
     FOR EACH ROW EXECUTE FUNCTION touch_user()`,
  `CREATE FUNCTION touch_team() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       NEW.updated_at := clock_timestamp();
       NEW.version := OLD.version + 1;
       RETURN NEW;
     END
   $$`,
  `CREATE TRIGGER teams_touched BEFORE UPDATE ON teams FOR EACH ROW EXECUTE FUNCTION touch_team()`,
  // Whoever changes who is in a team makes a new version of the team, once per statement.
  `CREATE FUNCTION touch_teams_of_members() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       UPDATE teams SET version = version WHERE id IN (SELECT team_id FROM changed);
       RETURN NULL;
     END
   $$`,
  `CREATE TRIGGER team_members_added AFTER INSERT ON team_members REFERENCING NEW TABLE AS changed
     FOR EACH STATEMENT EXECUTE FUNCTION touch_teams_of_members()`,
  `CREATE TRIGGER team_members_removed AFTER DELETE ON team_members REFERENCING OLD TABLE AS changed
     FOR EACH STATEMENT EXECUTE FUNCTION touch_teams_of_members()`,
];

const STATEMENTS = [...COLUMNS, ...INDEXES, ...TRIGGERS];
