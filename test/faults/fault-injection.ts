import type { Fault, FaultKind } from './fault-plan.ts';
import { type LaneCondition, SOUND } from './lane.ts';
import type { LinkCondition, LinkProxy } from './link-proxy.ts';
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
  'gateway cut off': async (system, { target, lane }) => {
    const links = system.links.filter(({ from }) => from === target);
    return impose(
      links.flatMap(({ proxies }) => proxies),
      { out: lane ?? SOUND, back: lane ?? SOUND },
    );
  },
  'token-service frozen': freeze,
  'token-service killed': kill,
  'NATS node killed': ({ nats }, { target }) => killNats(nats, [target!]),
  'NATS leader killed': async ({ nats }) => killNats(nats, [(await nats.leader()) ?? nats.names[0]!]),
  'NATS down': ({ nats }) => killNats(nats, nats.names),
  'Postgres restarted': (system) => stopPostgres(system, false),
  'Postgres crashed': (system) => stopPostgres(system, true),
  'link delayed': (system, fault) => imposeOnLink(system, fault, (lane) => ({ out: lane, back: lane })),
  'link cut one way, out': (system, fault) => imposeOnLink(system, fault, (lane) => ({ out: lane, back: SOUND })),
  'link cut one way, back': (system, fault) => imposeOnLink(system, fault, (lane) => ({ out: SOUND, back: lane })),
  'link cut both ways': (system, fault) => imposeOnLink(system, fault, (lane) => ({ out: lane, back: lane })),
};

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

async function imposeOnLink(
  { links }: System,
  { target, lane }: Fault,
  conditionOf: (lane: LaneCondition) => LinkCondition,
): Promise<Heal> {
  const link = links.find(({ name }) => name === target);
  if (!link || !lane) throw new Error(`There is no link ${target}`);
  return impose(link.proxies, conditionOf(lane));
}

async function impose(proxies: readonly LinkProxy[], condition: LinkCondition): Promise<Heal> {
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
