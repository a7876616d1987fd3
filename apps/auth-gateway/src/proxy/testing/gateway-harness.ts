import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller, Principal, RefusedRequest } from '@portcullis/access-control';
import { Problem, unauthorized } from '@portcullis/contracts';
import { AccessReplica } from '../../access-view/access-replica.js';
import { instantOf, systemClock } from '../../access-view/clock.js';
import { Lease } from '../../access-view/lease.js';
import { StandingAccess } from '../../access-view/standing-access.js';
import { TrafficMeter } from '../../access-view/traffic-meter.js';
import type { Gate } from '../../authentication/gate.js';
import { parseRoutes } from '../../authorization/routes-document.js';
import type { Route } from '../../authorization/route.js';
import type { RequestObserver } from '../../observation/request-observer.js';
import type { RouteSource } from '../current-destinations.js';
import { DataPath, type DataPathOptions } from '../data-path.js';
import { createGatewayServer, type ServerLimits } from '../http-server.js';
import type { UpstreamLimits } from '../upstream.js';

/** A connection on this machine that takes longer isn't taken at all. */
const BACKLOG_FULL_MS = 500;

/** Callers by token, in memory. `later` settles only when the test says so, as an introspection would. */
export class MemoryGate implements Gate {
  readonly callers = new Map<string, Caller | Problem>();
  readonly waiting: (() => void)[] = [];
  later = false;

  authenticate(request: IncomingMessage, done: (result: Caller | Problem) => void): void {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const result = this.callers.get(token ?? '') ?? unauthorized('A bearer token is required');
    if (this.later) this.waiting.push(() => done(result));
    else done(result);
  }
}

export function callerOf(principal: Partial<Principal> = {}, caller: Partial<Caller> = {}): Caller {
  const defaults: Principal = {
    id: 7,
    user_id: 'eve@example.com',
    user_type: 'User',
    role: 'Editor',
    teams: ['Public', 'Data Engineering'],
    active: true,
  };
  return { principal: { ...defaults, ...principal }, tokenId: 456, scim: false, ...caller };
}

/** Routes that a test may change while the gateway runs. */
export class MemoryRoutes implements RouteSource {
  routes: readonly Route[] = [];
  #listener: ((routes: readonly Route[]) => void) | undefined;

  constructor(yaml: string) {
    this.set(yaml);
  }

  set(yaml: string): void {
    const { routes, faults } = parseRoutes(yaml, 'routes.yaml');
    if (!routes) throw new Error(faults.join('\n'));
    this.routes = routes;
    this.#listener?.(routes);
  }

  onChange(listener: (routes: readonly Route[]) => void): void {
    this.#listener = listener;
  }
}

export interface TestGateway {
  readonly port: number;
  readonly dataPath: DataPath;
  readonly gate: MemoryGate;
  readonly routes: MemoryRoutes;
  readonly usage: [tokenId: number, clientAddress: string][];
  /** What was refused for its token. */
  readonly refused: RefusedRequest[];
  readonly warnings: string[];
  readonly lease: Lease;
  readonly replica: AccessReplica;
  readonly standing: StandingAccess;
}

/** What a test has started; all of it is stopped at the end of the test. */
export class Started {
  readonly #stops: (() => Promise<unknown>)[] = [];

  /** A gateway with the tokens `member`, `editor`, `admin` and `scim`. */
  async gateway(
    yaml: string,
    options: Partial<DataPathOptions> & { server?: Partial<ServerLimits>; observer?: RequestObserver } = {},
  ): Promise<TestGateway> {
    const gate = new MemoryGate();
    for (const role of ['Member', 'Editor', 'Admin'] as const) gate.callers.set(role.toLowerCase(), callerOf({ role }));
    gate.callers.set('scim', callerOf({ role: 'Admin' }, { scim: true }));
    const usage: TestGateway['usage'] = [];
    const refused: TestGateway['refused'] = [];
    const warnings: string[] = [];
    const routes = new MemoryRoutes(yaml);
    const replica = new AccessReplica();
    const lease = new Lease(systemClock);
    lease.extend(instantOf(systemClock), 600_000);
    const standing = new StandingAccess({ replica, lease, clock: systemClock, outlastsLease: false });
    const limits = { upgradesMax: 100, upgradesPerTokenMax: 100, failedAuthLimit: undefined };
    const defaults = { instance: 'gw-1', internalSecret: 's'.repeat(32), trustedProxies: [] };
    const dataPath = new DataPath(
      { ...defaults, tokenServiceUrls: ['http://127.0.0.1:1'], ...limits, forwardAuth: undefined, ...options },
      gate,
      {
        record: (tokenId, address) => void usage.push([tokenId, address]),
        recordRefusal: (request) => void refused.push(request),
      },
      routes,
      { warn: (message) => void warnings.push(message), error: ({ message }) => void warnings.push(message) },
      new TrafficMeter(),
      standing,
      options.observer,
    );
    const server = createGatewayServer(dataPath, answerAsNest, options.server);
    const port = await this.listen(server);
    this.#stops.push(() => dataPath.close());
    return { port, dataPath, gate, routes, usage, refused, warnings, lease, replica, standing };
  }

