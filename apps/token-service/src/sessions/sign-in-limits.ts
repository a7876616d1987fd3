import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Problem } from '@portcullis/contracts';
import ipaddr from 'ipaddr.js';
import { DataSource, type EntityManager } from 'typeorm';
import { Secrets } from '../keys/secrets.js';

/** A million slots per kind: what tables can grow to, however many names and addresses are made up. */
const SLOTS = 2 ** 20;

interface Limit {
  kind: number;
  /** Attempts that may come at once. */
  burst: number;
  /** Then one more after each such time. */
  refillSeconds: number;
}

const ADDRESS: Limit = { kind: 1, burst: 50, refillSeconds: 10 };
const ACCOUNT: Limit = { kind: 2, burst: 10, refillSeconds: 300 };
const ACCOUNT_AT_HOME: Limit = { kind: 3, burst: 10, refillSeconds: 60 };

/** Where attempts are counted: a limit, and one slot of it. */
interface Bucket extends Limit {
  slot: number;
}

/** An attempt that was let through and is counted. */
export type CountedAttempt = readonly Bucket[];

/**
 * How often a password may be tried, per account and per address (GCRA). The state is in Postgres, so that it holds for all
 * replicas and over restarts. An attempt is counted before the password is looked at, or a thousand at once would all get through.
 *
 * Whoever tries passwords of an account uses up its attempts, but not those at an address where its owner has signed in before:
 * those are counted apart. Elsewhere an attempt comes free every five minutes.
 */
@Injectable()
export class SignInLimits {
  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: Secrets,
  ) {}

  /**
   * Counts an attempt.
   * @param atHome the owner of the account has signed in from this address before
   * @throws Problem 429 `too_many_attempts` with `Retry-After`; then nothing is counted
   */
  async count(account: string, address: string, atHome: boolean): Promise<CountedAttempt> {
    const network = networkOf(address);
    const buckets = [
      this.#bucket(ADDRESS, network),
      atHome ? this.#bucket(ACCOUNT_AT_HOME, `${account}\n${network}`) : this.#bucket(ACCOUNT, account),
    ];
    await this.dataSource.transaction(async (manager) => {
      for (const bucket of buckets) await take(manager, bucket);
    });
    return buckets;
  }

  /** Takes an attempt back that had the right password. */
  async forget(attempt: CountedAttempt): Promise<void> {
    await this.dataSource.query(GIVE_BACK_SQL, [
      attempt.map(({ kind }) => kind),
      attempt.map(({ slot }) => slot),
      attempt.map(({ refillSeconds }) => refillSeconds),
    ]);
  }

  /** Keyed, so that nobody can choose names that share a slot with someone else's; and what was typed as a name is not stored. */
  #bucket(limit: Limit, text: string): Bucket {
    const mac = createHmac('sha256', this.secrets.signInLimitKey).update(`${limit.kind}\n${text}`).digest();
    return { ...limit, slot: mac.readUInt32BE() % SLOTS };
  }
}

async function take(manager: EntityManager, { kind, slot, burst, refillSeconds }: Bucket): Promise<void> {
  const taken = await manager.query<unknown[]>(TAKE_SQL, [kind, slot, refillSeconds, burst]);
  if (taken.length > 0) return;
  const [row] = await manager.query<{ seconds: number }[]>(WAIT_SQL, [kind, slot, refillSeconds, burst]);
  throw tooMany(Math.max(1, row?.seconds ?? 1));
}

function tooMany(seconds: number): Problem {
  return new Problem(429, 'too_many_attempts', `Too many attempts to sign in; try again in ${seconds} seconds`, {
    headers: { 'Retry-After': String(seconds) },
  });
}

/** An IPv4 address, or the /64 of an IPv6 one: a whole one belongs to a single line. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? `${parsed.parts.slice(0, 4).join(':')}/64` : parsed.toString();
}

// `full_at` is when all attempts are there again (the theoretical arrival time of GCRA): each attempt puts it off by one refill.
const TAKE_SQL = `
  INSERT INTO sign_in_limits AS l (kind, slot, full_at) VALUES ($1, $2, now() + make_interval(secs => $3))
  ON CONFLICT (kind, slot) DO UPDATE SET full_at = greatest(l.full_at, now()) + make_interval(secs => $3)
  WHERE l.full_at <= now() + make_interval(secs => $3 * ($4 - 1))
  RETURNING slot`;
const WAIT_SQL = `
  SELECT ceil(extract(epoch FROM full_at - now()) - $3::integer * ($4::integer - 1))::integer AS seconds
  FROM sign_in_limits WHERE kind = $1 AND slot = $2`;
const GIVE_BACK_SQL = `
  UPDATE sign_in_limits l SET full_at = l.full_at - make_interval(secs => taken.seconds)
  FROM unnest($1::smallint[], $2::integer[], $3::integer[]) AS taken (kind, slot, seconds)
  WHERE l.kind = taken.kind AND l.slot = taken.slot`;
