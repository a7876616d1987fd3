import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import asyncApi from '@asyncapi/specs';
import { EVENT_SUBJECTS, type EventType } from '@portcullis/contracts';
import { Ajv } from 'ajv';
import { expect, it } from 'vitest';
import { buildAsyncApiDocument } from './asyncapi-document.ts';
import { asyncApiText } from './asyncapi-text.ts';
import { exampleOf } from './event-examples.ts';
import { schemaCheck } from './schema-check.ts';

const VERSION = '0.1.0';
const document = buildAsyncApiDocument(VERSION) as { components: object };

it('docs/asyncapi.yaml is that of this code (npm run asyncapi writes it)', async () => {
  const file = join(import.meta.dirname, '..', '..', 'docs', 'asyncapi.yaml');
  expect(await readFile(file, 'utf8')).toBe(asyncApiText(VERSION));
});

it('the document keeps to AsyncAPI 3.0, by the schema of the AsyncAPI Initiative', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.validate(asyncApi.schemasWithoutId['3.0.0'] as object, document);
  expect(ajv.errors).toBeNull();
});

it.each(Object.keys(EVENT_SUBJECTS) as EventType[])('the example of %s keeps to its schema', (type) => {
  const check = schemaCheck({ components: document.components });
  expect(check(`#/components/schemas/${type}`, exampleOf(type))).toEqual([]);
});
