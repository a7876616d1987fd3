import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Operations1763820000000 implements MigrationInterface {
  name = 'Operations1763820000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER audit_keeps_rows ON audit');
    await runner.query('DROP TRIGGER audit_keeps_all ON audit');
    await runner.query('DROP FUNCTION audit_is_append_only()');
    for (const index of ['audit_actor', 'audit_actor_user', 'audit_action', 'audit_address', 'audit_request'])
      await runner.query(`DROP INDEX ${index}`);
    await runner.query('DROP INDEX tokens_of_key');
  }
}

const STATEMENTS = [
  `CREATE INDEX audit_actor ON audit (actor_id, id) WHERE actor_id IS NOT NULL`,
  `CREATE INDEX audit_actor_user ON audit (actor_user_id, id) WHERE actor_user_id IS NOT NULL`,
  `CREATE INDEX audit_action ON audit (action COLLATE "C", id)`,
  `CREATE INDEX audit_address ON audit (address, id) WHERE address IS NOT NULL`,
  `CREATE INDEX audit_request ON audit (request_id) WHERE request_id IS NOT NULL`,
  // Thirty days is the shortest retention that can be set: nothing younger is deleted, whoever asks for it.
  `CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF TG_OP = 'DELETE' AND current_setting('portcullis.audit_purge', true) = 'on'
         AND OLD.at < now() - interval '30 days' THEN
         RETURN OLD;
       END IF;
       RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
     END $$`,
  `CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit
     FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()`,
  `CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit
     FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()`,
  // How many tokens end with a key.
  `CREATE INDEX tokens_of_key ON tokens (kid, id) WHERE revoked_at IS NULL`,
];
