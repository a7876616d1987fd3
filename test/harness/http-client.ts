export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

export interface CallOptions {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Calls an HTTP API as an external client would, and parses JSON where there is some. */
export class HttpClient {
  readonly url: string;
  readonly token: string | undefined;

  constructor(url: string, token?: string) {
    this.url = url;
    this.token = token;
  }

  /** The same API with another token, or without one. */
  as(token: string | undefined): HttpClient {
    return new HttpClient(this.url, token);
  }

  get<T = Json>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('GET', path, options);
  }

  post<T = Json>(path: string, body: unknown, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('POST', path, { ...options, body });
  }

  put<T = Json>(path: string, body: unknown, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('PUT', path, { ...options, body });
  }

  delete<T = Json>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('DELETE', path, options);
  }

  /** `body`: an object is sent as JSON, a string as it is (with whatever content type `headers` names, else JSON). */
  async call<T = Json>(
    method: string,
    path: string,
    { token = this.token, body, headers }: CallOptions,
  ): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(40_000),
      headers: {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text ? JSON.parse(text) : undefined) as T,
    };
  }
}

/** JSON that a test looks into. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test reads answers of every shape; expectations check them
export type Json = any;
