import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A file of the page that shows the API's description. */
export interface DocsFile {
  readonly contentType: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** A strong entity tag, quoted (RFC 9110 section 8.8.3), for each encoding. */
  readonly etag: { readonly identity: string; readonly gzip: string };
}

/** Where the page's own files are; the gateway hands on all that is below. */
const PATH = '/api/docs';

/** The page itself; the paths are those of {@link FILES}. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Portcullis API</title>
    <link rel="stylesheet" href="${PATH}/swagger-ui.css" />
    <link rel="stylesheet" href="${PATH}/page.css" />
    <link rel="icon" href="/favicon.svg" />
  </head>
  <body>
    <main id="docs"><noscript>This page needs JavaScript; the description itself is at <a href="/api/openapi.json">/api/openapi.json</a>.</noscript></main>
    <script src="${PATH}/swagger-ui-bundle.js"></script>
    <script src="${PATH}/page.js"></script>
  </body>
</html>
`;

/** A call that is tried out goes by the session, where somebody is signed in, so it carries what a page of our own sends. */
const SCRIPT = `'use strict';
SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (request.loadSpec !== true) request.headers['X-Portcullis-Csrf'] = '1';
    return request;
  },
});
`;

const STYLE = `body { margin: 0; }
.swagger-ui .info { margin: 24px 0; }
`;

const HTML = 'text/html; charset=utf-8';
const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';

/** What there is, by its name below {@link PATH}; the page itself has none. All of it is on this machine. */
const FILES: Readonly<Record<string, { contentType: string; read: () => Promise<Buffer> }>> = {
  '': { contentType: HTML, read: () => Promise.resolve(Buffer.from(PAGE)) },
  'page.js': { contentType: JAVASCRIPT, read: () => Promise.resolve(Buffer.from(SCRIPT)) },
  'page.css': { contentType: CSS, read: () => Promise.resolve(Buffer.from(STYLE)) },
  'swagger-ui.css': { contentType: CSS, read: () => readSwaggerUi('swagger-ui.css') },
  'swagger-ui-bundle.js': { contentType: JAVASCRIPT, read: () => readSwaggerUi('swagger-ui-bundle.js') },
};

/** Reads the files of the page when they are first asked for, and keeps them. */
export class DocsPage {
  readonly #files = new Map<string, Promise<DocsFile>>();

  /** @returns the file of this name, `''` for the page itself; undefined when there is none */
  file(name: string): Promise<DocsFile> | undefined {
    if (!Object.hasOwn(FILES, name)) return undefined;
    const known = this.#files.get(name);
    if (known) return known;
    const file = readDocsFile(name);
    this.#files.set(name, file);
    file.catch(() => this.#files.delete(name));
    return file;
  }
}

async function readDocsFile(name: string): Promise<DocsFile> {
  const { contentType, read } = FILES[name]!;
  const body = await read();
  const gzipped = await promisify(gzip)(body);
  return { contentType, body, gzipped, etag: { identity: tagOf(body), gzip: tagOf(gzipped) } };
}

function readSwaggerUi(file: string): Promise<Buffer> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return readFile(join(folder, file));
}

function tagOf(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url')}"`;
}
