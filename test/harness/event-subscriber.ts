import { join } from 'node:path';
import { type ManagedProcess, startNodeApp } from '../../scripts/stack/processes.ts';
import { waitUntil } from './wait-until.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'examples', 'event-subscriber', 'dist', 'main.js');

/** A line of the example subscriber: what it heard, and by which of its ways. */
export interface HeardEvent {
  way: 'live' | 'revoked' | 'durable';
  type: string;
  /** `token/7` or `user/7`. */
  about: string;
  line: string;
}

/** The example `examples/event-subscriber`, as a process of its own. */
export class EventSubscriber {
  #written = '';
  #process: ManagedProcess;

  private constructor(
    private readonly natsUrl: string,
    private readonly durable: string,
  ) {}

  static async start(natsUrl: string, durable = 'example-subscriber'): Promise<EventSubscriber> {
    const subscriber = new EventSubscriber(natsUrl, durable);
    await subscriber.start();
    return subscriber;
  }

  /** Starts it, also again after {@link stop}; what was heard before is kept. */
  async start(): Promise<void> {
    const from = this.#written.length;
    this.#process = await startNodeApp(MAIN, {
      name: 'event-subscriber',
      env: { PATH: process.env['PATH'], NATS_URL: this.natsUrl, DURABLE: this.durable, NO_COLOR: '1' },
      log: (text) => (this.#written += text),
    });
    const isListening = (): boolean => {
      const written = this.#written.slice(from);
      return written.includes('listening for events') && written.includes('reading PORTCULLIS_EVENTS');
    };
    await waitUntil('the example subscriber listens', isListening);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** What was heard in one way, in order; about one token or user when it is given. */
  heard(way: HeardEvent['way'], about?: string): HeardEvent[] {
    const events = this.#written.split('\n').flatMap((line): HeardEvent[] => {
      const [, by, type, subject] = /^(live|revoked|durable) +(\w+) (\w+\/\d+) /.exec(line) ?? [];
      return by ? [{ way: by as HeardEvent['way'], type: type!, about: subject!, line }] : [];
    });
    return events.filter((event) => event.way === way && (!about || event.about === about));
  }

  types(way: HeardEvent['way'], about: string): string[] {
    return this.heard(way, about).map(({ type }) => type);
  }
}
