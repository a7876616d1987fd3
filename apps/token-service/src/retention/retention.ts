import { Inject, Injectable } from '@nestjs/common';
import { compactLedger } from '../access/ledger-compaction.js';
import { AuditPurge } from '../audit/audit-purge.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { Batches } from './batches.js';
import { ExpiredTokens } from './expired-tokens.js';
import { PURGED_TABLES } from './purged-tables.js';
import { PurgeSession } from './purge-session.js';

const BATCH_ROWS_MAX = 2_000;

export interface PurgeReport {
  /** How many rows were deleted, by kind; every kind is named. */
  deleted: Record<string, number>;
  failures: { kind: string; error: Error }[];
  tookMs: number;
}

interface Purge {
  kind: string;
  run: (session: PurgeSession, batches: Batches) => Promise<number>;
}

/** Deletes what has served its purpose; what is kept for how long says docs/retention.md. */
@Injectable()
export class Retention {
  readonly #purges: readonly Purge[];

  constructor(
    @Inject(CONFIG) private readonly config: Pick<TokenServiceConfig, 'databaseUrl'>,
    expiredTokens: ExpiredTokens,
    auditPurge: AuditPurge,
  ) {
    this.#purges = [
      ...PURGED_TABLES.map(({ name, sql }): Purge => ({
        kind: name,
        run: (session, batches) => batches.run(BATCH_ROWS_MAX, () => session.execute(sql, [BATCH_ROWS_MAX])),
      })),
      { kind: 'expired_tokens', run: (_, batches) => expiredTokens.purge(batches) },
      { kind: 'ledger_entries', run: compactLedger },
      { kind: 'audit', run: (_, batches) => auditPurge.purge(batches) },
    ];
  }

  /** The names of all that is purged. */
  get kinds(): string[] {
    return this.#purges.map(({ kind }) => kind);
  }

  /**
   * One run, in small batches with pauses. A kind that fails holds up no other. What doesn't fit into `batchesMax` batches of its kind
   * waits for the next run, and so does what is left when the process is killed.
   *
   * @returns undefined when another process purges at this moment
   * @throws when Postgres can't be reached
   */
  async run(batchesMax: number, isStopping?: () => boolean): Promise<PurgeReport | undefined> {
    const startedMs = performance.now();
    const session = await PurgeSession.open(this.config.databaseUrl);
    if (!session) return undefined;
    try {
      const batches = new Batches(session, batchesMax, isStopping);
      const report: PurgeReport = { deleted: {}, failures: [], tookMs: 0 };
      for (const { kind, run } of this.#purges) {
        try {
          report.deleted[kind] = await run(session, batches);
        } catch (error) {
          report.deleted[kind] = 0;
          report.failures.push({ kind, error: error as Error });
        }
      }
      return { ...report, tookMs: performance.now() - startedMs };
    } finally {
      await session.close();
    }
  }
}

/** What a run deleted, in words; empty: nothing. */
export function inWords(deleted: Readonly<Record<string, number>>): string {
  return Object.entries(deleted)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind.replaceAll('_', ' ')}`)
    .join(', ');
}
