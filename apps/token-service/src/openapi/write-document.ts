import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { describeApi } from './describe-api.js';

/** `npm run openapi`: writes the OpenAPI document to the file that is named, or to the output. */
const text = `${JSON.stringify(await describeApi(), null, 2)}\n`;
const [path] = process.argv.slice(2);
if (path) await writeFile(path, text);
else process.stdout.write(text);
