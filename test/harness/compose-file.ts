import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';

/** One service of a compose file, as far as tests look at it, with nothing left out. */
export interface ComposeService {
  image: string;
  build?: { target: string };
  environment: Record<string, string>;
  secrets: string[];
  /** `source:target[:ro]` */
  volumes: string[];
  networks: string[];
  ports: string[];
  read_only?: boolean;
  stop_grace_period?: string;
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  secrets: Record<string, { file: string }>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean }>;
}

const interpolated = (_key: unknown, value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1') : value;

/** Reads a compose file with its anchors and merges resolved, and the defaults of its `${NAME:-default}`. */
export async function readComposeFile(path: string): Promise<ComposeFile> {
  const file = parse(await readFile(path, 'utf8'), interpolated, { merge: true }) as ComposeFile;
  for (const service of Object.values(file.services)) {
    service.environment = { ...service.environment };
    service.secrets ??= [];
    service.volumes ??= [];
    service.ports ??= [];
  }
  return file;
}
