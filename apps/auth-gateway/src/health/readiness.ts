import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { WhenStale } from '@portcullis/contracts';
import type { NatsClient } from '@portcullis/messaging';
import { type AccessFollower, CLOCK_OFF_MS_MAX } from '../access-view/access-follower.js';
import type { AccessReplica } from '../access-view/access-replica.js';
import type { Lease } from '../access-view/lease.js';

type Session = ReturnType<HealthIndicatorService['check']>;

interface Dependencies {
  replica: Pick<AccessReplica, 'view'>;
  lease: Pick<Lease, 'holds' | 'remainingMs'>;
  follower: Pick<AccessFollower, 'clockOffMs'>;
  nats: Pick<NatsClient, 'isConnected'>;
  whenStale: WhenStale;
}

/**
 * Whether this gateway can admit anyone, and if not, why. Only what keeps it from deciding on requests takes it out of the load
 * balancer; what merely slows it down is `degraded`. Upstreams aren't asked: one that fails concerns its own routes.
 */
export class Readiness {
  #draining = false;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly deps: Dependencies,
  ) {}

  /** The process is about to end. */
  drain(): void {
    this.#draining = true;
  }

  get isReady(): boolean {
    return Object.values(this.check()).every(({ status }) => status !== 'down');
  }

  check(): HealthIndicatorResult {
    const named = (name: string): Session => this.indicators.check(name);
    return {
      ...this.#process(named('process')),
      ...this.#accessView(named('access_view')),
      ...this.#lease(named('lease')),
      ...this.#clock(named('clock')),
      ...this.#nats(named('nats')),
    };
  }

  #process(session: Session): HealthIndicatorResult {
    return this.#draining ? session.down('is shutting down') : session.up();
  }

  #accessView(session: Session): HealthIndicatorResult {
    const { view } = this.deps.replica;
    return view ? session.up({ seq: view.appliedSeq }) : session.down('no snapshot of the access ledger was taken yet');
  }

  /** With `allow` a gateway that is cut off goes on with its last view: that is what it was told to do. */
  #lease(session: Session): HealthIndicatorResult {
    const { lease, whenStale, replica } = this.deps;
    if (lease.holds()) return session.up({ remaining_ms: Math.round(lease.remainingMs()) });
    const message = 'has run out: no token-service was heard from';
    return whenStale === 'allow' && replica.view ? session.degraded(message) : session.down(message);
  }

  #clock(session: Session): HealthIndicatorResult {
    const offMs = this.deps.follower.clockOffMs;
    return offMs > CLOCK_OFF_MS_MAX ? session.down(`is ${offMs} ms off the token-service's`) : session.up();
  }

  #nats(session: Session): HealthIndicatorResult {
    if (this.deps.nats.isConnected) return session.up();
    return session.degraded('is not connected: changes of access come with the renewals of the lease, within 2 s');
  }
}
