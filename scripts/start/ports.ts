import { join } from 'node:path';
import { readIfPresent, writeFileAtomic } from '../stack/atomic-file.ts';
import { freePort } from '../stack/free-port.ts';

const NAMES = ['postgres', 'nats', 'tokenService', 'tokenServiceInternal', 'upstream'] as const;

export type Ports = Record<(typeof NAMES)[number], number>;

export interface ChosenPorts {
  now: Ports;
  /** Those of the start before, as far as there was one. */
  before: Partial<Ports>;
}

/**
 * Picks the ports that the user doesn't choose: those of the last start (`<dataDir>/ports.json`) as far as they are
 * free, so that what was set up with them goes on working.
 */
export async function choosePorts(dataDir: string): Promise<ChosenPorts> {
  const path = join(dataDir, 'ports.json');
  const before = parse(await readIfPresent(path));
  const chosen: Partial<Ports> = {};
  for (const name of NAMES) chosen[name] = await freePort(before[name]);
  const now = chosen as Ports;
  await writeFileAtomic(path, `${JSON.stringify(now, undefined, 2)}\n`, 0o644);
  return { now, before };
}

function parse(text: string | undefined): Partial<Ports> {
  try {
    const known = Object.entries(JSON.parse(text ?? '{}') as Record<string, unknown>);
    return Object.fromEntries(
      known.filter(([, port]) => Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536),
    );
  } catch {
    return {};
  }
}
