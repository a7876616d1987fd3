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

The console is at ${services.console_url}; sign in as "admin", with this password:
  cat ${quote(`${dataDir}/admin-password`)}
Call the example API with the admin's token:
  curl -H "Authorization: Bearer $(cat ${quote(`${dataDir}/admin-token`)})" ${first}/api/datastores

Ctrl-C stops everything.`;
}

/** @returns a connection URL, or several NATS URLs parted by commas, with nothing in it that may be a secret. */
export function hostOf(url: string): string {
  if (/^postgres(ql)?:/.test(url)) return withoutSecrets(url, true);
  return url
    .split(',')
    .map((each) => withoutSecrets(each.trim(), false))
    .join(',');
}

/** The URL is put together anew: a password may also be in its query, or hold what looks like the end of it. */
function withoutSecrets(url: string, hasDatabase: boolean): string {
  const parsed = URL.parse(url.includes('://') ? url : `nats://${url}`);
  return parsed ? `${parsed.protocol}//${parsed.host}${hasDatabase ? parsed.pathname : ''}` : '…';
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
