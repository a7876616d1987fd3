import { createHmac } from 'node:crypto';
import { forwardedByPayload } from '@portcullis/contracts';

/** Vouches to the token-service for what the gateway says about a request; see FORWARDED_BY_HEADER. */
export class ForwardedBy {
  constructor(
    private readonly instance: string,
    private readonly internalSecret: string,
  ) {}

  /**
   * @param clientAddress as it stands in `X-Forwarded-For`
   * @param target path and query as they are forwarded
   */
  value(requestId: string, clientAddress: string, method: string, target: string): string {
    const payload = forwardedByPayload(this.instance, requestId, clientAddress, method, target);
    return `${this.instance};${createHmac('sha256', this.internalSecret).update(payload).digest('base64url')}`;
  }
}
