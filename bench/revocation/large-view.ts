import { residentBytes } from '../../test/harness/process-table.ts';
import type { App, Stack } from '../../test/harness/stack.ts';
import { distributionOf, formatDistribution, formatMs } from '../measuring/distribution.ts';
import { timed } from './receipts.ts';

const PROBES = 1_000;

/** A ledger of a million entries: how long gateways take to start with it, what they hold, and what they and the API cost then. */
export async function measureLargeView(stack: Stack, tokens: number, principals: number): Promise<string[]> {
  const token = stack.adminToken;
  const [first, second] = [stack.gateways[0]!, stack.gateways[1]!];
  const probe = (app: App): Promise<number[]> =>
    probes(() => stack.client(stack.gateways.indexOf(app), token).get('/api/datastores'));
  const before = distributionOf(await probe(first));
  await fill(stack, tokens, principals);

  const oneMs = await timed(() => first.restart());
  const after = distributionOf(await probe(first));
  const restarted = new AbortController();
  const both = timed(() => Promise.all([first.restart(), second.restart()])).finally(() => restarted.abort());
  const api: number[] = [];
  while (!restarted.signal.aborted) api.push(await timed(() => stack.direct(0, token).get('/api/users/me')));
  const bothMs = await both;
  return [
    `\n${tokens} token entries and ${principals} principals in the ledger`,
    `gateway stopped and started again with them: ${formatMs(oneMs)}; two at once: ${formatMs(bothMs)}`,
    `resident then: ${stack.gateways.slice(0, 2).map((app) => `${residentMb(app)} MB`).join(', ')} (with none: ${residentMb(stack.gateways[2]!)} MB before its view grows)`, // prettier-ignore
    formatDistribution('a request through the gateway before', before),
    formatDistribution('a request through the gateway with the large view', after),
    formatDistribution('GET /api/users/me while two snapshots are taken', distributionOf(api)),
  ];
}

async function probes(ask: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < PROBES; i++) samples.push(await timed(ask));
  return samples;
}

/** Puts entries into the ledger as if they had come about one by one, and raises `compacted_seq`, so that no delta is tried. */
async function fill(stack: Stack, tokens: number, principals: number): Promise<void> {
  const { pool } = stack.database;
  const { rows } = await pool.query('SELECT seq FROM access_clock');
  const base = rows[0].seq;
  await pool.query(TOKENS_SQL, [base, tokens]);
  await pool.query(PRINCIPALS_SQL, [base + tokens, principals]);
  await pool.query('UPDATE access_clock SET seq = $1, compacted_seq = $1', [base + tokens + principals]);
}

const TOKENS_SQL = `
  INSERT INTO access_entries (kind, id, seq, value)
  SELECT 'token', (1000000 + n)::text, $1::bigint + n, '"revoked"' FROM generate_series(1, $2::integer) AS n`;
const PRINCIPALS_SQL = `
  INSERT INTO access_entries (kind, id, seq, value)
  SELECT 'principal', (1000000 + n)::text, $1::bigint + n, jsonb_build_object('user_id', 'person.' || n || '@example.com',
    'user_type', 'User', 'role', (ARRAY['Member', 'Editor', 'Manager'])[1 + n % 3], 'teams', jsonb_build_array('Public', 'Team ' || n % 200),
    'active', true)
  FROM generate_series(1, $2::integer) AS n`;

function residentMb(app: App): number {
  return Math.round(residentBytes(app.process.pid) / 2 ** 20);
}
