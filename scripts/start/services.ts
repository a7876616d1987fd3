/** What `<dataDir>/services.json` says: where everything is. `pid` is null for what was not started here. */
export interface Services {
  gateways: { url: string; pid: number; instance: string }[];
  token_service: Service;
  nats: Service;
  postgres: Service;
  example_upstream: Service;
  console_url: string;
}

export interface Service {
  url: string;
  pid: number | null;
}

/**
 * @param dataDir as the user would write it.
 * @returns what a user wants to know once everything runs. No secret is in it, only where they are.
 */
export function summary(services: Services, dataDir: string, routesFile: string): string {
  const rows: [string, string][] = [
    ...services.gateways.map(({ url, instance }): [string, string] => [`gateway ${instance}`, url]),
    ['token-service', services.token_service.url],
    ['example API', `${services.example_upstream.url}/api/datastores`],
    ['postgres', hostOf(services.postgres.url)],
    ['nats', hostOf(services.nats.url)],
    ['guarded APIs', routesFile],
    ['logs', `${dataDir}/logs`],
    ['for tools', `${dataDir}/services.json`],
  ];
  const table = rows.map(([name, value]) => `  ${name.padEnd(16)}${value}`).join('\n');
  const first = services.gateways[0]?.url ?? '';
  return `${table}

The password of the user "admin":
  cat ${quote(`${dataDir}/admin-password`)}
Call the example API with the admin's token:
  curl -H "Authorization: Bearer $(cat ${quote(`${dataDir}/admin-token`)})" ${first}/api/datastores

Ctrl-C stops everything.`;
}

/** @returns a connection URL, or several parted by commas, without the user and password in it. */
export function hostOf(url: string): string {
  return url.replaceAll(/\/\/[^/,]*@/g, '//');
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
