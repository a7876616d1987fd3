import { type Agent, request } from 'node:http';

export interface Reply {
  /** 0: no answer, or none in time. */
  status: number;
  body: string;
  receipt: string | undefined;
}

export interface Call {
  method: string;
  url: string;
  token: string;
  timeoutMs: number;
  agent?: Agent;
  headers?: Record<string, string>;
  body?: unknown;
}

const NO_ANSWER: Reply = { status: 0, body: '', receipt: undefined };

/** One HTTP call; whatever goes wrong is status 0. */
export function call({ method, url, token, timeoutMs, agent, headers, body }: Call): Promise<Reply> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve) => {
    const outgoing = request(url, {
      method,
      ...(agent && { agent }),
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        Authorization: `Bearer ${token}`,
        ...(payload !== undefined && {
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(payload),
        }),
        ...headers,
      },
    });
    outgoing.once('error', () => resolve(NO_ANSWER));
    outgoing.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('error', () => resolve(NO_ANSWER));
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          receipt: response.headers['portcullis-receipt'] as string | undefined,
        }),
      );
    });
    outgoing.end(payload);
  });
}
