import { Inject, Injectable } from '@nestjs/common';
import { LOCAL_SESSION_COOKIE, SESSION_COOKIE } from '@portcullis/contracts';
import { CONFIG, type TokenServiceConfig } from '../config.js';

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * The cookie that carries a session's secret. By PORTCULLIS_PUBLIC_URL and not by what a request says of itself: a proxy that
 * rewrites `Host` can't make a cookie that travels in clear. And only one of the names is read, so that nobody plants the other.
 */
@Injectable()
export class SessionCookie {
  readonly #name: string;
  readonly #attributes: string;
  readonly #maxAgeSeconds: number;

  constructor(@Inject(CONFIG) { publicUrl, sessionHours }: Pick<TokenServiceConfig, 'publicUrl' | 'sessionHours'>) {
    const isLocal = publicUrl?.protocol === 'http:';
    this.#name = isLocal ? LOCAL_SESSION_COOKIE : SESSION_COOKIE;
    this.#attributes = `Path=/; HttpOnly; SameSite=Strict${isLocal ? '' : '; Secure'}`;
    this.#maxAgeSeconds = sessionHours * 3_600;
  }

  /** @returns the secret; undefined when there is none, or more than one to choose from */
  read(header: string | undefined): string | undefined {
    const values = (header ?? '')
      .split(';')
      .map((cookie) => cookie.trim())
      .filter((cookie) => cookie.startsWith(`${this.#name}=`))
      .map((cookie) => cookie.slice(this.#name.length + 1));
    return values.length === 1 && SECRET.test(values[0]!) ? values[0] : undefined;
  }

  /** The value of `Set-Cookie` for a new session. */
  setting(secret: string): string {
    return `${this.#name}=${secret}; Max-Age=${this.#maxAgeSeconds}; ${this.#attributes}`;
  }

  /** The value of `Set-Cookie` that takes it away. */
  clearing(): string {
    return `${this.#name}=; Max-Age=0; ${this.#attributes}`;
  }
}
