import { isAttended } from './attendance.ts';
import { ApiError, problemOf } from './problem.ts';
import type { ReceiptDto } from './generated/types.gen.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';

/** What the generator writes for each operation of the API. */
interface OperationData {
  url: string;
  body?: unknown;
  path?: unknown;
  query?: unknown;
}

/** What a call is given: only what the operation takes, and what it must have. */
type Input<Data extends OperationData> = Pick<Data, keyof Data & ('body' | 'path' | 'query')> & {
  signal?: AbortSignal;
};

export interface Answer<T> {
  data: T;
  /** Which gateways go by the change; absent where nothing changed access. */
  receipt: ReceiptDto | undefined;
}

/** A page that hangs is no better than one that says so. */
const TIMEOUT_MS = 30_000;
const UNREACHABLE = (): ApiError =>
  new ApiError(0, 'unreachable', 'Portcullis can’t be reached. Check the connection and try again.');

/** Makes the function that calls one operation of the API. It throws an {@link ApiError} for any other answer. */
export function operation<Data extends OperationData, T>(
  method: Method,
  url: Data['url'],
): (input: Input<Data>) => Promise<Answer<T>> {
  return async (input) => {
    const response = await send(method, targetOf(url, input.path, input.query), input.body, input.signal);
    if (!response.ok) throw await problemOf(response);
    const receipt = response.headers.get('Portcullis-Receipt');
    return {
      data: (response.status === 204 ? undefined : await jsonOf(response, input.signal)) as T,
      receipt: receipt === null ? undefined : (JSON.parse(receipt) as ReceiptDto),
    };
  };
}

/** An answer that breaks off, or that something on the way has put in its place, is none. */
async function jsonOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw UNREACHABLE();
  }
}

async function send(method: Method, target: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(target, {
      method,
      credentials: 'same-origin',
      // A form of another site can't set a header: that is what tells our requests from its.
      headers: {
        'X-Portcullis-Csrf': '1',
        ...(!isAttended() && { 'X-Portcullis-Unattended': '1' }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw UNREACHABLE();
  }
}

/** @returns the address of a call: parameters filled in, and only the query that is given */
export function targetOf(url: string, path: unknown, query: unknown): string {
  const parameters = (path ?? {}) as Record<string, string | number>;
  const target = url.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parameters[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  return search.size > 0 ? `${target}?${search}` : target;
}
