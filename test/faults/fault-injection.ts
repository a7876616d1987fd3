import type { Fault, FaultKind } from './fault-plan.ts';
import { type LaneCondition, SOUND } from './lane.ts';
import type { LinkCondition, Wire } from './link-proxy.ts';
import type { SupervisedApp } from './supervised-app.ts';
import type { System } from './system.ts';

/** Ends a fault. What was killed is started again; the rest is up to the system. */
export type Heal = () => Promise<void>;

type Injector = (system: System, fault: Fault) => Promise<Heal>;

/** Puts a fault in force. */
export function inject(system: System, fault: Fault): Promise<Heal> {
  return INJECTORS[fault.kind](system, fault);
}

const INJECTORS: Record<FaultKind, Injector> = {
  'gateway frozen': freeze,
  'gateway killed': kill,
  'gateway cut off': ({ links }, fault) => cutOff(links, fault),
  'token-service frozen': freeze,
  'token-service killed': kill,
  'NATS node killed': ({ nats }, { target }) => killNats(nats, [target!]),
  'NATS leader killed': async ({ nats }) => killNats(nats, [(await nats.leader()) ?? nats.names[0]!]),
  'NATS down': ({ nats }) => killNats(nats, nats.names),
  'NATS node cut off from the others': ({ nats }, fault) => cutOff(nats.routes, fault),
  'NATS route delayed': ({ nats }, fault) => imposeOnLink(nats.routes, fault, bothWays),
  'NATS route cut one way': ({ nats }, fault) => imposeOnLink(nats.routes, fault, outOnly),
  'NATS route cut both ways': ({ nats }, fault) => imposeOnLink(nats.routes, fault, bothWays),
  'Postgres restarted': (system) => stopPostgres(system, false),
  'Postgres crashed': (system) => stopPostgres(system, true),
  'link delayed': ({ links }, fault) => imposeOnLink(links, fault, bothWays),
  'link cut one way, out': ({ links }, fault) => imposeOnLink(links, fault, outOnly),
  'link cut one way, back': ({ links }, fault) => imposeOnLink(links, fault, backOnly),
  'link cut both ways': ({ links }, fault) => imposeOnLink(links, fault, bothWays),
};

const bothWays = (lane: LaneCondition): LinkCondition => ({ out: lane, back: lane });
const outOnly = (lane: LaneCondition): LinkCondition => ({ out: lane, back: SOUND });
const backOnly = (lane: LaneCondition): LinkCondition => ({ out: SOUND, back: lane });

async function freeze(system: System, { target }: Fault): Promise<Heal> {
  const app = appNamed(system, target);
  app.freeze();
  return async () => app.thaw();
}

async function kill(system: System, { target }: Fault): Promise<Heal> {
  const app = appNamed(system, target);
  await app.kill();
  return () => app.revive();
}

async function killNats(nats: System['nats'], names: readonly string[]): Promise<Heal> {
  await Promise.all(names.map((name) => nats.killNode(name)));
  return async () => void (await Promise.all(names.map((name) => nats.startNode(name))));
}

async function stopPostgres(system: System, abruptly: boolean): Promise<Heal> {
  await system.stopPostgres(abruptly);
  return () => system.startPostgres();
}

/** What a fault finds between two parts. */
interface Between {
  name: string;
  from: string;
  proxies: readonly Wire[];
}

async function cutOff(links: readonly Between[], { target, lane }: Fault): Promise<Heal> {
  const own = links.filter(({ from }) => from === target);
  if (own.length === 0 || !lane) throw new Error(`There are no links of ${target}`);
  return impose(
    own.flatMap(({ proxies }) => proxies),
    bothWays(lane),
  );
}

async function imposeOnLink(
  links: readonly Between[],
  { target, lane }: Fault,
  conditionOf: (lane: LaneCondition) => LinkCondition,
): Promise<Heal> {
  const link = links.find(({ name }) => name === target);
  if (!link || !lane) throw new Error(`There is no link ${target}`);
  return impose(link.proxies, conditionOf(lane));
}

async function impose(proxies: readonly Wire[], condition: LinkCondition): Promise<Heal> {
  for (const proxy of proxies) proxy.impose(condition);
  return async () => {
    for (const proxy of proxies) proxy.heal();
  };
}

function appNamed({ apps }: System, name: string | undefined): SupervisedApp {
  const app = apps.find((each) => each.name === name);
  if (!app) throw new Error(`There is no process ${name}`);
  return app;
}
