import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { ensureChromium } from '../../scripts/stack/chromium-binary.ts';
import type { SessionClient } from './session-client.ts';

const RESULTS = join(import.meta.dirname, '..', '..', 'test-results', 'console');
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--force-color-profile=srgb',
  '--font-render-hinting=none',
];
const ACTION_TIMEOUT_MS = 30_000;

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** The machine's Chromium, with the console of one gateway in it. */
export class ConsoleBrowser {
  /** What pages have complained about: refusals by the policy, scripts that failed. Expected ones are taken out by the test. */
  readonly complaints: string[] = [];
  readonly url: string;
  readonly #browser: Browser;
  readonly #contexts = new Map<string, BrowserContext>();

  private constructor(url: string, browser: Browser) {
    this.url = url;
    this.#browser = browser;
  }

  static async launch(url: string): Promise<ConsoleBrowser> {
    await mkdir(RESULTS, { recursive: true });
    const executablePath = await ensureChromium();
    return new ConsoleBrowser(url, await chromium.launch({ executablePath, args: FLAGS, timeout: 60_000 }));
  }

  close(): Promise<void> {
    return this.#browser.close();
  }

  /** A page of its own, with nobody signed in. */
  async newPage(options: BrowserContextOptions = {}): Promise<Page> {
    return this.#pageIn(await this.newContext(options));
  }

  async #pageIn(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      // An answer of 4xx is what some tests are about; Chromium reports each as an error.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    return page;
  }

  /**
   * A page of somebody who has signed in already, at a path. The tabs of one session share what a browser keeps: loading and
   * compiling the console for each test took longer than many a test.
   */
  async pageOf(session: SessionClient, path: string): Promise<Page> {
    let context = this.#contexts.get(session.cookie);
    if (!context) {
      context = await this.newContext({});
      await putCookie(context, this.url, session);
      this.#contexts.set(session.cookie, context);
    }
    const page = await this.#pageIn(context);
    await page.goto(path);
    return page;
  }

  /** Signs somebody in for all the tabs of a page's session, as another tab does. */
  async signInAs(session: SessionClient, page: Page): Promise<void> {
    await putCookie(page.context(), this.url, session);
  }

  private async newContext(options: BrowserContextOptions): Promise<BrowserContext> {
    const context = await this.#browser.newContext({
      baseURL: this.url,
      viewport: DESKTOP,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'UTC',
      ...options,
    });
    context.setDefaultTimeout(ACTION_TIMEOUT_MS);
    return context;
  }
}

async function putCookie(context: BrowserContext, url: string, { cookie }: SessionClient): Promise<void> {
  const [name = '', value = ''] = cookie.split('=', 2);
  await context.addCookies([{ name, value, url, httpOnly: true, sameSite: 'Strict' }]);
}

/** Fills in the sign-in that is shown, and sends it. */
export async function fillInSignIn(page: Page, userName: string, password: string): Promise<void> {
  await page.getByLabel('User name').fill(userName);
  await page.getByLabel(/^Password/).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Where a test leaves what it has seen. */
export function resultFile(name: string): string {
  return join(RESULTS, name);
}
