import { Agent, type buildConnector, type Dispatcher, request } from 'undici';
import {
  INTERNAL_SECRET_HEADER,
  type IntrospectRequest,
  type IntrospectResponse,
  type KeysResponse,
  type RegisterRequest,
  type RegisterResponse,
  type RenewRequest,
  type RenewResponse,
} from '@portcullis/contracts';
import type { AccessView } from './access-view.js';
import { type Clock, type Instant, instantOf } from './clock.js';
import {
  parseIntrospectResponse,
  parseJson,
  parseKeysResponse,
  parseRegisterResponse,
  parseRenewResponse,
} from './ledger-messages.js';
import { readSnapshot } from './snapshot-reader.js';

/** A call that has no answer by then goes to the next token-service. */
export const CALL_TIMEOUT_MS = 3_000;
const SNAPSHOT_TIMEOUT_MS = 120_000;
const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;

export interface Renewal extends RenewResponse {
  /** When the request that was answered was sent: the lease counts from here. */
  sent: Instant;
}

/** No token-service gave a usable answer. */
export class InternalApiError extends Error {}

type Answer<T> = { sent: Instant; status: number; body: T };

interface Outgoing {
  method: Dispatcher.HttpMethod;
  path: string;
  body?: unknown;
  signal: AbortSignal;
  dispatcher?: Dispatcher | undefined;
}

/** The token-service's internal API. Each call tries every address once, beginning with the one that answered last. */
export class InternalApiClient {
  readonly #agent: Agent;
  /** Apart: a renewal that waited behind the questions of a gateway whose lease is over would keep it over. */
  readonly #introspections: Agent;
  #preferred = 0;

  constructor(
    private readonly origins: readonly string[],
    private readonly secret: string,
    private readonly clock: Clock,
    connect: buildConnector.connector | buildConnector.BuildOptions = { timeout: CALL_TIMEOUT_MS },
  ) {
    const options = {
      keepAliveTimeout: 30_000,
      connect,
      headersTimeout: CALL_TIMEOUT_MS,
      bodyTimeout: CALL_TIMEOUT_MS,
    };
    this.#agent = new Agent({ ...options, connections: 4 });
    this.#introspections = new Agent({ ...options, connections: 4 });
  }

  async register(body: RegisterRequest): Promise<RegisterResponse> {
    const answer = await this.#call('POST', '/internal/access/leases', body);
    return parseRegisterResponse(parseJson(successOf(answer)));
  }

  /** @returns undefined when the token-service doesn't know the lease, or has fenced it */
  async renew(leaseId: string, body: RenewRequest): Promise<Renewal | undefined> {
    const answer = await this.#call('POST', leasePath(leaseId), body);
    if (answer.status === 404 || answer.status === 410) return undefined;
    return { ...parseRenewResponse(parseJson(successOf(answer))), sent: answer.sent };
  }

  /** Gives the lease back; one that is already gone is given back too. */
  async release(leaseId: string): Promise<void> {
    const answer = await this.#call('DELETE', leasePath(leaseId));
    if (answer.status !== 404 && answer.status !== 410) successOf(answer);
  }

  /** Whether a token opens anything at this moment, by the primary database. */
  async introspect(body: IntrospectRequest): Promise<IntrospectResponse> {
    const answer = await this.#call('POST', '/internal/access/introspect', body, this.#introspections);
    return parseIntrospectResponse(parseJson(successOf(answer)));
  }

  async keys(): Promise<KeysResponse> {
    return parseKeysResponse(parseJson(successOf(await this.#call('GET', '/internal/keys'))));
  }

  /** Streams a snapshot into a view of its own. @throws MalformedMessage when it isn't whole */
  async snapshot(stop: AbortSignal): Promise<AccessView> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(SNAPSHOT_TIMEOUT_MS)]);
    const answer = await this.#tryEach(async (origin) => {
      const response = await this.#request(origin, { method: 'GET', path: '/internal/access/snapshot', signal });
      return response.statusCode === 200 ? await readSnapshot(response.body) : refuse(response);
    });
    return answer;
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#introspections.destroy()]);
  }

  #call(method: Dispatcher.HttpMethod, path: string, body?: unknown, dispatcher?: Dispatcher): Promise<Answer<string>> {
    return this.#tryEach(async (origin) => {
      const sent = instantOf(this.clock);
      const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
      const response = await this.#request(origin, { method, path, body, signal, dispatcher });
      const text = await readText(response.body);
      if (response.statusCode >= 500) throw new InternalApiError(`${origin} answered ${response.statusCode}`);
      return { sent, status: response.statusCode, body: text };
    });
  }

  #request(
    origin: string,
    { method, path, body, signal, dispatcher = this.#agent }: Outgoing,
  ): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { [INTERNAL_SECRET_HEADER]: this.secret };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return request(`${origin}${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal,
      dispatcher,
    });
  }

  /** In an order of its own: calls that fail at the same time must not send each other back to where they failed. */
  async #tryEach<T>(attempt: (origin: string) => Promise<T>): Promise<T> {
    const faults: string[] = [];
    const first = this.#preferred;
    for (let tried = 0; tried < this.origins.length; tried += 1) {
      const index = (first + tried) % this.origins.length;
      const origin = this.origins[index] as string;
      try {
        const result = await attempt(origin);
        this.#preferred = index;
        return result;
      } catch (error) {
        faults.push(`${origin}: ${(error as Error).message}`);
        if (this.#preferred === index) this.#preferred = (index + 1) % this.origins.length;
      }
    }
    throw new InternalApiError(faults.join('; '));
  }
}

function leasePath(leaseId: string): string {
  return `/internal/access/leases/${encodeURIComponent(leaseId)}`;
}

function successOf({ status, body }: Answer<string>): string {
  if (status >= 200 && status < 300) return body;
  throw new InternalApiError(`the token-service answered ${status}`);
}

async function refuse(response: Dispatcher.ResponseData): Promise<never> {
  await response.body.dump();
  throw new InternalApiError(`the snapshot was answered with ${response.statusCode}`);
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > RESPONSE_BYTES_MAX) throw new InternalApiError('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
