import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AccessCall, accessCall, deletion, type Manner, receiptOf, settle } from './access-calls.ts';
import type { GatewayClients } from './clients.ts';
import type { Change, ChangeOutcome, Direction, Register } from './history.ts';
import { call, type Reply } from './http-call.ts';
import { SeededRandom } from './random.ts';
import { type Stage, Subject } from './subject.ts';

/** Longer than a barrier takes while gateways are away (a lease and a second) or Postgres makes it wait. */
const CALL_TIMEOUT_MS = 10_000;
const RETRY_PAUSE_MS = 250;
const REPEATS_MAX = 12;
const TOKENS = 2;
/** After these many changes a new subject takes over, so that histories stay short. */
const CHANGES_MAX = 60;
/** How long clients go on using a subject that can't be changed any more. */
const LAST_LOOK_MS = 300;

interface Dependencies {
  name: string;
  tokenServiceUrls: readonly string[];
  adminToken: string;
  stage: Stage;
  clients: readonly GatewayClients[];
  seed: number;
  onChange: (change: Change) => void;
  onRetired: (subject: Subject) => void;
}

/** Gives and takes access, one call at a time for any one subject, through all token-services. */
export class Controller {
  readonly #deps: Dependencies;
  readonly #random: SeededRandom;
  /** A kept-alive connection that was just closed would look like a lost answer. */
  readonly #agent = new Agent({ keepAlive: false });
  #stopped = false;
  #subjects = 0;

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#random = new SeededRandom(deps.seed);
  }

  /** Runs until it is told to stop. */
  async run(): Promise<void> {
    const { stage, onRetired } = this.#deps;
    while (!this.#stopped) {
      const subject = await this.#newSubject();
      if (!subject) continue;
      stage.enter(subject);
      while (!this.#stopped && !subject.isTainted && subject.history.changes.length < CHANGES_MAX)
        await this.#turn(subject);
      if (!subject.isTainted) await this.#delete(subject);
      await sleep(LAST_LOOK_MS);
      stage.leave(subject);
      onRetired(subject);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** @returns nothing when one of the calls went wrong: what it has left behind is nobody's concern */
  async #newSubject(): Promise<Subject | undefined> {
    const name = `${this.#deps.name} ${++this.#subjects}`;
    const beginMs = performance.now();
    const body = { name: `faults ${name} ${Date.now()}`, role: 'Editor' };
    const made = await this.#call({ method: 'POST', path: '/api/users', body });
    if (made.status !== 201) return this.#pauseAfterFailure();
    const { id: userId } = JSON.parse(made.body) as { id: number };
    const tokens = [];
    for (let i = 0; i < TOKENS; i += 1) {
      const body = { name: `token ${i}`, user_id: userId, expires_in_days: 1 };
      const issued = await this.#call({ method: 'POST', path: '/api/user-tokens', body });
      if (issued.status !== 201) return this.#pauseAfterFailure();
      const { id, bearer_token } = JSON.parse(issued.body) as { id: number; bearer_token: string };
      tokens.push({ id, bearer: bearer_token });
    }
    const subject = new Subject(name, userId, tokens);
    // Making the user is what gives access; its receipt speaks for the tokens too, which need no entry.
    const begun = { beginMs, endMs: performance.now(), direction: 'allow', outcome: 'returned', tokenService: '', status: 201 } as const; // prettier-ignore
    for (const register of subject.registers)
      subject.history.changes.push({ ...begun, register, receipt: receiptOf(made) });
    return subject;
  }

  async #pauseAfterFailure(): Promise<undefined> {
    await sleep(RETRY_PAUSE_MS);
    return undefined;
  }

  /** One change, asked for again until a receipt has come, then a volley of requests at every gateway. */
  async #turn(subject: Subject): Promise<void> {
    const register = this.#anyRegister(subject);
    const repeats = this.#random.chance(0.1);
    const direction = repeats ? subject.directionOf(register) : opposite(subject.directionOf(register));
    subject.turn(register, direction);
    for (let attempt = 0; attempt < REPEATS_MAX; attempt += 1) {
      const outcome = await this.#change(subject, register, direction);
      this.#volley(subject, register);
      if (outcome === 'returned' || this.#stopped) break;
      await sleep(RETRY_PAUSE_MS);
    }
    await sleep(this.#random.chance(0.3) ? 0 : this.#random.integer(10, 150));
  }

  /** The end of the user and of all of its tokens, asked for until it is said to be true everywhere. */
  async #delete(subject: Subject): Promise<void> {
    for (let attempt = 0; attempt < REPEATS_MAX; attempt += 1) {
      const outcome = await this.#ask(subject, 'active', 'deny', deletion(subject));
      this.#volley(subject, 'active');
      if (outcome === 'returned' || this.#stopped) return;
      await sleep(RETRY_PAUSE_MS);
    }
  }

  /** More often one that is shut, or nothing would ever be open: one shut register is enough to be refused. */
  #anyRegister(subject: Subject): Register {
    const { registers, tokens } = subject;
    const shut = registers.filter((register) => subject.directionOf(register) === 'deny');
    if (shut.length > 0 && this.#random.chance(0.6)) return this.#random.pick(shut);
    const ofTokens = registers.slice(-tokens.length);
    return this.#random.pick(this.#random.chance(0.6) ? ofTokens : registers);
  }

  #change(subject: Subject, register: Register, direction: Direction): Promise<ChangeOutcome> {
    return this.#ask(subject, register, direction, accessCall(subject, register, direction, this.#anyManner()));
  }

  /** Mostly the plain way, since its receipts are what is measured. */
  #anyManner(): Manner {
    if (this.#random.chance(0.8)) return 'single';
    return this.#random.chance(0.5) ? 'bulk' : 'async';
  }

  async #ask(
    subject: Subject,
    register: Register,
    direction: Direction,
    accessCall: AccessCall,
  ): Promise<ChangeOutcome> {
    const tokenService = this.#random.integer(0, this.#deps.tokenServiceUrls.length - 1);
    const beginMs = performance.now();
    // Noted before the call is sent: requests that are answered meanwhile may already go by it.
    const change: Change = { register, direction, beginMs, endMs: Infinity, outcome: 'lost', tokenService: `ts-${tokenService + 1}`, status: 0 }; // prettier-ignore
    subject.history.changes.push(change);
    const reply = await this.#call(accessCall, tokenService);
    const settled = await settle(reply, accessCall.method, (call) => this.#call(call, tokenService));
    Object.assign(change, { ...settled, endMs: performance.now(), status: reply.status });
    this.#deps.onChange(change);
    return change.outcome;
  }

  #volley(subject: Subject, register: Register): void {
    const all = subject.tokens.map((_, i) => i);
    const tokens = all.filter((i) => !register.startsWith('token:') || register === `token:${i}`);
    const kinds = register === 'role' ? (['write', 'read'] as const) : (['read'] as const);
    for (const clients of this.#deps.clients) clients.fire(subject, tokens, kinds);
  }

  #call({ path, ...how }: AccessCall, tokenService?: number): Promise<Reply> {
    const { tokenServiceUrls, adminToken } = this.#deps;
    const url = tokenService === undefined ? this.#random.pick(tokenServiceUrls) : tokenServiceUrls[tokenService]!;
    return call({ ...how, url: url + path, token: adminToken, timeoutMs: CALL_TIMEOUT_MS, agent: this.#agent });
  }
}

const opposite = (direction: Direction): Direction => (direction === 'allow' ? 'deny' : 'allow');
