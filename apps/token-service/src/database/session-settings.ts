/**
 * What a database session is set to, behind what the URL asks for in its `options`, such as a search path. pg takes the URL's alone
 * where there are both; then nothing would end the session of a frozen process, which holds locks.
 *
 * @param settings each `name=value`
 */
export function withSettings(
  databaseUrl: string,
  settings: readonly string[],
): { connectionString: string; options: string } {
  const ours = settings.map((setting) => `-c ${setting}`);
  const url = new URL(databaseUrl);
  const theirs = url.searchParams.get('options');
  if (theirs === null) return { connectionString: databaseUrl, options: ours.join(' ') };
  url.searchParams.delete('options');
  return { connectionString: url.href, options: [theirs, ...ours].join(' ') }; // of two, Postgres takes the last
}
