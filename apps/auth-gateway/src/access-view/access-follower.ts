import type { AccessFeedMessage, AccessHeartbeat, RegisterResponse, WhenStale } from '@portcullis/contracts';
import type { AccessReplica } from './access-replica.js';
import type { AccessView } from './access-view.js';
import type { AckPublisher, Confirmation } from './ack-publisher.js';
import { type Clock, instantOf } from './clock.js';
import type { InternalApiClient, Renewal } from './internal-api.client.js';
import { LeaseIdentity } from './lease-identity.js';
import type { Lease } from './lease.js';
import { RenewalSchedule } from './renewal-schedule.js';
import type { SigningKeys } from './signing-keys.js';
import type { TrafficMeter } from './traffic-meter.js';

/** A wall clock that is further off than this makes the gateway unready. */
export const CLOCK_OFF_MS_MAX = 5_000;
const BACKOFF_MAX_MS = 1_000;
const SNAPSHOT_BACKOFF_MAX_MS = 5_000;
/** Messages of another epoch may be old ones that someone plays back, so they bring a renewal forward only this often. */
const OTHER_EPOCH_RENEWAL_MS = 250;

export interface FollowerDependencies {
  instance: string;
  /** Which of the gateway's processes this is; 0 when absent. */
  worker?: number;
  whenStale: WhenStale;
  api: Pick<InternalApiClient, 'register' | 'renew' | 'release' | 'keys' | 'snapshot'>;
  clock: Clock;
  replica: AccessReplica;
  keys: SigningKeys;
  lease: Lease;
  traffic: Pick<TrafficMeter, 'rates'>;
  log: { info(message: string): void; warn(message: string): void };
}

/**
 * Keeps the view and the lease: registers, takes a snapshot, then renews for as long as the process lives. One step runs at a
 * time, so a renewal never crosses a snapshot; only the change feed comes in between, and the replica copes with that.
 */
export class AccessFollower {
  readonly #schedule: RenewalSchedule;
  readonly #stop = new AbortController();
  #acks: Pick<AckPublisher, 'schedule'> = { schedule: () => {} };
  #identity: LeaseIdentity | undefined;
  #snapshotNeeded = true;
  /** The view is of a ledger that is no more: the next snapshot replaces it, whatever its number. */
  #otherLedger = false;
  #setbacks = 0;
  /** The latest setback was that nobody answered. */
  #unanswered = false;
  #clockOffMs = 0;
  #running: Promise<void> | undefined;

  constructor(private readonly deps: FollowerDependencies) {
    this.#schedule = new RenewalSchedule(deps.clock);
  }

  /** Undefined until the first registration, and between a lease and the next. */
  get identity(): LeaseIdentity | undefined {
    return this.#identity;
  }

  /** How far the wall clock is off the token-service's, beyond what the call's own duration explains, in milliseconds. */
  get clockOffMs(): number {
    return this.#clockOffMs;
  }

  get feedIsSilent(): boolean {
    return this.#schedule.feedIsSilent;
  }

  /** What may be acknowledged: everything that was applied, as far as its keys have come too. */
  confirmation(): Confirmation | undefined {
    const view = this.deps.replica.view;
    if (!view || !this.#identity) return undefined;
    return { identity: this.#identity, epoch: view.epoch, seq: this.deps.keys.resolvedSeq(view.appliedSeq) };
  }

  start(acks: Pick<AckPublisher, 'schedule'>): void {
    this.#acks = acks;
    this.#running = this.#run();
  }

  /** Ends the renewals, closes the gate and gives the lease back, so that no revocation waits for this gateway. */
  async release(): Promise<void> {
    this.#stop.abort();
    this.deps.lease.close();
    this.deps.keys.stop();
    await this.#running;
    const identity = this.#identity;
    this.#identity = undefined;
    if (identity) await this.deps.api.release(identity.leaseId);
  }

  /** Takes a message of the change feed whose signature was good. */
  follow(message: AccessFeedMessage): void {
    if (message.type === 'heartbeat') return this.#followHeartbeat(message);
    switch (this.deps.replica.applyChange(message)) {
      case 'applied':
        this.#schedule.heard();
        return this.#acks.schedule();
      case 'gap':
        return this.#schedule.renewAtOnce();
      case 'other_epoch':
        return this.#doubtEpoch();
      default:
    }
  }

  /** Keys that were waited for have come: what was applied meanwhile may be confirmed. */
  keysResolved(): void {
    this.#acks.schedule();
    this.#schedule.renewAtOnce();
  }

  #register(): Promise<RegisterResponse> {
    const { api, instance, worker, whenStale } = this.deps;
    return api.register({ instance, when_stale: whenStale, ...(worker !== undefined && { worker }) });
  }

  #followHeartbeat({ epoch, seq, at }: AccessHeartbeat): void {
    const view = this.deps.replica.view;
    // An old heartbeat that is played back mustn't make a dead feed look alive.
    if (!view || Math.abs(this.deps.clock.wallMs() - at) > CLOCK_OFF_MS_MAX) return;
    if (epoch !== view.epoch) return this.#doubtEpoch();
    this.#schedule.heard();
    if (seq > view.appliedSeq) this.#schedule.renewAtOnce();
  }

