import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Paths of PEM files. A certificate and its key go together; authorities are those that the other side is checked against. */
export interface TlsFiles {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
}

/** What the files hold, as `node:tls` takes it. */
export interface TlsMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** Where a renewal is reported; Nest's Logger will do. */
export interface TlsLog {
  log(message: string): void;
  warn(message: string): void;
}

/** The files can't be used as they are. */
export class TlsFilesError extends Error {
  override name = 'TlsFilesError';
}

const POLL_MS = 5_000;
const FILE_CHARACTERS_MAX = 1_048_576;
const EXPIRY_WARNING_MS = 14 * 24 * 60 * 60_000;

/**
 * Certificate, key and authorities, read at the start and again whenever a file has changed: a renewed certificate needs no restart.
 * What can't be used, such as a new certificate beside a key that is still the old one, leaves all as it was until the next look.
 */
export class CertificateFiles {
  readonly #listeners: ((material: TlsMaterial) => void)[] = [];
  #material: TlsMaterial;
  #refused: string | undefined;
  #poll: NodeJS.Timeout | undefined;

  private constructor(
    private readonly files: TlsFiles,
    private readonly log: TlsLog,
    material: TlsMaterial,
  ) {
    this.#material = material;
    this.#warnOfExpiry();
  }

  /**
   * Reads the files and follows them from now on.
   *
   * @param pollMs how often to look: a mounted secret reports no change
   * @throws TlsFilesError when one can't be read, is no PEM, or key and certificate don't belong together
   */
  static open(files: TlsFiles, log: TlsLog, pollMs = POLL_MS): CertificateFiles {
    const opened = new CertificateFiles(files, log, readMaterial(files));
    opened.#poll = setInterval(() => opened.#look(), pollMs).unref();
    return opened;
  }

  get current(): TlsMaterial {
    return this.#material;
  }

  /** Calls `listener` with what the files hold after each renewal. */
  onRenewal(listener: (material: TlsMaterial) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#poll);
  }

  #look(): void {
    try {
      const found = readMaterial(this.files);
      this.#refused = undefined;
      if (isSame(found, this.#material)) return;
      this.#material = found;
      for (const listener of this.#listeners) listener(found);
      this.log.log(`took over ${names(this.files)}${validity(found)}`);
      this.#warnOfExpiry();
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#refused) this.log.warn(`${message}; going on with what was there before`);
      this.#refused = message;
    }
  }

  #warnOfExpiry(): void {
    const { cert } = this.#material;
    if (cert === undefined) return;
    if (endOf(cert).getTime() - Date.now() < EXPIRY_WARNING_MS)
      this.log.warn(`the certificate in ${this.files.certFile}${validity({ cert })}`);
  }
}

function readMaterial(files: TlsFiles): TlsMaterial {
  const { certFile, keyFile, caFile } = files;
  const material = {
    ...(certFile !== undefined && { cert: readPem(certFile) }),
    ...(keyFile !== undefined && { key: readPem(keyFile) }),
    ...(caFile !== undefined && { ca: readPem(caFile) }),
  };
  try {
    createSecureContext(material);
    if (material.ca !== undefined) endOf(material.ca); // a context takes anything for authorities
  } catch (error) {
    throw new TlsFilesError(`${names(files)} can't be used: ${(error as Error).message}`);
  }
  return material;
}

function readPem(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length <= FILE_CHARACTERS_MAX) return text;
  } catch (error) {
    throw new TlsFilesError(`${path} can't be read: ${(error as Error).message}`);
  }
  throw new TlsFilesError(`${path} is larger than 1 MiB`);
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.cert === other.cert && one.key === other.key && one.ca === other.ca;
}

function names({ certFile, keyFile, caFile }: TlsFiles): string {
  return [certFile, keyFile, caFile].filter((file) => file !== undefined).join(', ');
}

function validity({ cert }: TlsMaterial): string {
  return cert === undefined ? '' : ` is valid until ${endOf(cert).toISOString()}`;
}

/** @throws when it is no certificate */
function endOf(pem: string): Date {
  return new X509Certificate(pem).validToDate;
}
