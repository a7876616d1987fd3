import { ROLES, type Role } from '@portcullis/contracts';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { parseRate, type Rate, RATE_FORM } from '../limits/rate.js';
import { shadowedOwnPath } from './own-paths.js';
import { parseRequestTarget } from './request-target.js';
import { DEFAULT_READ_ROLE, DEFAULT_WRITE_ROLE, RoleRequirement, type RoleRules } from './role-requirement.js';
import type { CorsPolicy, Route, RouteLimits } from './route.js';

const ROUTES_MAX = 1_000;
const UPSTREAMS_MAX = 16;
const ORIGINS_MAX = 100;
const METHOD = /^[A-Z]{1,20}$/;
const ROUTE_FIELDS = [
  'prefix',
  'upstreams',
  'roles',
  'forward_authorization',
  'encoded_slash',
  'path_parameters',
  'cors',
  'limits',
];

type Path = readonly (string | number)[];
type Fields = Record<string, unknown>;

/** What a routes file says, or all that is wrong with it, each with line and field. */
export type ParsedRoutes = { routes: Route[]; faults: [] } | { routes: undefined; faults: string[] };

/**
 * Parses and checks a routes file.
 *
 * @param text YAML
 * @param name of the file, for messages
 */
export function parseRoutes(text: string, name: string): ParsedRoutes {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const reader = new RoutesReader(document, lines, name);
  if (document.errors.length > 0) {
    return { routes: undefined, faults: document.errors.map((error) => reader.located(error.pos[0], error.message)) };
  }
  const routes = reader.read();
  return reader.faults.length > 0 ? { routes: undefined, faults: reader.faults } : { routes, faults: [] };
}

/** Reads field by field and notes what is wrong; a wrong field reads as its default. */
class RoutesReader {
  readonly faults: string[] = [];

  constructor(
    private readonly document: Document,
    private readonly lines: LineCounter,
    private readonly name: string,
  ) {}

  read(): Route[] {
    let content: unknown;
    try {
      content = this.document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      this.fault([], (error as Error).message);
      return [];
    }
    const top = this.fields([], content, ['routes']);
    const routes = this.list(['routes'], top['routes'], 0, ROUTES_MAX).map((value, i) =>
      this.route(['routes', i], value),
    );
    this.refuseDuplicates(routes);
    return routes;
  }

  located(offset: number, message: string): string {
    return `${this.name}:${this.lines.linePos(offset).line}: ${message}`;
  }

  private route(path: Path, value: unknown): Route {
    const fields = this.fields(path, value, ROUTE_FIELDS);
    const prefix = this.prefix([...path, 'prefix'], fields['prefix']);
    const upstreams = this.list([...path, 'upstreams'], fields['upstreams'], 1, UPSTREAMS_MAX);
    return {
      prefix,
      upstreams: upstreams.map((upstream, i) => this.upstream([...path, 'upstreams', i], upstream)),
      roles: new RoleRequirement(this.roles([...path, 'roles'], fields['roles'])),
      forwardAuthorization: this.flag([...path, 'forward_authorization'], fields['forward_authorization']),
      passesEncodedSlash: this.passes([...path, 'encoded_slash'], fields['encoded_slash']),
      passesParameters: this.passes([...path, 'path_parameters'], fields['path_parameters']),
      cors: this.cors([...path, 'cors'], fields['cors']),
      limits: this.limits([...path, 'limits'], fields['limits']),
    };
  }

  private prefix(path: Path, value: unknown): string {
    if (typeof value !== 'string') return this.fault(path, 'must be a path, e.g. /api/datastores', '/');
    const prefix = value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value;
    const target = parseRequestTarget(prefix);
    if (!('path' in target) || target.target !== prefix || prefix.includes('?')) {
      return this.fault(path, 'must be a normalised path that starts with /, without a query', '/');
    }
    if (target.hasEncodedSlash || target.hasParameters) return this.fault(path, 'may not hold %2F or ;', '/');
    const own = shadowedOwnPath(prefix);
    if (own) return this.fault(path, `${prefix} shadows Portcullis's own path ${own.prefix}`, '/');
    return prefix;
  }

