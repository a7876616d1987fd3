import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../scripts/stack/free-port.ts';
import { ensureNatsServer } from '../../scripts/stack/nats-server-binary.ts';
import { type ManagedProcess, startProcess } from '../../scripts/stack/processes.ts';
import { waitFor } from '../../scripts/stack/wait-for.ts';
import { LinkProxy, type Wire } from './link-proxy.ts';

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 1_000;
const EVENTS_STREAM = 'PORTCULLIS_EVENTS';

interface Node {
  name: string;
  port: number;
  monitorPort: number;
  routePort: number;
  configFile: string;
  process: ManagedProcess | undefined;
}

/** Between two nodes, seen from one of them. Either may have dialled, so it takes two wires. */
export interface Route {
  /** `nats-1→nats-2` */
  name: string;
  from: string;
  proxies: Wire[];
}

/** By which the node `from` dials the node `to`. */
interface RouteProxy {
  from: string;
  to: string;
  proxy: LinkProxy;
}

/** What `/jsz?streams=true` says, as far as it matters here (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring). */
interface JetStreamState {
  meta_cluster?: { leader?: string; cluster_size?: number };
  account_details?: { stream_detail?: { name: string; cluster?: { leader?: string } }[] }[];
}

/**
 * nats-servers with JetStream, in one cluster, each reaching the others through proxies. Clients hear of no other node than those
 * that they are given.
 */
export class NatsCluster {
  /** Each pair of nodes twice, seen from either side. */
  readonly routes: readonly Route[];
  readonly #nodes: Node[];
  readonly #proxies: readonly RouteProxy[];
  readonly #binary: string;
  readonly #logDir: string;

  private constructor(nodes: Node[], proxies: RouteProxy[], binary: string, logDir: string) {
    this.#nodes = nodes;
    this.#proxies = proxies;
    this.routes = routesOver(proxies);
    this.#binary = binary;
    this.#logDir = logDir;
  }

  /** Starts them all, and waits until they have a leader. */
  static async start(size: number, dataDir: string): Promise<NatsCluster> {
    const nodes = await drawNodes(size, dataDir);
    const proxies = await startRouteProxies(nodes);
    await configure(nodes, proxies, dataDir);
    const cluster = new NatsCluster(nodes, proxies, await ensureNatsServer(), join(dataDir, 'logs'));
    await Promise.all(cluster.names.map((name) => cluster.startNode(name)));
    await waitFor('JetStream to have a leader', () => cluster.#isWhole(), { timeoutMs: READY_TIMEOUT_MS });
    return cluster;
  }

  get names(): string[] {
    return this.#nodes.map(({ name }) => name);
  }

  get ports(): number[] {
    return this.#nodes.map(({ port }) => port);
  }

  /** Starts a node again on its data; one that runs is left alone. */
  async startNode(name: string): Promise<void> {
    const node = this.#node(name);
    if (node.process && !node.process.exit) return;
    const log = join(this.#logDir, `${name}.log`);
    node.process = await startProcess({ name, command: this.#binary, args: ['-c', node.configFile], log });
  }

  async killNode(name: string): Promise<void> {
    const { process } = this.#node(name);
    process?.kill('SIGKILL');
    await process?.exited;
  }

  /** The node that leads the event stream, or JetStream as a whole where there is no such stream. */
  async leader(): Promise<string | undefined> {
    const state = await this.#state();
    const streams = state?.account_details?.flatMap((account) => account.stream_detail ?? []) ?? [];
    const leader = streams.find(({ name }) => name === EVENTS_STREAM)?.cluster?.leader ?? state?.meta_cluster?.leader;
    return this.names.find((name) => name === leader);
  }

  async stop(): Promise<void> {
    for (const { proxy } of this.#proxies) proxy.heal();
    await Promise.all(this.#nodes.map(({ process }) => process?.stop()));
    await Promise.all(this.#proxies.map(({ proxy }) => proxy.stop()));
  }

  #node(name: string): Node {
    const node = this.#nodes.find((each) => each.name === name);
    if (!node) throw new Error(`There is no NATS node ${name}`);
    return node;
  }

  async #isWhole(): Promise<boolean> {
    const state = await this.#state();
    if (!state) return false;
    return this.#nodes.length === 1 || Boolean(state.meta_cluster?.leader);
  }

  /** As any node that answers sees it. */
  async #state(): Promise<JetStreamState | undefined> {
    for (const { monitorPort } of this.#nodes) {
      try {
        const url = `http://${HOST}:${monitorPort}/jsz?streams=true`;
        const response = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
        if (response.ok) return (await response.json()) as JetStreamState;
      } catch {
        // It is down: the next one may know.
      }
    }
    return undefined;
  }
}

async function drawNodes(size: number, dataDir: string): Promise<Node[]> {
  const nodes: Node[] = [];
  for (let i = 1; i <= size; i += 1) {
    const [name, configFile] = [`nats-${i}`, join(dataDir, `nats-${i}.conf`)];
    const [port, monitorPort, routePort] = [await freePort(), await freePort(), await freePort()];
    nodes.push({ name, port, monitorPort, routePort, configFile, process: undefined });
  }
  return nodes;
}

function startRouteProxies(nodes: readonly Node[]): Promise<RouteProxy[]> {
  const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => ({ from, to })));
  const start = async ({ from, to }: { from: Node; to: Node }): Promise<RouteProxy> => {
    return { from: from.name, to: to.name, proxy: await LinkProxy.start(to.routePort) };
  };
  return Promise.all(pairs.map(start));
}

function routesOver(proxies: readonly RouteProxy[]): Route[] {
  return proxies.map(({ from, to, proxy }) => {
    const other = proxies.find((each) => each.from === to && each.to === from)!;
    return { name: `${from}→${to}`, from, proxies: [proxy, other.proxy.reversed] };
  });
}

async function configure(nodes: readonly Node[], proxies: readonly RouteProxy[], dataDir: string): Promise<void> {
  for (const node of nodes) {
    const storeDir = join(dataDir, 'jetstream', node.name);
    await mkdir(storeDir, { recursive: true });
    // Its own among them: a node takes the size of the cluster from how many there are.
    const dialled = [
      node.routePort,
      ...proxies.filter(({ from }) => from === node.name).map(({ proxy }) => proxy.port),
    ];
    const routes = dialled.map((port) => `nats-route://${HOST}:${port}`);
    await writeFile(node.configFile, configuration(node, storeDir, nodes.length > 1 ? routes : []));
  }
}

// no_advertise: clients would learn of the nodes' own addresses, and pass the link proxies by. advertise: so would the nodes,
// which tell each other where a newcomer can be dialled; nobody listens there.
function configuration(node: Node, storeDir: string, routes: string[]): string {
  const cluster = `cluster {
  name: faults
  listen: "${HOST}:${node.routePort}"
  no_advertise: true
  advertise: "${HOST}:1"
  routes: [${routes.join(', ')}]
}
`;
  return `server_name: ${node.name}
listen: "${HOST}:${node.port}"
http: "${HOST}:${node.monitorPort}"
jetstream { store_dir: ${JSON.stringify(storeDir)}, max_memory_store: 64MB, max_file_store: 2GB }
${routes.length > 0 ? cluster : ''}`;
}
