import type { Command } from 'commander';
import { DataSource } from 'typeorm';
import { LEASE_MARGIN_MS } from '../access/revocation-barrier.js';
import { COMMAND_LINE_ACTOR } from '../audit/actor.js';
import { AuditPurge } from '../audit/audit-purge.js';
import { appendAudit } from '../audit/audit-trail.js';
import type { TokenServiceConfig } from '../config.js';
import { dataSourceOptions, TOKEN_SERVICE_APPLICATION } from '../database/data-source.js';
import { Retention } from '../retention/retention.js';
import { ADMIN_APPLICATION } from './admin.module.js';
import type { Session } from './command-session.js';
import { diagnose } from './doctor.js';
import { CommandError } from './settings.js';

/** `doctor`, `purge`, `ledger …` */
export function addUpkeepCommands(program: Command, session: Session): void {
  program
    .command('doctor')
    .description('check Postgres, keys, NATS, streams, clock and gateways; ends with 1 when something fails')
    .action(() => doctor(session));
  program
    .command('purge')
    .description('delete now what is past its retention, which token-services do by themselves')
    .action(() => purge(session));
  program
    .command('ledger')
    .description('the access ledger')
    .command('new-epoch')
    .description('after Postgres was restored: make every gateway begin anew, and end all sessions')
    .option('--yes', 'all token-services are stopped, and so is the old Postgres')
    .action((options: { yes?: boolean }) => newEpoch(session, options.yes ?? false));
}

async function doctor({ config, output, fail }: Session): Promise<void> {
  const findings = await diagnose(config());
  const lines = findings.flatMap(({ verdict, check, detail, advice }) => [
    `${verdict.padEnd(5)} ${check}: ${detail}`,
    ...(advice ? [`      → ${advice}`] : []),
  ]);
  const isWell = findings.every(({ verdict }) => verdict !== 'fail');
  output().say({ ok: isWell, findings }, lines);
  if (!isWell) fail();
}

async function purge({ config, output }: Session): Promise<void> {
  const settings = config();
  const audit = await new AuditPurge(settings).purge();
  const others = await withDataSource(settings, (dataSource) => new Retention(dataSource).sweep());
  output().say({ audit, others }, [`Deleted ${audit} audit records and ${others} other rows.`]);
}

/** What a backup doesn't know must not live on in a gateway that mixes both (docs/operations.md, "Restoring Postgres"). */
async function newEpoch({ config, output }: Session, isSure: boolean): Promise<void> {
  if (!isSure) throw new CommandError('Stop all token-services and the old Postgres first, then say so with --yes.');
  const settings = config();
  const { epoch } = await withDataSource(settings, async (dataSource) => {
    await assertNoTokenService(dataSource);
    return dataSource.transaction(async (manager) => {
      const [rows] = await manager.query<[{ epoch: string }[], number]>(NEW_EPOCH_SQL);
      await manager.query('DELETE FROM sessions');
      const after = { epoch: rows[0]!.epoch };
      await appendAudit(manager, COMMAND_LINE_ACTOR, [{ action: 'ledger.new_epoch', target: 'ledger/1', after }]);
      return rows[0]!;
    });
  });
  const waitMs = settings.leaseMs + LEASE_MARGIN_MS;
  output().say({ epoch, wait_ms: waitMs }, [
    `The ledger has the epoch ${epoch}, and nobody is signed in.`,
    `Wait ${waitMs / 1_000} s, then start the token-services; each gateway takes a new snapshot.`,
  ]);
}

async function assertNoTokenService(dataSource: DataSource): Promise<void> {
  const [row] = await dataSource.query<{ count: number }[]>(SERVICES_SQL, [TOKEN_SERVICE_APPLICATION]);
  if (row!.count === 0) return;
  throw new CommandError(
    `A token-service is still connected to this database (${row!.count} sessions): stop it first.`,
  );
}

async function withDataSource<T>(
  { databaseUrl }: TokenServiceConfig,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await new DataSource(dataSourceOptions(databaseUrl, 2, ADMIN_APPLICATION)).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

const NEW_EPOCH_SQL = 'UPDATE access_clock SET epoch = gen_random_uuid() RETURNING epoch';
const SERVICES_SQL = `
  SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`;
