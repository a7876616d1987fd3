import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownSettings } from './harness/known-settings.ts';
import { headingAnchors, linkTargets, readMarkdown } from './harness/markdown.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const DOCS = join(REPOSITORY, 'docs');
const CONTENTS = join(DOCS, 'README.md');

const pages = (await readdir(DOCS, { recursive: true })).filter((file) => file.endsWith('.md')).map((file) => join(DOCS, file)); // prettier-ignore
const manual = [...pages, join(REPOSITORY, 'README.md'), join(REPOSITORY, 'AGENTS.md')];

const isThere = (file: string): Promise<boolean> => access(file).then(() => true, () => false); // prettier-ignore

/** @returns why a link of a page leads nowhere, if it does */
async function deadLink(page: string, target: string): Promise<string | undefined> {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path, anchor] = target.split('#');
  const file = path ? resolve(dirname(page), path) : page;
  if (!(await isThere(file))) return `${target}: there is no such file`;
  if (anchor === undefined) return undefined;
  return headingAnchors(await readMarkdown(file)).includes(anchor) ? undefined : `${target}: there is no such heading`;
}

describe('the manual', () => {
  it('lists every page of docs/ in its contents; reports and decisions by their folder', async () => {
    const linked = linkTargets(await readMarkdown(CONTENTS)).map((target) => resolve(DOCS, target));
    const listed = (page: string): boolean => linked.some((target) => page === target || dirname(page) === target);
    expect(pages.filter((page) => page !== CONTENTS && !listed(page)).map((page) => relative(DOCS, page))).toEqual([]);
  });

  it.each(manual.map((page) => relative(REPOSITORY, page)))('%s links to nothing that is not there', async (name) => {
    const page = join(REPOSITORY, name);
    const dead = await Promise.all(linkTargets(await readMarkdown(page)).map((target) => deadLink(page, target)));
    expect(dead.filter(Boolean)).toEqual([]);
  });
});

/** What a model says of the code: `Class.member`, with a `#` where it is private, and constants and columns by their names. */
const MEMBER = /\b([A-Z]\w+)\.(#?[a-z]\w*)\b/g;
const CONSTANT = /\b[A-Z]+(?:_[A-Z]+)+\b/g;

describe('the models', () => {
  it('name what is in the code', async () => {
    const models = await Promise.all(
      ['access-ledger.pml', 'introspection.pml', 'README.md'].map((file) =>
        readFile(join(DOCS, 'models', file), 'utf8'),
      ),
    );
    const sources = await sourcesOf('token-service', 'auth-gateway');
    const members = models.flatMap((text) => [...text.matchAll(MEMBER)]).filter(([name]) => !name.endsWith('.md'));
    const constants = models.flatMap((text) => [...text.matchAll(CONSTANT)]);
    expect(members.length).toBeGreaterThan(15);
    const unknown = [
      ...members.filter(([, owner, member]) => !sources.some((code) => declares(code, owner!, member!))),
      ...constants.filter(([name]) => !sources.some((code) => code.toLowerCase().includes(name.toLowerCase()))),
    ];
    expect(unknown.map(([name]) => name)).toEqual([]);
  });
});

/** As a method, with its parameters, or as a field. */
function declares(code: string, owner: string, member: string): boolean {
  return code.includes(`class ${owner} `) && new RegExp(`[ .]${member}\\s*[(<:=]`).test(code);
}

async function sourcesOf(...apps: string[]): Promise<string[]> {
  const folders = apps.map((app) => join(REPOSITORY, 'apps', app, 'src'));
  const lists = await Promise.all(
    folders.map(async (folder) => (await readdir(folder, { recursive: true })).map((file) => join(folder, file))),
  );
  const files = lists.flat().filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  return Promise.all(files.map((file) => readFile(file, 'utf8')));
}

/** What an app is told by itself, or by its tests alone. */
const NOT_FOR_OPERATORS = ['PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE', 'PORTCULLIS_WORKER'];

/** The variables in the tables below a heading of docs/configuration.md; those with `(_FILE)` twice. */
async function documentedSettings(heading: string): Promise<string[]> {
  const text = await readMarkdown(join(DOCS, 'configuration.md'));
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const cells = [...section.matchAll(/^\| (.*?) +\|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => {
    const names = [...cell.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name!);
    return cell.includes('(`_FILE`)') ? names.flatMap((name) => [name, `${name}_FILE`]) : names;
  });
}

describe('docs/configuration.md', () => {
  it.each(['token-service', 'auth-gateway'] as const)(
    'has every setting that the %s reads, under its heading, and no other',
    async (app) => {
      const read = [...(await knownSettings(app))].filter((name) => !NOT_FOR_OPERATORS.includes(name));
      expect((await documentedSettings(app)).toSorted()).toEqual(read.toSorted());
    },
  );

  it('has what tracing is set up with under its own heading, and the settings of npm start under theirs', async () => {
    const code = await readFile(join(REPOSITORY, 'libs/telemetry/src/tracing-settings.ts'), 'utf8');
    const read = [...new Set([...code.matchAll(/'(OTEL_[A-Z_]+)'/g)].map(([, name]) => name!))];
    expect(await documentedSettings('Traces, of both apps')).toEqual(expect.arrayContaining(read));
    const help = await readFile(join(REPOSITORY, 'scripts/start/options.mjs'), 'utf8');
    const options = [...new Set([...help.matchAll(/env\['([A-Z_]+)'\]|readUrl\('([A-Z_]+)'/g)].map((match) => match[1] ?? match[2]!))]; // prettier-ignore
    expect((await documentedSettings('`npm start`')).toSorted()).toEqual([...options, 'NATS_SERVER_BIN'].toSorted());
  });
});
