import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asyncApiText } from './asyncapi-text.ts';

// `npm run asyncapi`: writes docs/asyncapi.yaml.
const repository = join(import.meta.dirname, '..', '..');
const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as { version: string };
await writeFile(join(repository, 'docs', 'asyncapi.yaml'), asyncApiText(version));
