import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SYSTEM_ACTOR } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { KeyRotation } from './key-rotation.js';
import { SigningKeys } from './signing-keys.js';

/** Sees to it that a key of the configured algorithm signs before the token-service serves anyone. */
@Injectable()
export class KeyAtStart implements OnModuleInit {
  readonly #logger = new Logger(KeyAtStart.name);

  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    private readonly keys: SigningKeys,
    private readonly rotation: KeyRotation,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** @throws WrongMasterKeyError */
  async onModuleInit(): Promise<void> {
    await this.rotation.makeFirst();
    const { kid, alg } = await this.keys.openAll(this.dataSource.manager);
    if (alg === this.config.tokenAlgorithm) return;
    this.#logger.log(`${kid} is a key for ${alg}; rotating to one for ${this.config.tokenAlgorithm}`);
    await this.rotation.rotate(SYSTEM_ACTOR);
  }
}
