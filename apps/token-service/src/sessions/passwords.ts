import { randomBytes } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Problem } from '@portcullis/contracts';
import { hashPassword, passwordMatches } from './password-hash.js';

/** Each takes 19 MiB and a thread for tens of milliseconds; more than this at once means that the others wait too long. */
const AT_ONCE_MAX = 64;
const BUSY = new Problem(503, 'busy', 'Too many passwords are being checked at the moment; try again', {
  headers: { 'Retry-After': '1' },
});

/** Hashes and checks passwords, a bounded number at once. */
@Injectable()
export class Passwords implements OnModuleInit {
  #ofNobody: string;
  #running = 0;

  async onModuleInit(): Promise<void> {
    this.#ofNobody = await hashPassword(randomBytes(32).toString('base64url'));
  }

  /** @throws Problem 503 `busy` */
  hash(password: string): Promise<string> {
    return this.#bounded(() => hashPassword(password));
  }

  /**
   * Whether a password is right. Without a hash it isn't, and takes just as long.
   * @throws Problem 503 `busy`
   */
  async matches(password: string, hash: string | null | undefined): Promise<boolean> {
    const isRight = await this.#bounded(() => passwordMatches(password, hash ?? this.#ofNobody));
    return isRight && hash !== null && hash !== undefined;
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE_MAX) throw BUSY;
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
    }
  }
}
