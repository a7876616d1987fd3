import { type ErrorObject, Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** What is wrong with a value by a schema of a document, one line each; nothing when it is right. */
export type SchemaCheck = (pointer: string, value: unknown) => string[];

/**
 * Checks values against the schemas of an OpenAPI or AsyncAPI document.
 *
 * @param document the document, or the part of it that has schemas
 * @param draft what the document's schemas are: AsyncAPI has draft 7, OpenAPI 3.1 has 2020-12
 */
export function schemaCheck(document: object, draft: '7' | '2020-12' = '7'): SchemaCheck {
  const ajv = new (draft === '7' ? Ajv : Ajv2020)({ strict: true, allowUnionTypes: true, allErrors: true });
  formats.default(ajv);
  // What these documents have beside their schemas says nothing of what is valid.
  for (const keyword of ['example', ...Object.keys(document)]) if (!ajv.getKeyword(keyword)) ajv.addKeyword(keyword);
  ajv.addSchema(document, 'document');
  return (pointer, value) => {
    const validate = ajv.getSchema(`document${pointer}`);
    if (!validate) throw new Error(`There is no schema at ${pointer}`);
    return validate(value) ? [] : validate.errors!.map(worded);
  };
}

function worded({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath || '/'} ${message} ${JSON.stringify(params)}`;
}
