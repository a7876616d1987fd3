import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database of one's own, to be dropped at the end. */
export interface TestDatabase {
  /** As a role that may do no more in Postgres than own this database, as in production. */
  url: string;
  pool: pg.Pool;
  drop(): Promise<void>;
}

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export async function createDatabase(superuserUrl: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: superuserUrl });
  await admin.connect();
  await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD '${name}'`);
  await admin.query(`CREATE DATABASE ${name} OWNER ${name}`);
  await admin.end();

  const url = urlOf(superuserUrl, name);
  const pool = new pg.Pool({ connectionString: url, max: 5 });
  pool.on('error', () => undefined); // tests end connections on purpose
  return { url, pool, drop: () => drop(superuserUrl, name, pool) };
}

function urlOf(superuserUrl: string, name: string): string {
  const url = new URL(superuserUrl);
  url.username = name;
  url.password = name;
  url.pathname = name;
  return url.href;
}

async function drop(superuserUrl: string, name: string, pool: pg.Pool): Promise<void> {
  await pool.end();
  const admin = new pg.Client({ connectionString: superuserUrl });
  await admin.connect();
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.query(`DROP ROLE ${name}`);
  await admin.end();
}
