import { NatsClient } from '@portcullis/messaging';
import { DataSource } from 'typeorm';
import { type EmbeddedPostgres, startPostgres } from '../../../../../scripts/stack/embedded-postgres.ts';
import { type NatsServer, startNats } from '../../../../../scripts/stack/nats-server.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../../../../scripts/stack/temporary-dir.ts';
import { waitFor } from '../../../../../scripts/stack/wait-for.ts';
import { dataSourceOptions } from '../../database/data-source.js';

/** A real, migrated Postgres and a real NATS, for one spec. */
export interface Services {
  dataSource: DataSource;
  nats: NatsClient;
  postgres: EmbeddedPostgres;
  natsServer: NatsServer;
  /** Stops nats-server; {@link startNatsAgain} starts it on the same port and data. */
  stopNats(): Promise<void>;
  startNatsAgain(): Promise<void>;
  stop(): Promise<void>;
}

const POOL_SIZE = 5;

export async function startServices(): Promise<Services> {
  const dataDir = await makeTemporaryDataDir('portcullis-spec-');
  const postgres = await startPostgres({ dataDir, settings: { fsync: 'off' } });
  let natsServer = await startNats({ dataDir });
  const dataSource = await new DataSource(dataSourceOptions(postgres.url, POOL_SIZE)).initialize();
  await dataSource.runMigrations();
  const nats = new NatsClient({ servers: natsServer.url, name: 'spec' });
  await nats.connection();
  return {
    dataSource,
    nats,
    postgres,
    natsServer,
    stopNats: () => natsServer.stop(),
    async startNatsAgain() {
      natsServer = await startNats({ dataDir, port: natsServer.port });
      await eventually('NATS to be connected again', () => nats.isConnected);
    },
    async stop() {
      await nats.close();
      await dataSource.destroy();
      await natsServer.stop();
      await postgres.stop();
      await removeDataDir(dataDir);
    },
  };
}

/** Waits for a condition, 20 seconds at most. */
export function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  return waitFor(what, probe, { timeoutMs: 20_000 });
}

/** Makes a user and a token of theirs. @returns the token's id */
export async function insertToken(
  dataSource: DataSource,
  name: string,
  expiresAt: Date | null = null,
): Promise<number> {
  const [user] = await dataSource.query<{ id: number }[]>(
    `INSERT INTO users (user_id, user_name, email, name, user_type, role)
     VALUES ($1, $1, 'a@example.com', $1, 'User', 'Member') ON CONFLICT (user_id) DO UPDATE SET name = excluded.name
     RETURNING id`,
    ['ada'],
  );
  const [token] = await dataSource.query<{ id: number }[]>(
    `INSERT INTO tokens (user_id, name, type, scim, kid, token_hmac, hint, created_at, expires_at)
     VALUES ($1, $2, 'Personal', false, 'k1', '\\x00', 'abcd', now(), $3) RETURNING id`,
    [user!.id, name, expiresAt],
  );
  return token!.id;
}
