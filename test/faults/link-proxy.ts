import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Lane, type LaneCondition, SOUND } from './lane.ts';

export interface LinkCondition {
  /** From the side that dials to the side that listens. */
  out: LaneCondition;
  /** The other way. */
  back: LaneCondition;
}

/** What a fault can lay its hands on. */
export type Wire = Pick<LinkProxy, 'impose' | 'heal'>;

const HOST = '127.0.0.1';

/** A TCP proxy on one link between two parts of the system. It can delay what passes, cut either way or both, and heal. */
export class LinkProxy {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #condition: LinkCondition = { out: SOUND, back: SOUND };

  private constructor(targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client, targetPort));
  }

  /** Listens on a free port of the loopback address, and dials `targetPort` there for each connection. */
  static async start(targetPort: number): Promise<LinkProxy> {
    const proxy = new LinkProxy(targetPort);
    proxy.#server.listen(0, HOST);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For connections that are open and those to come. */
  impose(condition: LinkCondition): void {
    this.#condition = condition;
    for (const connection of this.#connections) connection.impose(condition);
  }

  /**
   * Lets everything pass again. What was held up is delivered, as TCP's retransmissions would; a connection that lost bytes is
   * reset, since what follows would make no sense.
   */
  heal(): void {
    this.impose({ out: SOUND, back: SOUND });
  }

  /** The same link, seen from the side that listens. */
  get reversed(): Wire {
    return { impose: ({ out, back }) => this.impose({ out: back, back: out }), heal: () => this.heal() };
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, targetPort: number): void {
    const connection = new Connection(client, connect({ port: targetPort, host: HOST, allowHalfOpen: true }));
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
    connection.impose(this.#condition);
  }
}

class Connection {
  readonly #sockets: readonly [Socket, Socket];
  readonly #lanes: { out: Lane; back: Lane };

  constructor(client: Socket, server: Socket) {
    this.#sockets = [client, server];
    const broken = (): void => this.destroy();
    this.#lanes = { out: new Lane(client, server, broken), back: new Lane(server, client, broken) };
    for (const socket of this.#sockets) socket.setNoDelay(true);
  }

  onClosed(listener: () => void): void {
    for (const socket of this.#sockets) {
      socket.once('close', () => {
        if (this.#sockets.every((each) => each.closed)) listener();
      });
    }
  }

  impose({ out, back }: LinkCondition): void {
    const sound = out === SOUND && back === SOUND;
    if (sound && (this.#lanes.out.hasLost || this.#lanes.back.hasLost)) return this.destroy();
    this.#lanes.out.impose(out);
    this.#lanes.back.impose(back);
  }

  destroy(): void {
    for (const socket of this.#sockets) {
      // A reset in the moment of the FIN is refused, and Node never closes the socket then: the process would not end.
      if (socket.writableEnded && !socket.writableFinished) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#lanes.out.stop();
    this.#lanes.back.stop();
  }
}
