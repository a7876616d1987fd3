import type { CertificateFiles } from '@portcullis/tls';
import { buildConnector } from 'undici';

/** What Nest provides {@link TokenServiceTls} under; undefined: Node's own authorities, and no certificate to show. */
export const TOKEN_SERVICE_TLS = Symbol('TOKEN_SERVICE_TLS');

/** How token-services are connected to: checked against the authorities of a file, and shown a certificate. */
export class TokenServiceTls {
  constructor(
    private readonly files: Pick<CertificateFiles, 'current' | 'onRenewal'>,
    private readonly origins: readonly string[],
  ) {}

  /** Whether an origin is a token-service's. Others are none of this file's authorities' business. */
  covers(origin: string): boolean {
    return this.origins.includes(origin);
  }

  /** @returns what undici opens connections with, each by what the files hold then */
  connector(timeoutMs: number): buildConnector.connector {
    const build = (): buildConnector.connector =>
      buildConnector({ ...this.files.current, timeout: timeoutMs, allowH2: false });
    let connect = build();
    this.files.onRenewal(() => (connect = build()));
    return (options, callback) => connect(options, callback);
  }
}
