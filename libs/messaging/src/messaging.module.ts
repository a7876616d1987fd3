import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { NatsClient, type NatsClientOptions } from './nats-client.js';

const NATS_CLIENT_OPTIONS = Symbol('NATS_CLIENT_OPTIONS');

export interface MessagingModuleAsyncOptions extends Pick<DynamicModule, 'imports'> {
  inject?: unknown[];
  useFactory: (...args: never[]) => NatsClientOptions | Promise<NatsClientOptions>;
}

/** Provides {@link NatsClient} everywhere. Being global it is shut down last, after all that publish have flushed. */
@Module({})
export class MessagingModule implements OnApplicationShutdown {
  constructor(@Inject(NatsClient) private readonly client: NatsClient) {}

  static register(options: NatsClientOptions): DynamicModule {
    return MessagingModule.registerAsync({ useFactory: () => options });
  }

  static registerAsync({ imports, inject, useFactory }: MessagingModuleAsyncOptions): DynamicModule {
    return {
      module: MessagingModule,
      global: true,
      imports: imports ?? [],
      providers: [
        { provide: NATS_CLIENT_OPTIONS, inject: (inject ?? []) as never[], useFactory },
        {
          provide: NatsClient,
          inject: [NATS_CLIENT_OPTIONS],
          useFactory: (options: NatsClientOptions) => new NatsClient(options),
        },
      ],
      exports: [NatsClient],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
