import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CertificateFiles, TlsFilesError, type TlsMaterial } from './certificate-files.js';

const folder = mkdtempSync(join(tmpdir(), 'portcullis-tls-'));
const path = (name: string): string => join(folder, name);
const [certFile, keyFile] = [path('tls.crt'), path('tls.key')];

function selfSigned(name: string, days: number): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path(`${name}.key`)];
  const certificate = ['-subj', `/CN=${name}`, '-days', String(days), '-out', path(`${name}.crt`)];
  execFileSync(process.env['OPENSSL_BIN'] ?? 'openssl', ['req', '-x509', ...key, ...certificate], { stdio: 'pipe' });
}

beforeAll(() => {
  selfSigned('old', 365);
  selfSigned('new', 3);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const log = { log: vi.fn<(message: string) => void>(), warn: vi.fn<(message: string) => void>() };

it('takes over a renewed pair as a whole, whichever of its files comes first, and warns of its end', async () => {
  await copyFile(path('old.crt'), certFile);
  await copyFile(path('old.key'), keyFile);
  const files = CertificateFiles.open({ certFile, keyFile }, log, 10);
  try {
    const before = files.current;
    const renewed = vi.fn<(material: TlsMaterial) => void>();
    files.onRenewal(renewed);

    await copyFile(path('new.crt'), certFile);
    await vi.waitFor(
      () => expect(log.warn).toHaveBeenCalledWith(expect.stringContaining('key values mismatch')),
      20_000,
    );
    expect(files.current).toBe(before);
    expect(renewed).not.toHaveBeenCalled();

    await copyFile(path('new.key'), keyFile);
    await vi.waitFor(() => expect(renewed).toHaveBeenCalledTimes(1), 20_000);
    expect(files.current.cert).not.toBe(before.cert);
    expect(log.warn).toHaveBeenCalledTimes(2);
    expect(log.warn).toHaveBeenLastCalledWith(expect.stringMatching(/valid until \d{4}-/));
  } finally {
    files.close();
  }
});

it.each([
  ['is not there', path('none.crt')],
  ['holds something else', path('junk.crt')],
])('refuses at the start an authority that %s, and names the file', (_what, caFile) => {
  writeFileSync(path('junk.crt'), 'no certificate');
  const open = (): CertificateFiles => CertificateFiles.open({ caFile }, log);
  expect(open).toThrow(TlsFilesError);
  expect(open).toThrow(caFile);
});
