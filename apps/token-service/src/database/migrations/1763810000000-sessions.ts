import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Sessions1763810000000 implements MigrationInterface {
  name = 'Sessions1763810000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['cli_codes', 'sign_in_limits', 'sign_in_addresses', 'sessions'])
      await runner.query(`DROP TABLE IF EXISTS ${table}`);
    await runner.query(`ALTER TABLE tokens DROP COLUMN folded_name`);
    await runner.query(`ALTER TABLE gateway_leases DROP COLUMN requests_per_second, DROP COLUMN refused_per_second`);
  }
}

const STATEMENTS = [
  // The cookie's secret is 256 random bits: its plain SHA-256 can't be turned back.
  `CREATE TABLE sessions (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     user_id integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
     secret_hash bytea NOT NULL UNIQUE,
     created_at timestamptz NOT NULL DEFAULT now(),
     last_seen_at timestamptz NOT NULL DEFAULT now(),
     expires_at timestamptz NOT NULL
   ) WITH (fillfactor = 80)`,
  `CREATE INDEX sessions_user ON sessions (user_id)`,
  `CREATE INDEX sessions_expiry ON sessions (expires_at)`,
  // One row per slot and not per name or address that somebody made up: the table can't grow beyond its slots.
  `CREATE TABLE sign_in_limits (
     kind smallint NOT NULL,
     slot integer NOT NULL,
     full_at timestamptz NOT NULL,
     PRIMARY KEY (kind, slot)
   ) WITH (fillfactor = 70)`,
  // Where someone has signed in from: a flood of wrong passwords from elsewhere can't shut them out there.
  `CREATE TABLE sign_in_addresses (
     user_id integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
     address text NOT NULL,
     last_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (user_id, address)
   )`,
  `CREATE TABLE cli_codes (
     code_hash bytea PRIMARY KEY,
     session_id bigint NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
     code_challenge text NOT NULL,
     hostname text NOT NULL,
     expires_at timestamptz NOT NULL
   )`,
  `CREATE INDEX cli_codes_session ON cli_codes (session_id)`,
  `ALTER TABLE gateway_leases
     ADD COLUMN requests_per_second real NOT NULL DEFAULT 0,
     ADD COLUMN refused_per_second real NOT NULL DEFAULT 0`,
  // Searched in as bytes: folding 100,000 names anew for each search takes most of a second.
  `ALTER TABLE tokens ADD COLUMN folded_name text COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED`,
];
