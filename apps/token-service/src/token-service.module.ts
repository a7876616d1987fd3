import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { AccessGuard, errorFormFor } from '@portcullis/access-control';
import { type Problem, ProblemFilter, problemValidationPipe } from '@portcullis/contracts';
import { MessagingModule } from '@portcullis/messaging';
import { TRACING, type Tracing } from '@portcullis/telemetry';
import { AccessFeed } from './access/access-feed.js';
import { AccessLedger } from './access/access-ledger.js';
import { RefusedChange } from './access/access-outcome.js';
import { AccessController } from './access/access.controller.js';
import { GatewayLeases } from './access/gateway-leases.js';
import { GatewayProgress } from './access/gateway-progress.js';
import { InternalSecretGuard } from './access/internal-secret.guard.js';
import { InternalController } from './access/internal.controller.js';
import { LeasePool } from './access/lease-pool.js';
import { LeaseSweeper } from './access/lease-sweeper.js';
import { ReceiptInterceptor } from './access/receipt.interceptor.js';
import { RevocationBarrier } from './access/revocation-barrier.js';
import { AccessSnapshot } from './access/snapshot.js';
import { AuditList } from './audit/audit-list.js';
import { AuditPurge } from './audit/audit-purge.js';
import { AuditController } from './audit/audit.controller.js';
import { RefusedRequests } from './audit/refused-requests.js';
import { CredentialGuard } from './authentication/credential.guard.js';
import { IssuedTokenAuthenticator } from './authentication/issued-token-authenticator.js';
import { IssuedTokens } from './authentication/issued-tokens.js';
import { TokenUseInterceptor } from './authentication/token-use.interceptor.js';
import { FirstAdmin } from './bootstrap/first-admin.js';
import { CliCodes } from './cli/cli-codes.js';
import { CliTokens } from './cli/cli-tokens.js';
import { CliController } from './cli/cli.controller.js';
import { CONFIG, type TokenServiceConfig } from './config.js';
import { databaseProblem } from './database/database-errors.js';
import { DatabaseModule } from './database/database.module.js';
import { EVENTS_OPTIONS } from './events/events-options.js';
import { EventsModule } from './events/events.module.js';
import { GatewayList } from './gateways/gateway-list.js';
import { GatewaysController } from './gateways/gateways.controller.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { JwksController } from './keys/jwks.controller.js';
import { KeyAtStart } from './keys/key-at-start.js';
import { KeyRetirement } from './keys/key-retirement.js';
import { KeyRotation } from './keys/key-rotation.js';
import { KeysController } from './keys/keys.controller.js';
import { masterKeyProblem } from './keys/master-key-problem.js';
import { MasterKeys } from './keys/master-keys.js';
import { RetiredKeyTokens } from './keys/retired-key-tokens.js';
import { Secrets } from './keys/secrets.js';
import { SigningKeys } from './keys/signing-keys.js';
import { LiveCredentials } from './live-updates/live-credentials.js';
import { LiveUpdates } from './live-updates/live-updates.js';
import { LiveUpdatesController } from './live-updates/live-updates.controller.js';
import { TokenServiceMetrics } from './metrics/token-service-metrics.js';
import { DocsController } from './openapi/docs.controller.js';
import { OpenApiController, OpenApiDocument } from './openapi/openapi.controller.js';
import { ExpiredTokens } from './retention/expired-tokens.js';
import { RetentionSchedule } from './retention/retention-schedule.js';
import { Retention } from './retention/retention.js';
import { SCIM_CONTROLLERS, SCIM_PROVIDERS } from './scim/scim.parts.js';
import { PasswordChange } from './sessions/password-change.js';
import { PasswordController } from './sessions/password.controller.js';
import { Passwords } from './sessions/passwords.js';
import { SessionCookie } from './sessions/session-cookie.js';
import { SessionViews } from './sessions/session-views.js';
import { Sessions } from './sessions/sessions.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SignIn } from './sessions/sign-in.js';
import { SignInLimits } from './sessions/sign-in-limits.js';
import { TeamsController } from './teams/teams.controller.js';
import { TeamsService } from './teams/teams.service.js';
import { BulkRevocation } from './tokens/bulk-revocation.js';
import { TokenIssuer } from './tokens/token-issuer.js';
import { TokenList } from './tokens/token-list.js';
import { TokensController } from './tokens/tokens.controller.js';
import { TokensService } from './tokens/tokens.service.js';
import { LeaseKeys, USAGE_OPTIONS } from './usage/usage-options.js';
import { TracesAtEnd } from './tracing/traces-at-end.js';
import { UsageModule } from './usage/usage.module.js';
import { UserList } from './users/user-list.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

