import { Controller, Get } from '@nestjs/common';

@Controller('healthz')
export class HealthController {
  /** Answers as long as the process serves requests. */
  @Get()
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
