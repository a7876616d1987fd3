import type { ReceiptDto } from '../api/generated/types.gen.ts';

/** @returns a receipt in words, such as "3 of 3 gateways confirmed in 6 ms" */
export function receiptText({ confirmed, expired, pending = [], unconfirmed = [], elapsed_ms }: ReceiptDto): string {
  const total = confirmed.length + expired.length + pending.length + unconfirmed.length;
  if (total === 0) return 'No gateway holds a lease, so none admits anybody';
  const parts = [
    `${confirmed.length} of ${total} ${total === 1 ? 'gateway' : 'gateways'} confirmed in ${duration(elapsed_ms)}`,
  ];
  if (expired.length > 0) parts.push(`${expired.join(', ')} cut off and admitting no one`);
  if (pending.length > 0) parts.push(`${pending.join(', ')} not yet`);
  if (unconfirmed.length > 0) parts.push(`${unconfirmed.join(', ')} cut off and going on with an old view`);
  return parts.join('; ');
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
