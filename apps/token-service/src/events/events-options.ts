/** For injection. */
export const EVENTS_OPTIONS = Symbol('events options');

export interface EventsOptions {
  /** The primary. Not a transaction-pooling proxy: the relay's lock lives as long as its session. */
  databaseUrl: string;
  /** JetStream replicas of the events stream. */
  replicas: number;
  /** How long JetStream recognises a repeated message id; 2 minutes when absent. */
  duplicateWindowMs?: number;
  /** A session of the relay that is silent for longer loses its lock; 5 s when absent. */
  relayIdleTimeoutMs?: number;
}
