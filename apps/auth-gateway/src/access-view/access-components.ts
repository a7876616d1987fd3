import { Keyring, TokenVerifier } from '@portcullis/access-control';
import type { WhenStale } from '@portcullis/contracts';
import type { NatsClient } from '@portcullis/messaging';
import { AccessFollower, type FollowerDependencies } from './access-follower.js';
import { AccessReplica } from './access-replica.js';
import { AckPublisher } from './ack-publisher.js';
import { ChangeFeed } from './change-feed.js';
import type { Clock } from './clock.js';
import { FeedVerifier } from './feed-verifier.js';
import { Lease } from './lease.js';
import { SigningKeys } from './signing-keys.js';
import { StandingAccess } from './standing-access.js';
import { TrafficMeter } from './traffic-meter.js';

/** All that keeps the access view, wired up. Nothing runs before {@link startAccess}. */
export interface AccessComponents {
  replica: AccessReplica;
  lease: Lease;
  verifier: TokenVerifier;
  keys: SigningKeys;
  follower: AccessFollower;
  feed: ChangeFeed;
  acks: AckPublisher;
  standing: StandingAccess;
}

interface Dependencies {
  instance: string;
  worker?: number;
  whenStale: WhenStale;
  verifiedTokensMax: number;
  api: FollowerDependencies['api'];
  nats: Pick<NatsClient, 'connection' | 'isConnected'>;
  clock: Clock;
  traffic?: TrafficMeter;
  log: FollowerDependencies['log'];
}

/** Knows no key, so it refuses everything until the first ones have come. */
const NO_KEYS = new Keyring('', Buffer.alloc(32), []);

export function assembleAccess(deps: Dependencies): AccessComponents {
  const { instance, worker, whenStale, api, clock, log, traffic = new TrafficMeter() } = deps;
  const replica = new AccessReplica();
  const lease = new Lease(clock);
  const verifier = new TokenVerifier(NO_KEYS, deps.verifiedTokensMax, traffic.verification);
  const feedVerifier = new FeedVerifier();
  const keys: SigningKeys = new SigningKeys({
    fetchKeys: () => api.keys(),
    verifier,
    feed: feedVerifier,
    clock,
    onResolved: () => follower.keysResolved(),
    onFailure: (error) => log.warn(`signing keys can't be fetched: ${(error as Error).message}`),
  });
  const follower: AccessFollower = new AccessFollower({
    instance,
    ...(worker !== undefined && { worker }),
    whenStale,
    api,
    clock,
    replica,
    keys,
    lease,
    traffic,
    log,
  });
  const feed = new ChangeFeed(deps.nats, feedVerifier, clock, (message) => follower.follow(message));
  const acks = new AckPublisher(
    instance,
    () => follower.confirmation(),
    (payload, macHeader) => feed.publishAck(payload, macHeader),
  );
  replica.onEntries((entries, view) => keys.noteEntries(entries, view));
  // After the keys: what stands is decided on with those that are left.
  const standing: StandingAccess = new StandingAccess({ replica, lease, clock, outlastsLease: whenStale === 'allow' });
  return { replica, lease, verifier, keys, follower, feed, acks, standing };
}

/** Begins to listen and to renew, in the background. */
export function startAccess({ follower, feed, acks }: AccessComponents): void {
  void feed.listen();
  follower.start(acks);
}
