import { join } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import { generateClient } from './generate-client.ts';

// `npm run console:client`: the console's typed client, from the OpenAPI document that `npm run openapi` writes.
const repository = join(import.meta.dirname, '..', '..');
const document = JSON.parse(await readFile(join(repository, 'docs', 'openapi.json'), 'utf8')) as object;
for (const [name, text] of Object.entries(await generateClient(document))) {
  await writeFile(join(repository, 'apps', 'console', 'src', 'api', 'generated', name), text);
}
