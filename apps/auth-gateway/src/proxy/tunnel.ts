import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Bytes both ways between a client and an upstream that have changed to another protocol, with backpressure. Each piece passes
 * only while `permitted` says so.
 */
export class Tunnel {
  constructor(
    private readonly client: Socket,
    private readonly upstream: Duplex,
    private readonly permitted: () => boolean,
  ) {}

  /** @param early what the client sent before it had the answer */
  start(early: readonly Buffer[]): void {
    const { client, upstream } = this;
    if (!this.permitted()) return this.cut(); // it may have taken the upstream a while to answer
    for (const piece of early) upstream.write(piece);
    this.relay(client, upstream);
    this.relay(upstream, client);
  }

  /** Cuts both sides at once, and what is still on its way in this machine's buffers with them. */
  cut(): void {
    reset(this.client);
    reset(this.upstream);
  }

  private relay(from: Duplex, to: Duplex): void {
    from.on('data', (piece: Buffer) => {
      if (!this.permitted()) this.cut();
      else if (!to.write(piece)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    // Both have said their last word, or this one broke off.
    from.on('close', () => void ((from.readableEnded && from.writableFinished) || to.destroy()));
    from.resume();
  }
}

/** A plain close would still deliver what the kernel holds. TLS has a close of its own and no reset. */
export function reset(socket: Duplex): void {
  if (socket.destroyed) return;
  if (!('resetAndDestroy' in socket) || 'encrypted' in socket) socket.destroy();
  else if (isSendingItsEnd(socket)) socket.once('finish', () => reset(socket));
  else (socket as Socket).resetAndDestroy();
}

/** For a turn of the event loop after its end: libuv refuses a reset meanwhile, and Node would never close the socket then. */
function isSendingItsEnd({ writableEnded, writableFinished, writableLength }: Duplex): boolean {
  return writableEnded && !writableFinished && writableLength === 0;
}
