import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Upkeep1763830000000 implements MigrationInterface {
  name = 'Upkeep1763830000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of WRAPPED_KEYS) await runner.query(`ALTER TABLE ${table} DROP COLUMN master_key_id`);
    for (const index of ['tokens_past', 'access_entries_drop']) await runner.query(`DROP INDEX ${index}`);
  }
}

const WRAPPED_KEYS = ['secrets', 'signing_keys', 'gateway_leases'];

const STATEMENTS = [
  // The master key that wraps it. null: by a version that didn't say so, which may still run while this one is rolled out.
  ...WRAPPED_KEYS.map((table) => `ALTER TABLE ${table} ADD COLUMN master_key_id text`),
  // Tokens whose time passed long ago, and what the access ledger may forget.
  `CREATE INDEX tokens_past ON tokens (expires_at) WHERE expires_at IS NOT NULL`,
  `CREATE INDEX access_entries_drop ON access_entries (drop_after) WHERE drop_after IS NOT NULL`,
];
