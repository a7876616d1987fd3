import { setTimeout as sleep } from 'node:timers/promises';
import { type INestApplicationContext, type LoggerService, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { problemValidationPipe } from '@portcullis/contracts';
import { NatsClient, natsServerOptions } from '@portcullis/messaging';
import { Client } from 'pg';
import { AccessOutcome } from '../access/access-outcome.js';
import { RevocationBarrier } from '../access/revocation-barrier.js';
import type { TokenServiceConfig } from '../config.js';
import { AdminModule, ADMIN_APPLICATION } from './admin.module.js';
import { CommandError } from './settings.js';

/** Without NATS gateways hear of a change with their next renewal: the command works, only slower. */
const NATS_WAIT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;
export const NATS_TIMEOUT_MS = 3_000;

/** What a role finds after a restore that has left the search path behind. */
export const NOWHERE = 'is nowhere where this role looks';
export const AUDIT_ROLES_AGAIN =
  'Run deploy/audit-roles.sql again, as after a restore (docs/backup-and-restore.md): nothing can be changed before';

/** An installation that a command works on. */
export class Installation {
  private constructor(private readonly context: INestApplicationContext) {}

  /** Opens the installation for one command and closes it after. @throws CommandError for a database without our tables */
  static async use<T>(config: TokenServiceConfig, work: (installation: Installation) => Promise<T>): Promise<T> {
    await assertTables(config);
    const context = await NestFactory.createApplicationContext(AdminModule.register(config), {
      logger: TO_STDERR,
      abortOnError: false,
    });
    try {
      const nats = context.get(NatsClient).connection();
      await Promise.race([nats, sleep(NATS_WAIT_MS, undefined, { ref: false })]);
      return await work(new Installation(context));
    } finally {
      await context.close();
    }
  }

  get<T>(service: Type<T>): T {
    return this.context.get(service);
  }

  /** Waits at the barrier, as the API does before it answers. */
  async settle<T>(outcome: AccessOutcome<T>): Promise<T> {
    return outcome.body(await this.get(RevocationBarrier).pass(outcome.position, outcome.effect));
  }
}

/** Checks input by the API's own rules. @throws Problem 400 that names what is wrong */
export function checked<T>(dto: Type<T>, fields: object): Promise<T> {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return problemValidationPipe().transform(given, { type: 'body', metatype: dto }) as Promise<T>;
}

/** @throws CommandError for a database without our tables, or with an audit trail that is not found */
export async function assertTables({ databaseUrl }: TokenServiceConfig): Promise<void> {
  await usingDatabase(databaseUrl, async (client) => {
    const { rows } = await client.query<{ clock: boolean; audit: boolean }>(
      `SELECT to_regclass('access_clock') IS NOT NULL AS clock, to_regclass('audit') IS NOT NULL AS audit`,
    );
    const { clock, audit } = rows[0]!;
    if (!clock) throw new CommandError('This database is empty: start a token-service first, which makes the tables.');
    if (!audit) throw new CommandError(`The audit trail ${NOWHERE}. ${AUDIT_ROLES_AGAIN}.`);
  });
}

/** One connection of one's own, for as long as `work` takes. */
export async function usingDatabase<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: ADMIN_APPLICATION,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: 15_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Standard output is for the answer. */
/** {@link usingDatabase} for NATS. */
export async function usingNats<T>(
  { natsServers, natsFiles }: TokenServiceConfig,
  work: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const options = { ...natsServerOptions(natsServers, natsFiles), timeout: NATS_TIMEOUT_MS, reconnect: false };
  const connection = await connect({ ...options, name: ADMIN_APPLICATION });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

const TO_STDERR: LoggerService = {
  log: () => {},
  debug: () => {},
  verbose: () => {},
  warn: (message: unknown) => void process.stderr.write(`${String(message)}\n`),
  error: (message: unknown) => void process.stderr.write(`${String(message)}\n`),
};
