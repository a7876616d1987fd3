import { join } from 'node:path';
import { readIfPresent, writeFileAtomic } from '../stack/atomic-file.ts';

const TEMPLATE = 'portcullis.routes.yaml';
const HEADER = `# The APIs that the gateway of this data folder guards. Made by the first "npm start" from the repository's
# ${TEMPLATE} and yours to edit: the gateway reads it again when it changes, and later starts change nothing
# but the port of the example upstream.

`;

/**
 * Makes `<dataDir>/routes.yaml` on the first start, from the repository's portcullis.routes.yaml with the example
 * upstream's port put in. Later the file is the user's, and only that port is kept right.
 *
 * @param portBefore the upstream's port at the last start.
 * @returns its path.
 * @throws when the repository's file is missing.
 */
export async function ensureRoutesFile(
  repository: string,
  dataDir: string,
  port: number,
  portBefore: number | undefined,
): Promise<string> {
  const path = join(dataDir, 'routes.yaml');
  const present = await readIfPresent(path);
  if (present !== undefined) {
    const renewed = portBefore === undefined ? present : replacePort(present, portBefore, port);
    if (renewed !== present) await writeFileAtomic(path, renewed, 0o644);
    return path;
  }
  const template = await readIfPresent(join(repository, TEMPLATE));
  if (template === undefined) throw new Error(`${TEMPLATE} is missing from ${repository}`);
  await writeFileAtomic(path, HEADER + replacePort(template, 4001, port), 0o644);
  return path;
}

function replacePort(text: string, from: number, to: number): string {
  return text.replaceAll(new RegExp(`(?<=//(?:127\\.0\\.0\\.1|localhost):)${from}(?!\\d)`, 'g'), String(to));
}
