import { type FactoryProvider, Inject, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { TokenVerifier } from '@portcullis/access-control';
import { NatsClient } from '@portcullis/messaging';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { TOKEN_SERVICE_TLS, type TokenServiceTls } from '../tls/token-service-tls.js';
import { type AccessComponents, assembleAccess, startAccess } from './access-components.js';
import { AccessFollower } from './access-follower.js';
import { AccessReplica } from './access-replica.js';
import { ChangeFeed } from './change-feed.js';
import { systemClock } from './clock.js';
import { CALL_TIMEOUT_MS, InternalApiClient } from './internal-api.client.js';
import { Lease } from './lease.js';
import { StandingAccess } from './standing-access.js';
import { TrafficMeter } from './traffic-meter.js';

const ACCESS_COMPONENTS = Symbol('ACCESS_COMPONENTS');

const components: FactoryProvider<AccessComponents> = {
  provide: ACCESS_COMPONENTS,
  inject: [GATEWAY_CONFIG, NatsClient, InternalApiClient, TrafficMeter],
  useFactory: (config: GatewayConfig, nats: NatsClient, api: InternalApiClient, traffic: TrafficMeter) => {
    const logger = new Logger('AccessView');
    return assembleAccess({
      instance: config.instance,
      worker: config.worker,
      whenStale: config.whenStale,
      verifiedTokensMax: config.verifiedTokensMax,
      api,
      nats,
      clock: systemClock,
      traffic,
      log: { info: (message) => logger.log(message), warn: (message) => logger.warn(message) },
    });
  },
};

const internalApi: FactoryProvider<InternalApiClient> = {
  provide: InternalApiClient,
  inject: [GATEWAY_CONFIG, TOKEN_SERVICE_TLS],
  useFactory: ({ internalUrls, internalSecret }: GatewayConfig, tls: TokenServiceTls | undefined) =>
    new InternalApiClient(internalUrls, internalSecret, systemClock, tls?.connector(CALL_TIMEOUT_MS)),
};

function part<T>(provide: FactoryProvider['provide'], pick: (all: AccessComponents) => T): FactoryProvider<T> {
  return { provide, inject: [ACCESS_COMPONENTS], useFactory: pick };
}

const parts = [
  part(AccessReplica, ({ replica }) => replica),
  part(Lease, ({ lease }) => lease),
  part(TokenVerifier, ({ verifier }) => verifier),
  part(AccessFollower, ({ follower }) => follower),
  part(ChangeFeed, ({ feed }) => feed),
  part(StandingAccess, ({ standing }) => standing),
];

/** Keeps the view of who may enter, from the start of the app until its lease is released (see `shutdown.ts`). */
@Module({
  providers: [TrafficMeter, internalApi, components, ...parts],
  exports: [TrafficMeter, internalApi, ...parts],
})
export class AccessViewModule implements OnApplicationBootstrap {
  constructor(@Inject(ACCESS_COMPONENTS) private readonly all: AccessComponents) {}

  onApplicationBootstrap(): void {
    startAccess(this.all);
  }
}
