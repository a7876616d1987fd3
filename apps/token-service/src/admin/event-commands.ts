import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { EVENTS_STREAM, type PortcullisEvent } from '@portcullis/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import type { TokenServiceConfig } from '../config.js';
import type { Session } from './command-session.js';
import { usingNats } from './installation.js';
import { CommandError } from './settings.js';

const EVENTS_MAX = 100_000;

interface EventLine {
  time: string;
  type: string;
  subject: string;
}

/** `events …` */
export function addEventCommands(program: Command, session: Session): void {
  program
    .command('events')
    .description('what the stream of events in NATS holds')
    .command('list')
    .description(`the changes since then, TokenUsed left out, ${EVENTS_MAX} at most; needs NATS alone, and no Postgres`)
    .requiredOption('--since <time>', 'such as 2026-11-22T05:54:03Z', momentOf)
    .action((options: { since: Date }) => list(session, options.since));
}

async function list({ config, output }: Session, since: Date): Promise<void> {
  const events = await changesSince(config(), since);
  const isComplete = events.length < EVENTS_MAX;
  const more = isComplete ? [] : [`There are more: go on with --since ${events.at(-1)!.time}.`];
  const lines = events.map(({ time, type, subject }) => `${time} ${type} ${subject}`);
  output().say({ events, complete: isComplete }, events.length > 0 ? [...lines, ...more] : ['None.']);
}

/** @throws CommandError when they can't be read, or not to their end */
async function changesSince(config: TokenServiceConfig, since: Date): Promise<EventLine[]> {
  try {
    return await usingNats(config, (connection) => readChanges(connection, since));
  } catch (error) {
    throw new CommandError(`The events can't be read from NATS (NATS_URL): ${(error as Error).message}`);
  }
}

async function readChanges(connection: NatsConnection, since: Date): Promise<EventLine[]> {
  const consumer = await jetstream(connection).consumers.get(EVENTS_STREAM, {
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: since.toISOString(),
  });
  const events: EventLine[] = [];
  if ((await consumer.info()).num_pending === 0) return events;
  for await (const message of await consumer.consume()) {
    const { time, type, subject } = message.json<PortcullisEvent>();
    if (type !== 'TokenUsed') events.push({ time, type, subject });
    if (message.info.pending === 0 || events.length === EVENTS_MAX) return events;
  }
  throw new Error('the connection was lost'); // what there is of them would look like all of them
}

function momentOf(text: string): Date {
  const moment = new Date(text);
  // Without a zone it would be the time of wherever this runs.
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  if (isWhole && !Number.isNaN(moment.getTime())) return moment;
  throw new InvalidArgumentError('It must be a time with its zone, such as 2026-11-22T05:54:03Z.');
}
