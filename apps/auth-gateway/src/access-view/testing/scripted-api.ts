import type { KeysResponse, RegisterResponse, RenewRequest } from '@portcullis/contracts';
import type { FollowerDependencies } from '../access-follower.js';
import type { AccessView } from '../access-view.js';
import { type Clock, instantOf } from '../clock.js';
import type { Renewal } from '../internal-api.client.js';
import { readSnapshot } from '../snapshot-reader.js';
import type { ModelLedger } from './model-ledger.js';

type CallName = 'register' | 'renew' | 'release' | 'keys' | 'snapshot';

/** For tests: the internal API answered from a model ledger, where each call can be held up, failed or changed. */
export class ScriptedApi implements Record<CallName, unknown> {
  readonly calls: string[] = [];
  readonly renewals: RenewRequest[] = [];
  /** Lease ids that the token-service knows. */
  readonly leases = new Set<string>();
  /** What each call has to pass before it is answered; throws to fail it. */
  before: Partial<Record<CallName, () => Promise<void> | void>> = {};
  /** What each answered renewal has to pass on its way back. */
  onTheWayBack: () => Promise<void> | void = () => {};
  snapshotLines: () => string[] = () => this.ledger.snapshotLines();
  clockOffMs = 0;
  #registrations = 0;

  constructor(
    public ledger: ModelLedger,
    private readonly clock: Clock,
  ) {}

  get asApi(): FollowerDependencies['api'] {
    return this;
  }

  async register({ instance }: { instance: string }): Promise<RegisterResponse> {
    await this.#called('register');
    this.#registrations += 1;
    const leaseId = `${instance}.${this.#registrations}`;
    this.leases.add(leaseId);
    return { lease_id: leaseId, lease_key: Buffer.alloc(32, this.#registrations).toString('base64url') };
  }

  async renew(leaseId: string, request: RenewRequest): Promise<Renewal | undefined> {
    const sent = instantOf(this.clock);
    this.renewals.push(request);
    await this.#called('renew');
    if (!this.leases.has(leaseId)) return undefined;
    const response = this.ledger.renew(request, this.clock.wallMs() + this.clockOffMs);
    await this.onTheWayBack();
    return { ...response, sent };
  }

  async release(leaseId: string): Promise<void> {
    await this.#called('release');
    this.leases.delete(leaseId);
  }

  async keys(): Promise<KeysResponse> {
    await this.#called('keys');
    return this.ledger.keys();
  }

  async snapshot(): Promise<AccessView> {
    await this.#called('snapshot');
    const lines = this.snapshotLines().map((line) => Buffer.from(line));
    return readSnapshot(
      (async function* () {
        yield* lines;
      })(),
    );
  }

  async #called(name: CallName): Promise<void> {
    this.calls.push(name);
    await this.before[name]?.();
  }
}
