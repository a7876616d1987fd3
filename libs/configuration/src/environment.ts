import { readFileSync } from 'node:fs';
import { ConfigurationError } from './configuration-error.js';

/** The environment as a process has it, or as a file holds it. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads one setting at a time and remembers what was wrong; a wrong setting reads as its fallback, so that all that is wrong
 * shows at once. An empty variable is one that is not set: compose files pass on unset ones as empty.
 */
export class Environment {
  readonly #faults: string[] = [];

  /** @param readFile how the file is read that `NAME_FILE` names */
  constructor(
    private readonly variables: Variables,
    private readonly readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
  ) {}

  /** @throws ConfigurationError when anything was wrong */
  assertRight(): void {
    if (this.#faults.length > 0) throw new ConfigurationError(this.#faults);
  }

  /** Notes what is wrong with a setting, never its value. @returns the fallback */
  fault<T>(name: string, what: string, fallback: T): T {
    const line = `${name} ${what}`;
    if (!this.#faults.includes(line)) this.#faults.push(line);
    return fallback;
  }

  optional(name: string): string | undefined {
    return this.variables[name]?.trim() || undefined;
  }

  text(name: string, fallback: string): string {
    return this.optional(name) ?? fallback;
  }

  /**
   * A setting of any form.
   *
   * @param parse returns undefined for what is not of this form
   * @param form in words that follow "must be"
   */
  parsed<T, F>(name: string, parse: (text: string) => T | undefined, form: string, fallback: F): T | F {
    const text = this.optional(name);
    return text === undefined ? fallback : (parse(text) ?? this.fault(name, `must be ${form}`, fallback));
  }

  integer<F extends number | undefined>(name: string, fallback: F, min: number, max: number): number | F {
    const form = `an integer from ${min} to ${max}`;
    return this.parsed(name, (text) => parseInteger(text, min, max), form, fallback);
  }

  /** @param never the word that says that there is no such limit, which reads as undefined */
  integerOr(never: string, name: string, fallback: number, min: number, max: number): number | undefined {
    const form = `an integer from ${min} to ${max}, or ${never}`;
    const parse = (text: string): number | typeof never | undefined =>
      text === never ? never : parseInteger(text, min, max);
    const value = this.parsed(name, parse, form, fallback);
    return typeof value === 'number' ? value : undefined;
  }

  oneOf<T extends string, F extends T | undefined>(name: string, choices: readonly T[], fallback: F): T | F {
    const form = `one of ${choices.join(', ')}`;
    return this.parsed(name, (text) => choices.find((choice) => choice === text), form, fallback);
  }

  /** {@link parsed} for each of what is separated by commas. */
  parsedList<T>(name: string, parse: (text: string) => T | undefined, form: string, fallback: T[]): T[] {
    const parsedAll = (text: string): T[] | undefined => {
      const values = listed(text).map(parse);
      return values.every((value) => value !== undefined) ? (values as T[]) : undefined;
    };
    return this.parsed(name, parsedAll, form, fallback);
  }

  /** What is separated by commas, each trimmed and none empty. */
  list(name: string): string[] {
    return listed(this.optional(name) ?? '');
  }

  /** A path, under the name that it has in a library's options. */
  file<K extends string>(key: K, name: string): { [key in K]?: string } {
    const path = this.optional(name);
    return (path === undefined ? {} : { [key]: path }) as { [key in K]?: string };
  }

  /** The paths of a certificate and its key, both or neither. */
  pair(certName: string, keyName: string): { certFile: string; keyFile: string } | undefined {
    const [certFile, keyFile] = [this.optional(certName), this.optional(keyName)];
    if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
    return certFile === keyFile ? undefined : this.fault(certName, `and ${keyName} go together`, undefined);
  }

  /** Required, from `NAME` or from the file that `NAME_FILE` names; empty when it is missing, which is noted. */
  secret(name: string): string {
    return this.optionalSecret(name) ?? this.fault(name, `is required (or ${name}_FILE)`, '');
  }

  optionalSecret(name: string): string | undefined {
    const [value, path] = [this.optional(name), this.optional(`${name}_FILE`)];
    if (path === undefined) return value;
    if (value !== undefined) return this.fault(name, `is given twice: by ${name} and by ${name}_FILE`, value);
    try {
      return this.readFile(path).trim() || undefined;
    } catch (error) {
      return this.fault(`${name}_FILE`, `can't be read: ${(error as Error).message}`, '');
    }
  }

  /** A {@link secret} that two programs share, and that goes into an HTTP header. */
  sharedSecret(name: string, charactersMin: number): string {
    const secret = this.secret(name);
    if (secret === '' || (secret.length >= charactersMin && /^[\x21-\x7E]+$/.test(secret))) return secret;
    return this.fault(name, `must be at least ${charactersMin} printable ASCII characters without spaces`, '');
  }

  /** URLs with their passwords, separated by commas, at least one. @param schemes without the colon */
  secretUrls(name: string, schemes: readonly string[]): string[] {
    const text = this.secret(name);
    const urls = listed(text);
    if (text !== '' && urls.length === 0) return this.fault(name, `is required (or ${name}_FILE)`, []);
    return urls.map((url) => this.#url(name, url, schemes));
  }

  /** {@link secretUrls}, of which there is one. */
  secretUrl(name: string, schemes: readonly string[]): string {
    return this.#url(name, this.secret(name), schemes);
  }

  optionalSecretUrl(name: string, schemes: readonly string[]): string | undefined {
    const url = this.optionalSecret(name);
    return url === undefined ? undefined : this.#url(name, url, schemes);
  }

  #url(name: string, url: string, schemes: readonly string[]): string {
    const { protocol } = URL.parse(url) ?? {};
    if (url === '' || schemes.some((scheme) => protocol === `${scheme}:`)) return url;
    return this.fault(name, `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`, '');
  }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseInteger(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}
