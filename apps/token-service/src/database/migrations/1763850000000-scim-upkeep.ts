import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When something was last modified, and how fast someone is found by their address. */
export class ScimUpkeep1763850000000 implements MigrationInterface {
  name = 'ScimUpkeep1763850000000';

  /** RFC 7643 section 3.1: what was never changed was last modified when it was created; a team's first members are part of it. */
  async up(runner: QueryRunner): Promise<void> {
    await setDefaults(runner, `date_trunc('second', now())`);
    // Whatever this transaction has made or touched already, nobody has seen in between.
    await touchTeamsOfMembers(runner, 'AND xmin <> pg_current_xact_id()::xid');
    // Else what was written lately waits in a list, which every lookup goes through from its beginning to its end.
    await runner.query('ALTER INDEX users_emails SET (fastupdate = off)');
    await runner.query(`SELECT gin_clean_pending_list('users_emails')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await setDefaults(runner, 'now()');
    await touchTeamsOfMembers(runner, '');
    await runner.query('ALTER INDEX users_emails RESET (fastupdate)');
  }
}

/** As `created_at` has it. */
async function setDefaults(runner: QueryRunner, time: string): Promise<void> {
  for (const table of ['users', 'teams']) {
    await runner.query(`ALTER TABLE ${table} ALTER COLUMN updated_at SET DEFAULT ${time}`);
  }
}

async function touchTeamsOfMembers(runner: QueryRunner, unless: string): Promise<void> {
  await runner.query(`CREATE OR REPLACE FUNCTION touch_teams_of_members() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE teams SET version = version WHERE id IN (SELECT team_id FROM changed) ${unless};
      RETURN NULL;
    END
  $$`);
}
