// After Postgres was restored: what the events stream knows that the backup doesn't (docs/backup-and-restore.md).
// NATS_URL=nats://… node deploy/events-since.mjs 2026-11-22T05:00:00Z
import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

/** A stream's reader is told by this that it has everything. */
const NOTHING_MORE_MS = 2_000;
const EVENTS_MAX = 1_000_000;

const servers = process.env['NATS_URL'];
const since = new Date(process.argv[2] ?? NaN);
if (!servers || Number.isNaN(since.getTime())) {
  process.stderr.write('usage: NATS_URL=nats://… node deploy/events-since.mjs <time of the backup, in UTC>\n');
  process.exit(2);
}
const { hostname, port, username, password } = new URL(servers);
const credentials = username ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) } : {};
const connection = await connect({ servers: `${hostname}:${port || 4222}`, ...credentials });
const consumer = await jetstream(connection).consumers.get('PORTCULLIS_EVENTS', {
  deliver_policy: DeliverPolicy.StartTime,
  opt_start_time: since.toISOString(),
});
for (let count = 0; count < EVENTS_MAX; count += 1) {
  const message = await consumer.next({ expires: NOTHING_MORE_MS });
  if (!message) break;
  const { time, type, subject } = message.json();
  process.stdout.write(`${time} ${type} ${subject}\n`);
}
await connection.close();
