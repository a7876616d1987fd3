import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../scripts/stack/free-port.ts';
import { ensureNatsServer } from '../../scripts/stack/nats-server-binary.ts';
import { type ManagedProcess, startProcess } from '../../scripts/stack/processes.ts';
import { waitFor } from '../../scripts/stack/wait-for.ts';

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 1_000;
const EVENTS_STREAM = 'PORTCULLIS_EVENTS';

interface Node {
  name: string;
  port: number;
  monitorPort: number;
  configFile: string;
  process: ManagedProcess | undefined;
}

/** What `/jsz?streams=true` says, as far as it matters here (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring). */
interface JetStreamState {
  meta_cluster?: { leader?: string; cluster_size?: number };
  account_details?: { stream_detail?: { name: string; cluster?: { leader?: string } }[] }[];
}

/** nats-servers with JetStream, in one cluster. Clients hear of no other node than those that they are given. */
export class NatsCluster {
  readonly #nodes: Node[];
  readonly #binary: string;
  readonly #logDir: string;

  private constructor(nodes: Node[], binary: string, logDir: string) {
    this.#nodes = nodes;
    this.#binary = binary;
    this.#logDir = logDir;
  }

  /** Starts them all, and waits until they have a leader. */
  static async start(size: number, dataDir: string): Promise<NatsCluster> {
    const cluster = new NatsCluster(await configure(size, dataDir), await ensureNatsServer(), join(dataDir, 'logs'));
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
    await Promise.all(this.#nodes.map(({ process }) => process?.stop()));
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

async function configure(size: number, dataDir: string): Promise<Node[]> {
  const nodes: (Node & { routePort: number })[] = [];
  for (let i = 1; i <= size; i += 1) {
    const [name, configFile] = [`nats-${i}`, join(dataDir, `nats-${i}.conf`)];
    const [port, monitorPort, routePort] = [await freePort(), await freePort(), await freePort()];
    nodes.push({ name, port, monitorPort, routePort, configFile, process: undefined });
  }
  const routes = nodes.map(({ routePort }) => `nats-route://${HOST}:${routePort}`);
  for (const node of nodes) {
    const storeDir = join(dataDir, 'jetstream', node.name);
    await mkdir(storeDir, { recursive: true });
    await writeFile(node.configFile, configuration(node, storeDir, size > 1 ? routes : []));
  }
  return nodes;
}

// no_advertise: clients would learn of the nodes' own addresses, and pass the link proxies by.
function configuration(node: Node & { routePort: number }, storeDir: string, routes: string[]): string {
  const cluster = `cluster {
  name: faults
  listen: "${HOST}:${node.routePort}"
  no_advertise: true
  routes: [${routes.join(', ')}]
}
`;
  return `server_name: ${node.name}
listen: "${HOST}:${node.port}"
http: "${HOST}:${node.monitorPort}"
jetstream { store_dir: ${JSON.stringify(storeDir)}, max_memory_store: 64MB, max_file_store: 2GB }
${routes.length > 0 ? cluster : ''}`;
}
