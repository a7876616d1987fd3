import { Controller, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, type MicroserviceOptions, NatsContext, Payload, Transport } from '@nestjs/microservices';

export interface Heard {
  subject: string;
  data: { event: { id: string; type: string } };
}

const heard: Heard[] = [];

/** Listens to everything of Portcullis's, also where only the stream should: there it answers in JetStream's place. */
@Controller()
class GreedyController {
  @EventPattern<string>('portcullis.>')
  any(@Payload() data: Heard['data'], @Ctx() context: NatsContext): void {
    if (data.event) heard.push({ subject: context.getSubject(), data });
  }
}

@Module({ controllers: [GreedyController] })
class GreedyModule {}

/** A stock Nest microservice that is connected to NATS and listens to more than it should. */
export class StockSubscriber {
  private constructor(private readonly app: INestMicroservice) {}

  static async start(natsUrl: string): Promise<StockSubscriber> {
    heard.length = 0;
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(GreedyModule, {
      transport: Transport.NATS,
      options: { servers: [natsUrl] },
      logger: false,
    });
    await app.listen();
    return new StockSubscriber(app);
  }

  /** Events whose subject begins so, in order. */
  heard(subjectPrefix: string): Heard[] {
    return heard.filter(({ subject }) => subject.startsWith(subjectPrefix));
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}
