import type { MigrationInterface, QueryRunner } from 'typeorm';

export class VoidTokens1763840000000 implements MigrationInterface {
  name = 'VoidTokens1763840000000';

  async up(runner: QueryRunner): Promise<void> {
    await allowKinds(runner, [...KINDS_BEFORE, 'void_tokens']);
  }

  /** Fails while there is a void range: without it, lost tokens would open the gateways again. */
  async down(runner: QueryRunner): Promise<void> {
    await allowKinds(runner, KINDS_BEFORE);
  }
}

const KINDS_BEFORE = ['token', 'principal', 'key'];

async function allowKinds(runner: QueryRunner, kinds: string[]): Promise<void> {
  const list = kinds.map((kind) => `'${kind}'`).join(', ');
  await runner.query(`ALTER TABLE access_entries DROP CONSTRAINT access_entries_kind_check,
    ADD CONSTRAINT access_entries_kind_check CHECK (kind IN (${list}))`);
}