  #doubtEpoch(): void {
    if (this.#schedule.sinceSentMs >= OTHER_EPOCH_RENEWAL_MS) this.#schedule.renewAtOnce();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#schedule.due(this.#stop.signal);
      if (!this.#stop.signal.aborted) await this.#step();
    }
  }

  async #step(): Promise<void> {
    this.#schedule.sent();
    try {
      const identity = await this.#registered();
      const view = await this.#currentView();
      const setback = await this.#renew(identity, view);
      if (setback) this.#goOn(setback);
      else this.#settle();
    } catch (error) {
      this.#unanswered = true;
      this.#retry((error as Error).message);
    }
  }

  async #registered(): Promise<LeaseIdentity> {
    this.#identity ??= new LeaseIdentity(await this.#register());
    return this.#identity;
  }

  /** The view to go on with: a new snapshot, and the keys as they are after it, when there is none or it can't be continued. */
  async #currentView(): Promise<AccessView> {
    const current = this.deps.replica.view;
    if (current && !this.#snapshotNeeded) return current;
    const view = await this.deps.api.snapshot(this.#stop.signal);
    const keys = await this.deps.api.keys();
    this.#snapshotNeeded = false;
    // The feed may have gone further meanwhile, and that was confirmed. A gateway that allows would fall behind its own word.
    if (current && !this.#otherLedger && view.epoch === current.epoch && view.appliedSeq <= current.appliedSeq) {
      return current;
    }
    this.#otherLedger = false;
    // The keys and the view change together: the gate stays shut until a renewal has caught up.
    this.deps.lease.close();
    this.deps.keys.install(keys, view);
    this.deps.replica.install(view);
    this.deps.log.info(`took a snapshot of the access ledger at ${view.appliedSeq}`);
    return view;
  }

  /** @returns why the lease wasn't extended, or undefined when it was */
  async #renew(identity: LeaseIdentity, view: AccessView): Promise<string | undefined> {
    const { api, clock, keys, lease, replica, traffic } = this.deps;
    if (keys.isOverdue) return 'a key that the access ledger names has not come';
    const appliedSeq = view.appliedSeq;
    this.#schedule.sent();
    const renewal = await api.renew(identity.leaseId, {
      epoch: view.epoch,
      applied_seq: keys.resolvedSeq(appliedSeq),
      ...traffic.rates(clock.monotonicMs()),
    });
    if (!renewal) return this.#registerAnew();
    this.#compareClocks(renewal);
    if (renewal.epoch !== view.epoch || renewal.seq < appliedSeq) return this.#followAnotherLedger();
    if (!renewal.entries) return this.#takeSnapshotNext();
    if (this.#stop.signal.aborted) return undefined;

    // In this order: whoever gets in under the new lease is judged by what the renewal brought.
    const moved = replica.applyDelta(renewal.entries, renewal.seq);
    lease.extend(renewal.sent, renewal.lease_ms);
    this.#schedule.leaseGranted(renewal.lease_ms);
    this.#acks.schedule();
    if (moved) this.#schedule.renewAtOnce(); // so that a barrier hears of it even without NATS
    return undefined;
  }

  #registerAnew(): string {
    this.deps.lease.close();
    this.#identity = undefined;
    return 'the lease is unknown or fenced; registering anew';
  }

  #followAnotherLedger(): string {
    this.deps.lease.close();
    this.#otherLedger = true;
    this.#snapshotNeeded = true;
    return 'the access ledger is another one, or was set back; taking a new snapshot';
  }

  /** The lease that was held still holds for its time: it was granted for the view as it is. */
  #takeSnapshotNext(): string {
    this.#snapshotNeeded = true;
    return 'the view is too old to be continued; taking a new snapshot';
  }

  #compareClocks({ now, sent }: Renewal): void {
    const received = instantOf(this.deps.clock);
    const earlyMs = sent.wallMs - now;
    const lateMs = now - received.wallMs;
    this.#clockOffMs = Math.round(Math.max(0, earlyMs, lateMs));
  }

  /** What an answer asks for is done at once, however long there was none. */
  #goOn(setback: string): void {
    if (this.#unanswered) this.#setbacks = 0;
    this.#unanswered = false;
    this.#retry(setback);
  }

  #retry(reason: string): void {
    if (this.#stop.signal.aborted) return;
    this.#setbacks += 1;
    if (Number.isInteger(Math.log2(this.#setbacks))) {
      this.deps.log.warn(`no lease from a token-service (${this.#setbacks} in a row): ${reason}`);
    }
    this.#schedule.retryAfter(this.#setbacks, this.#snapshotNeeded ? SNAPSHOT_BACKOFF_MAX_MS : BACKOFF_MAX_MS);
  }

  #settle(): void {
    if (this.#setbacks > 0) this.deps.log.info('the lease is held again');
    this.#setbacks = 0;
  }
}
