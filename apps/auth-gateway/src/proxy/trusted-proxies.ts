import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The other end of a connection. */
export interface Peer {
  /** An IPv4-mapped IPv6 address is written as IPv4. */
  readonly address: string;
  readonly trusted: boolean;
}

const UNKNOWN: Peer = { address: '0.0.0.0', trusted: false };
const ADDRESSES_MAX = 64;
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/;

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** The proxies in front of the gateway whose `X-Forwarded-*` headers are believed. */
export class TrustedProxies {
  readonly #ranges: readonly Range[];
  readonly #peers = new WeakMap<Socket, Peer>();

  /** @param ranges addresses or CIDR ranges, already checked to be valid */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map((range) => {
      if (range.includes('/')) return ipaddr.parseCIDR(range);
      const address = ipaddr.process(range);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    });
  }

  /** Who is at the other end; worked out once per connection. */
  peer(socket: Socket): Peer {
    const known = this.#peers.get(socket);
    if (known) return known;
    const address = parseAddress(socket.remoteAddress ?? '');
    if (!address) return UNKNOWN; // the connection is gone already
    const peer = { address: address.toString(), trusted: this.trusts(address) };
    this.#peers.set(socket, peer);
    return peer;
  }

  /**
   * The client's address: the first one in `X-Forwarded-For`, from the right, that is not a trusted proxy's.
   *
   * @param forwardedFor the header as it came from a trusted proxy
   */
  clientAddress(peer: Peer, forwardedFor: string | undefined): string {
    if (!peer.trusted || forwardedFor === undefined) return peer.address;
    let client = peer.address;
    for (const part of forwardedFor.split(',').slice(-ADDRESSES_MAX).toReversed()) {
      const address = parseAddress(part.trim());
      if (!address) return client; // what stands left of it was never vouched for
      client = address.toString();
      if (!this.trusts(address)) return client;
    }
    return client;
  }

  private trusts(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
    return this.#ranges.some(([range, bits]) => address.kind() === range.kind() && address.match(range, bits));
  }
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const match = WITH_PORT.exec(text);
  const bare = match?.[1] ?? match?.[2] ?? text;
  // Not ipaddr.isValid: it takes numbers such as `1` and `0x7f000001` for addresses.
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return undefined;
  return ipaddr.process(bare);
}
