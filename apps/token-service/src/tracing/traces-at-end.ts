import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { TRACING, type Tracing } from '@portcullis/telemetry';

const TIMEOUT_MS = 2_000;

/** Sends the last spans before the process ends. */
@Injectable()
export class TracesAtEnd implements OnApplicationShutdown {
  constructor(@Optional() @Inject(TRACING) private readonly tracing: Tracing | undefined) {}

  async onApplicationShutdown(): Promise<void> {
    await this.tracing?.shutDown(TIMEOUT_MS);
  }
}