  /** A gateway in front of these ports, at /a. */
  inFrontOf(ports: readonly number[], upstreamLimits: Partial<UpstreamLimits> = {}): Promise<TestGateway> {
    const upstreams = ports.map((port) => `'http://127.0.0.1:${port}'`).join(', ');
    return this.gateway(`routes: [{prefix: /a, upstreams: [${upstreams}]}]`, { upstreamLimits });
  }

  /** A gateway in front of a real HTTP upstream, at /a. */
  async proxied(listener: RequestListener): Promise<TestGateway> {
    return this.inFrontOf([await this.upstream(listener)]);
  }

  /** A gateway in front of an upstream that answers every request with these bytes and then hangs up, or keeps silent. */
  async scripted(bytes: string, hangUp: boolean, limits: Partial<UpstreamLimits> = {}): Promise<TestGateway> {
    const port = await this.rawUpstream((socket) => {
      socket.on('data', () => {
        if (hangUp) socket.end(bytes, 'latin1');
        else socket.write(bytes, 'latin1');
      });
    });
    return this.inFrontOf([port], limits);
  }

  /** A real HTTP upstream. */
  upstream(listener: RequestListener): Promise<number> {
    return this.listen(createServer(listener));
  }

  /** An upstream that a test scripts byte by byte. */
  async rawUpstream(onConnection: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#stops.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  /** A port on which connections are neither taken nor refused, as where a host is gone: a frozen process with a full backlog. */
  async blackHole(): Promise<number> {
    const program = `const server = require('node:net').createServer();
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.send(server.address().port));`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [port] = (await once(child, 'message')) as [number];
    child.kill('SIGSTOP');
    const sockets: Socket[] = [];
    this.#stops.push(async () => {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    for (let taken = true; taken;) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      sockets.push(socket);
      taken = await Promise.race([once(socket, 'connect').then(() => true), sleep(BACKLOG_FULL_MS, false)]);
    }
    return port;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
  }

  private async listen(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#stops.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }
}

function answerAsNest(request: IncomingMessage, response: ServerResponse): void {
  response.end(`nest ${request.url}`);
}

/** A port that nothing listens on. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A connection on which a test writes bytes and reads what comes back. */
export class RawClient {
  received = '';
  closed = false;
  readonly socket: Socket;

  constructor(port: number, bytes: string | Buffer = '') {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text) => (this.received += String(text)));
    this.socket.on('close', () => (this.closed = true));
    this.socket.on('error', () => undefined);
    if (bytes.length > 0) this.socket.write(bytes);
  }

  /** Waits for the other side to close the connection. */
  async toEnd(): Promise<string> {
    if (!this.closed) await new Promise((resolve) => this.socket.once('close', resolve));
    return this.received;
  }
}

/** The body of a raw response that has a problem document. */
export function problemIn(received: string): Record<string, unknown> {
  return JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
  trailers: IncomingMessage['trailers'];
  body: string;
}

export interface Sent {
  method?: string;
  /** Sent as `Authorization: Bearer …`. */
  token?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

/** Sends one request on a connection of its own and reads the whole answer. */
export function send(
  port: number,
  path: string,
  { method = 'GET', token, headers = {}, body }: Sent = {},
): Promise<Answer> {
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const options = { port, host: '127.0.0.1', path, method, agent: false, headers: { ...authorization, ...headers } };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(options, (incoming) => {
      let text = '';
      incoming.setEncoding('latin1').on('data', (chunk) => (text += String(chunk)));
      incoming.on('error', reject).on('end', () => {
        const { statusCode = 0, headers, rawHeaders, trailers } = incoming;
        resolve({ status: statusCode, headers, rawHeaders, trailers, body: text });
      });
    });
    outgoing.on('error', reject).end(body);
  });
}

/** An upstream's answer that shows what it was sent. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, rawHeaders, headers } = request;
  let body = '';
  request.setEncoding('latin1').on('data', (chunk) => (body += String(chunk)));
  request.on('end', () => response.end(JSON.stringify({ method, url, rawHeaders, headers, body })));
}

/** What {@link echo} was sent. */
export function echoed(answer: Answer): {
  method: string;
  url: string;
  rawHeaders: string[];
  headers: Record<string, string>;
  body: string;
} {
  return JSON.parse(answer.body) as ReturnType<typeof echoed>;
}