  private upstream(path: Path, value: unknown): string {
    const url = typeof value === 'string' ? URL.parse(value) : null;
    const plain =
      url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.hash && !url.username;
    return plain ? url.origin : this.fault(path, 'must be an http:// or https:// address without a path', '');
  }

  private roles(path: Path, value: unknown): RoleRules {
    const methods: Record<string, Role> = {};
    let read = DEFAULT_READ_ROLE;
    let write = DEFAULT_WRITE_ROLE;
    if (value === undefined) return { read, write, methods };
    for (const [key, role] of Object.entries(this.mapping(path, value))) {
      const known = ROLES.find((candidate) => candidate === role);
      if (known === undefined) this.fault([...path, key], `must be one of ${ROLES.join(', ')}`);
      else if (key === 'read') read = known;
      else if (key === 'write') write = known;
      else if (METHOD.test(key)) methods[key] = known;
      else this.fault([...path, key], 'must be read, write or a method in upper case');
    }
    return { read, write, methods };
  }

  private cors(path: Path, value: unknown): CorsPolicy | undefined {
    if (value === undefined) return undefined;
    const fields = this.fields(path, value, ['origins']);
    const origins = this.list([...path, 'origins'], fields['origins'], 1, ORIGINS_MAX);
    origins.forEach((origin, i) => {
      if (typeof origin === 'string' && URL.parse(origin)?.origin === origin) return;
      this.fault([...path, 'origins', i], 'must be an origin such as https://app.example.com, without a path');
    });
    return { origins: new Set(origins as string[]) };
  }

  private limits(path: Path, value: unknown): RouteLimits | undefined {
    if (value === undefined) return undefined;
    const fields = this.fields(path, value, ['per_token', 'per_user']);
    const perToken = this.rate([...path, 'per_token'], fields['per_token']);
    const perUser = this.rate([...path, 'per_user'], fields['per_user']);
    return perToken || perUser ? { perToken, perUser } : undefined;
  }

  private rate(path: Path, value: unknown): Rate | undefined {
    return value === undefined ? undefined : (parseRate(value) ?? this.fault(path, `must be ${RATE_FORM}`, undefined));
  }

  private flag(path: Path, value: unknown): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    return this.fault(path, 'must be true or false', false);
  }

  private passes(path: Path, value: unknown): boolean {
    if (value === undefined || value === 'refuse' || value === 'pass') return value === 'pass';
    return this.fault(path, 'must be refuse or pass', false);
  }

  private fields(path: Path, value: unknown, known: readonly string[]): Fields {
    const fields = this.mapping(path, value);
    for (const key of Object.keys(fields)) {
      if (!known.includes(key)) this.fault([...path, key], `is not known here; known are ${known.join(', ')}`);
    }
    return fields;
  }

  private mapping(path: Path, value: unknown): Fields {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
    return this.fault(path, 'must be a mapping (key: value)', {});
  }

  private list(path: Path, value: unknown, min: number, max: number): unknown[] {
    if (Array.isArray(value) && value.length >= min && value.length <= max) return value;
    return this.fault(path, `must be a list of ${min} to ${max} entries`, []);
  }

  private refuseDuplicates(routes: readonly Route[]): void {
    routes.forEach((route, i) => {
      const first = routes.findIndex((other) => other.prefix === route.prefix);
      if (first < i && this.faults.length === 0) {
        this.fault(['routes', i, 'prefix'], `${route.prefix} is given twice, first in routes[${first}]`);
      }
    });
  }

  private fault(path: Path, message: string): void;
  private fault<T>(path: Path, message: string, fallback: T): T;
  private fault<T>(path: Path, message: string, fallback?: T): T | undefined {
    const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
    this.faults.push(this.located(this.offsetOf(path), `${field.slice(1) || 'the file'}: ${message}`));
    return fallback;
  }

  /** Where the field is, or the nearest thing around it that is there. */
  private offsetOf(path: Path): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const node: unknown = this.document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return 0;
  }
}
