import { type DynamicModule, Inject, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { MessagingModule } from '@portcullis/messaging';
import { TRACING, type Tracing } from '@portcullis/telemetry';
import { AccessViewModule } from './access-view/access-view.module.js';
import { StandingAccess } from './access-view/standing-access.js';
import { TrafficMeter } from './access-view/traffic-meter.js';
import { AuthenticationModule } from './authentication/authentication.module.js';
import { BearerGate } from './authentication/gate.js';
import { RoutesFile } from './authorization/routes-file.js';
import { GATEWAY_CONFIG, type GatewayConfig } from './config.js';
import { HealthModule } from './health/health.module.js';
import { GatewayMetrics } from './metrics/gateway-metrics.js';
import { RequestObserver } from './observation/request-observer.js';
import { DataPath } from './proxy/data-path.js';
import { TOKEN_SERVICE_TLS, TokenServiceTls } from './tls/token-service-tls.js';
import { UsageModule } from './usage/usage.module.js';
import { UsageReporter } from './usage/usage-reporter.js';

/** The gateway's app. What it passes on never reaches Nest: `DataPath` stands in front of the router (see `main.ts`). */
@Module({
  imports: [AccessViewModule, AuthenticationModule, UsageModule, HealthModule],
  providers: [
    GatewayMetrics,
    {
      provide: DataPath,
      inject: [
        GATEWAY_CONFIG,
        BearerGate,
        UsageReporter,
        RoutesFile,
        TrafficMeter,
        StandingAccess,
        RequestObserver,
        TOKEN_SERVICE_TLS,
      ],
      useFactory: (
        config: GatewayConfig,
        gate: BearerGate,
        usage: UsageReporter,
        routes: RoutesFile,
        traffic: TrafficMeter,
        standing: StandingAccess,
        observer: RequestObserver | undefined,
        tls: TokenServiceTls | undefined,
      ) => new DataPath(config, gate, usage, routes, new Logger(DataPath.name), traffic, standing, observer, tls),
    },
  ],
})
export class AuthGatewayModule implements OnApplicationBootstrap {
  constructor(@Inject(RoutesFile) private readonly routes: RoutesFile) {}

  /**
   * @param observer undefined: no request is logged or traced
   * @param tracing undefined: there are no traces
   * @param tokenServiceTls undefined: token-services are asked without files of ours
   */
  static register(
    config: GatewayConfig,
    routes: RoutesFile,
    observer: RequestObserver | undefined,
    tracing: Tracing | undefined,
    tokenServiceTls: TokenServiceTls | undefined,
  ): DynamicModule {
    return {
      module: AuthGatewayModule,
      providers: [
        { provide: RoutesFile, useValue: routes },
        { provide: RequestObserver, useValue: observer },
        { provide: TRACING, useValue: tracing },
      ],
      imports: [
        ConfigModule.register(config, tokenServiceTls),
        MessagingModule.register({
          servers: config.natsUrls,
          files: config.natsFiles,
          name: connectionName(config),
        }),
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.routes.watch();
  }
}

function connectionName({ instance, workers, worker }: GatewayConfig): string {
  return `portcullis-gateway ${instance}${workers > 1 ? ` worker ${worker}` : ''}`;
}

/** Gives the settings to every module. */
@Module({})
class ConfigModule {
  static register(config: GatewayConfig, tokenServiceTls: TokenServiceTls | undefined): DynamicModule {
    const providers = [
      { provide: GATEWAY_CONFIG, useValue: config },
      { provide: TOKEN_SERVICE_TLS, useValue: tokenServiceTls },
    ];
    return { module: ConfigModule, global: true, providers, exports: [GATEWAY_CONFIG, TOKEN_SERVICE_TLS] };
  }
}