const ACCESS = [
  AccessFeed,
  AccessLedger,
  AccessSnapshot,
  GatewayLeases,
  GatewayProgress,
  LeasePool,
  LeaseSweeper,
  RevocationBarrier,
];
const SESSIONS = [PasswordChange, Passwords, SessionCookie, Sessions, SessionViews, SignIn, SignInLimits];
const CONSOLE = [CliCodes, CliTokens, GatewayList, LiveCredentials, LiveUpdates];
const AUDIT = [AuditList, AuditPurge, RefusedRequests];
const KEYS = [KeyAtStart, KeyRetirement, KeyRotation, RetiredKeyTokens, Secrets, SigningKeys];
const PEOPLE_AND_TOKENS = [UsersService, UserList, TeamsService, TokensService, BulkRevocation, TokenIssuer, TokenList];

/** Guards run in this order; each refuses what it finds no rule for. */
const DOOR = [
  { provide: APP_GUARD, useClass: InternalSecretGuard },
  { provide: APP_GUARD, useClass: CredentialGuard },
  { provide: APP_GUARD, useClass: AccessGuard },
  { provide: APP_INTERCEPTOR, useClass: TokenUseInterceptor },
  { provide: APP_INTERCEPTOR, useClass: ReceiptInterceptor },
  { provide: APP_PIPE, useFactory: problemValidationPipe },
  { provide: APP_FILTER, useValue: new ProblemFilter(problemOf, ({ url }) => errorFormFor(url)) },
];

/** This app's own errors, as the problems that they are to the caller. */
function problemOf(error: unknown): Problem | undefined {
  return error instanceof RefusedChange ? error.problem : (masterKeyProblem(error) ?? databaseProblem(error));
}

@Global()
@Module({})
export class TokenServiceModule {
  /** @param tracing undefined: there are no traces */
  static register(config: TokenServiceConfig, tracing?: Tracing): DynamicModule {
    return {
      module: TokenServiceModule,
      imports: [
        DatabaseModule.register(),
        MessagingModule.register({ servers: config.natsServers, files: config.natsFiles, name: 'token-service' }),
        EventsModule,
        TerminusModule.forRoot({ logger: false }),
        UsageModule,
      ],
      controllers: [
        TokensController,
        AccessController,
        UsersController,
        TeamsController,
        SessionsController,
        PasswordController,
        CliController,
        GatewaysController,
        AuditController,
        KeysController,
        LiveUpdatesController,
        InternalController,
        JwksController,
        HealthController,
        DocsController,
        OpenApiController,
        ...SCIM_CONTROLLERS,
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: TRACING, useValue: tracing },
        { provide: EVENTS_OPTIONS, useValue: { databaseUrl: config.databaseUrl, replicas: config.eventsReplicas } },
        {
          provide: USAGE_OPTIONS,
          useValue: { tokenUsedIntervalSeconds: config.tokenUsedIntervalSeconds, replicas: config.eventsReplicas },
        },
        { provide: LeaseKeys, useExisting: GatewayLeases },
        { provide: MasterKeys, useFactory: () => new MasterKeys(config.masterKeys) },
        ...ACCESS,
        ...AUDIT,
        ...KEYS,
        ...PEOPLE_AND_TOKENS,
        ...SESSIONS,
        ...CONSOLE,
        ...SCIM_PROVIDERS,
        ...DOOR,
        IssuedTokens,
        IssuedTokenAuthenticator,
        FirstAdmin,
        ExpiredTokens,
        Readiness,
        Retention,
        RetentionSchedule,
        TokenServiceMetrics,
        OpenApiDocument,
        TracesAtEnd,
      ],
      exports: [CONFIG, MasterKeys, EVENTS_OPTIONS, USAGE_OPTIONS, LeaseKeys],
    };
  }
}
