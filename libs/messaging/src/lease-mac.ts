import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The header that authenticates a gateway's message (`LEASE_MAC_HEADER`):
 * `<lease id>.<base64url HMAC-SHA256 over the payload's bytes by the lease key>`. A lease id may hold dots, a MAC can't.
 */
export function signWithLease(leaseId: string, leaseKey: Uint8Array, payload: Uint8Array): string {
  return `${leaseId}.${mac(leaseKey, payload).toString('base64url')}`;
}

const MAC_BYTES = 32;
const HEADER_LENGTH_MAX = 512;

/** @returns the lease id that a header claims, and its MAC; nothing when the header is malformed. */
export function parseLeaseMac(header: string | undefined): { leaseId: string; mac: Buffer } | undefined {
  if (!header || header.length > HEADER_LENGTH_MAX) return undefined;
  const dot = header.lastIndexOf('.');
  const claimed = Buffer.from(header.slice(dot + 1), 'base64url');
  if (dot < 1 || claimed.length !== MAC_BYTES) return undefined;
  return { leaseId: header.slice(0, dot), mac: claimed };
}

/** Whether the MAC over `payload` is right. Takes the same time whatever is wrong. */
export function leaseMacMatches(claimed: Uint8Array, leaseKey: Uint8Array, payload: Uint8Array): boolean {
  return claimed.length === MAC_BYTES && timingSafeEqual(claimed, mac(leaseKey, payload));
}

function mac(leaseKey: Uint8Array, payload: Uint8Array): Buffer {
  return createHmac('sha256', leaseKey).update(payload).digest();
}
