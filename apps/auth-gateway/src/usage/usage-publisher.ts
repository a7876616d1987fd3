import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { LEASE_MAC_HEADER, USAGE_STREAM, usageSubject } from '@portcullis/contracts';
import type { NatsClient } from '@portcullis/messaging';
import type { PublishBatch } from './usage-reporter.js';

const ACK_TIMEOUT_MS = 3_000;

/** Publishes batches to the usage stream. A batch that is sent twice is stored once: its id is the message id. */
export function usagePublisher(client: Pick<NatsClient, 'connection' | 'isConnected'>, instance: string): PublishBatch {
  return async (batchId, payload, macHeader) => {
    if (!client.isConnected) throw new Error('NATS is away');
    const connection = await client.connection();
    const header = headers();
    header.set(LEASE_MAC_HEADER, macHeader);
    const options = { msgID: batchId, headers: header, timeout: ACK_TIMEOUT_MS, expect: { streamName: USAGE_STREAM } };
    const ack = await jetstream(connection)
      .publish(usageSubject(instance), payload, options)
      .catch((error: unknown) => {
        // What the library says when nobody answers, as before the first token-service made the stream.
        if ((error as Error).name === 'JetStreamNotEnabled')
          throw new Error('there is no usage stream', { cause: error });
        throw error;
      });
    // Anyone may answer on the reply subject; only the stream names itself and a number.
    if (ack.stream !== USAGE_STREAM || !(ack.seq > 0)) throw new Error('the usage stream gave no clear ack');
  };
}
