import { setTimeout as sleep } from 'node:timers/promises';
import type { CreatedTokenDto } from '@portcullis/contracts';
import { makeServiceToken, uniqueName } from './fixtures.ts';
import type { Answer, Json } from './http-client.ts';
import type { Stack } from './stack.ts';

const PAUSE_MS = 20;

/** Calls that go on while something is restarted: a guarded API with one token, and the management of tokens. */
export class SteadyLoad {
  /** Statuses of the guarded API. */
  readonly guarded: number[] = [];
  /** Answers of Portcullis's own API, through the gateway. */
  readonly managed: Answer<Json>[] = [];
  readonly #stop = new AbortController();
  #running: Promise<unknown>;

  private constructor(
    private readonly stack: Stack,
    readonly token: CreatedTokenDto,
  ) {}

  static async start(stack: Stack): Promise<SteadyLoad> {
    const load = new SteadyLoad(stack, await makeServiceToken(stack.admin));
    load.#running = Promise.all([load.#use(), load.#use(), load.#manage(), load.#manage()]);
    return load;
  }

  /** Resolves when the last answer is there. @throws when a call got no answer */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  statuses(): number[] {
    return [...new Set(this.managed.map(({ status }) => status))].toSorted();
  }

  /** The tokens whose making was answered with success. */
  get made(): CreatedTokenDto[] {
    return this.managed.flatMap(({ status, body }) => (status === 201 ? [body as CreatedTokenDto] : []));
  }

  /** Answers that say that the call can't be served now. */
  get refused(): Answer<Json>[] {
    return this.managed.filter(({ status }) => status >= 500);
  }

  async #use(): Promise<void> {
    const client = this.stack.client(0, this.token.bearer_token);
    while (!this.#stop.signal.aborted) {
      this.guarded.push((await client.get('/api/datastores')).status);
      await sleep(PAUSE_MS);
    }
  }

  async #manage(): Promise<void> {
    const body = { user_id: this.token.user.id, expires_in_days: 1 };
    while (!this.#stop.signal.aborted) {
      const made = await this.stack.admin.post('/api/user-tokens', { ...body, name: uniqueName('token') });
      this.managed.push(made);
      if (made.status === 201)
        this.managed.push(await this.stack.admin.put(`/api/user-tokens/${made.body.id}`, { revoke: true }));
      await sleep(PAUSE_MS);
    }
  }
}
