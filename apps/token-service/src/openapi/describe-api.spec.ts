import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenAPIObject } from '@nestjs/swagger';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeApi } from './describe-api.js';

const FILE = join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'openapi.json');

describe('the OpenAPI document', () => {
  let document: OpenAPIObject;
  beforeAll(async () => void (document = await describeApi()));

  it('in docs/openapi.json is that of this code (npm run openapi writes it)', async () => {
    expect(JSON.parse(await readFile(FILE, 'utf8'))).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('says what each operation answers, when it works and when it does not', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(
        operations as Record<string, { responses: Record<string, Answer> }>,
      )) {
        const [status, answer] = Object.entries(responses).find(([code]) => code.startsWith('2'))!;
        expect(status === '204' || answer.content !== undefined, `${method} ${path}`).toBe(true);
        const errors = path.startsWith('/scim/') ? 'application/scim+json' : 'application/problem+json';
        expect(responses['default']?.content, `${method} ${path}`).toHaveProperty([errors]);
      }
    }
  });
});

interface Answer {
  content?: object;
}
