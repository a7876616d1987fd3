import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { EVENTS_PREFIX, EVENTS_STREAM, OUTBOX_PREFIX, USAGE_STREAM, USAGE_SUBJECTS } from '@portcullis/contracts';

/** The durable consumer of usage batches, shared by all token-service replicas. */
export const USAGE_CONSUMER = 'token-service';

/** How long a replica may work on a usage batch before another one is given it. */
export const USAGE_ACK_WAIT_MS = 10_000;

export interface StreamOptions {
  /** Copies of each stream in a JetStream cluster: 1, 3 or 5. */
  replicas: number;
  /** How long a repeated message id is recognised; 2 minutes when absent. */
  duplicateWindowMs?: number;
}

const API_TIMEOUT_MS = 2_000;
const DAY_MS = 24 * 60 * 60_000;
const EVENTS_KEPT_MS = 30 * DAY_MS;
const DUPLICATE_WINDOW_MS = 2 * 60_000;
const USAGE_BYTES_MAX = 256 * 1024 * 1024;
const USAGE_MESSAGE_BYTES_MAX = 512 * 1024;
const USAGE_ACK_PENDING_MAX = 64;
const STREAM_NAME_IN_USE = 10058;

/**
 * Makes the streams and the usage consumer, or brings them up to date. Safe to call again, and from several at once.
 *
 * @throws a JetStream error when JetStream is away or refuses, as it does for `replicas` > 1 without a cluster.
 */
export async function ensureStreams(nc: NatsConnection, options: StreamOptions): Promise<void> {
  await ensureEventsStream(nc, options);
  await ensureUsageStream(nc, options);
}

/** As {@link ensureStreams}, only `PORTCULLIS_EVENTS`. */
export async function ensureEventsStream(nc: NatsConnection, options: StreamOptions): Promise<void> {
  const jsm = await manager(nc);
  await ensureStream(jsm, {
    name: EVENTS_STREAM,
    subjects: [`${OUTBOX_PREFIX}.>`],
    // Subscribers get the republished message, which has no reply subject: they can't answer in JetStream's place.
    republish: { src: `${OUTBOX_PREFIX}.>`, dest: `${EVENTS_PREFIX}.>` },
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(EVENTS_KEPT_MS),
    duplicate_window: nanos(options.duplicateWindowMs ?? DUPLICATE_WINDOW_MS),
    allow_direct: true,
    num_replicas: options.replicas,
  });
}

/** As {@link ensureStreams}, only `PORTCULLIS_USAGE` and its consumer. */
export async function ensureUsageStream(nc: NatsConnection, { replicas }: StreamOptions): Promise<void> {
  const jsm = await manager(nc);
  await ensureStream(jsm, {
    name: USAGE_STREAM,
    subjects: [USAGE_SUBJECTS],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    // Full: the gateway's publish is refused, and it goes on coalescing. Nothing that was accepted is dropped.
    discard: DiscardPolicy.New,
    max_bytes: USAGE_BYTES_MAX,
    max_msg_size: USAGE_MESSAGE_BYTES_MAX,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    num_replicas: replicas,
  });
  // Creating a durable consumer that exists updates it.
  await jsm.consumers.add(USAGE_STREAM, {
    durable_name: USAGE_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(USAGE_ACK_WAIT_MS),
    max_ack_pending: USAGE_ACK_PENDING_MAX,
    max_deliver: -1,
  });
}

// `checkAPI` asks for the account's limits, which NATS permissions may forbid and nobody needs here.
function manager(nc: NatsConnection): Promise<JetStreamManager> {
  return jetstreamManager(nc, { checkAPI: false, timeout: API_TIMEOUT_MS });
}

type Config = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>;

async function ensureStream(jsm: JetStreamManager, config: Config): Promise<void> {
  try {
    const { config: found } = await jsm.streams.info(config.name);
    if (!matches(found, config)) await jsm.streams.update(config.name, config);
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) throw error;
    await addStream(jsm, config);
  }
}

async function addStream(jsm: JetStreamManager, config: Config): Promise<void> {
  try {
    await jsm.streams.add(config);
  } catch (error) {
    // Another replica made it in this moment, with a configuration of another version: the next start brings it up to date.
    if (!isApiError(error, STREAM_NAME_IN_USE)) throw error;
  }
}

/** Whether JetStream answered with this error code (https://github.com/nats-io/nats-server/blob/main/server/errors.json). */
export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

function matches(found: StreamConfig, wanted: Config): boolean {
  return (Object.keys(wanted) as (keyof Config)[]).every(
    (key) => JSON.stringify(found[key]) === JSON.stringify(wanted[key]),
  );
}
