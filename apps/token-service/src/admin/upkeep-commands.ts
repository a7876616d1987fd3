import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessTransaction } from '../access/access-transaction.js';
import type { LedgerPosition } from '../access/ledger-position.js';
import { skipLostUsers, type VoidTokens, voidLostTokens } from '../access/lost-ids.js';
import { LEASE_MARGIN_MS } from '../access/revocation-barrier.js';
import { COMMAND_LINE_ACTOR } from '../audit/actor.js';
import type { TokenServiceConfig } from '../config.js';
import { dataSourceOptions, TOKEN_SERVICE_APPLICATION } from '../database/data-source.js';
import { inWords, type PurgeReport, Retention } from '../retention/retention.js';
import { ADMIN_APPLICATION } from './admin.module.js';
import type { Session } from './command-session.js';
import { diagnose } from './doctor.js';
import { assertTables } from './installation.js';
import { CommandError } from './settings.js';

const PURGE_WAIT_MS = 60_000;
const PURGE_RETRY_MS = 500;
const PURGE_BATCHES_MAX = 1_000_000;

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

async function purge({ run, output }: Session): Promise<void> {
  const { deleted, failures } = await run((installation) => purgeInTurn(installation.get(Retention)));
  output().say(deleted, [`Deleted ${inWords(deleted) || 'nothing'}.`]);
  if (failures.length > 0)
    throw new CommandError(failures.map(({ kind, error }) => `${kind}: ${error.message}`).join('\n'));
}

/** A token-service that purges at this moment is done within seconds. */
async function purgeInTurn(retention: Retention): Promise<PurgeReport> {
  for (let waitedMs = 0; waitedMs < PURGE_WAIT_MS; waitedMs += PURGE_RETRY_MS) {
    const report = await retention.run(PURGE_BATCHES_MAX);
    if (report) return report;
    await sleep(PURGE_RETRY_MS);
  }
  throw new CommandError('A token-service is purging all the time; see its log.');
}

/** What a backup doesn't know must not live on in a gateway that mixes both (docs/backup-and-restore.md). */
async function newEpoch({ config, output }: Session, isSure: boolean): Promise<void> {
  if (!isSure) throw new CommandError('Stop all token-services and the old Postgres first, then say so with --yes.');
  const settings = config();
  await assertTables(settings);
  const { epoch, lost } = await withDataSource(settings, async (dataSource) => {
    await assertNoTokenService(dataSource);
    return dataSource.transaction(beginEpoch);
  });
  const waitMs = settings.leaseMs + LEASE_MARGIN_MS;
  const { from, to, missing } = lost;
  output().say({ epoch, void_tokens: lost, wait_ms: waitMs }, [
    `The ledger has the epoch ${epoch}, and nobody is signed in.`,
    `Void are the tokens ${from} to ${to}, which this database can't know, and ${missing} numbers below that no token has.`,
    `Wait ${waitMs / 1_000} s, then start the token-services; each gateway takes a new snapshot.`,
  ]);
}

async function beginEpoch(manager: EntityManager): Promise<{ epoch: string; lost: VoidTokens }> {
  const [rows] = await manager.query<[LedgerPosition[], number]>(NEW_EPOCH_SQL);
  const tx = new AccessTransaction(manager, rows[0]!);
  await manager.query('DELETE FROM sessions');
  await skipLostUsers(manager);
  const lost = await voidLostTokens(tx);
  const { epoch } = tx.position;
  const after = { epoch, void_tokens: lost };
  tx.audit(COMMAND_LINE_ACTOR, [{ action: 'ledger.new_epoch', target: 'ledger/1', after }]);
  await tx.flush();
  return { epoch, lost };
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

const NEW_EPOCH_SQL = 'UPDATE access_clock SET epoch = gen_random_uuid() RETURNING seq, epoch';
const SERVICES_SQL = `
  SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND split_part(application_name, '/', 1) = $1`;
