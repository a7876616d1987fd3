import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeTraces } from './otlp-protobuf.ts';

export type Kind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';
const KINDS: readonly (Kind | undefined)[] = [undefined, 'internal', 'server', 'client', 'producer', 'consumer'];

/** A span as a backend sees it, and which service sent it. */
export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  kind: Kind | undefined;
  failed: boolean;
  attributes: Record<string, unknown>;
}

/** The parts of OTLP's JSON form that are looked at; the protobuf form is decoded to the same. */
export interface OtlpTraces {
  resourceSpans?: {
    resource?: { attributes?: OtlpAttribute[] };
    scopeSpans?: { spans?: OtlpSpan[] }[];
  }[];
}
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind?: number;
  attributes?: OtlpAttribute[];
  status?: { code?: number };
}
export interface OtlpAttribute {
  key: string;
  value: OtlpValue;
}
export interface OtlpValue {
  stringValue?: string;
  intValue?: number | string;
  boolValue?: boolean;
  doubleValue?: number;
  arrayValue?: { values?: OtlpValue[] };
}

/** A receiver for traces over OTLP/HTTP, as a collector is one. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** All that came, as it came. */
  readonly bodies: Buffer[] = [];
  readonly contentTypes = new Set<string>();
  /** Takes requests and answers none of them. */
  hangs = false;
  /** How many it has left without an answer. */
  held = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#receive(request, response));
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  trace(traceId: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    if (this.hangs) {
      this.held += 1;
      return;
    }
    const contentType = request.headers['content-type'] ?? '';
    const isJson = contentType.includes('json');
    this.bodies.push(body);
    this.contentTypes.add(contentType);
    if (request.url === '/v1/traces')
      this.spans.push(...spansOf(isJson ? (JSON.parse(body.toString()) as OtlpTraces) : decodeTraces(body)));
    response.writeHead(200, { 'Content-Type': contentType }).end(isJson ? '{}' : '');
  }
}

function spansOf({ resourceSpans = [] }: OtlpTraces): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(attributesOf(resource?.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => received(span, service)));
  });
}

function received(span: OtlpSpan, service: string): ReceivedSpan {
  const { traceId, spanId, parentSpanId, name, kind = 0, status } = span;
  const attributes = attributesOf(span.attributes);
  return {
    service,
    traceId,
    spanId,
    parentSpanId: parentSpanId || undefined,
    name,
    kind: KINDS[kind],
    failed: status?.code === 2,
    attributes,
  };
}

function attributesOf(attributes: readonly OtlpAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf({ stringValue, intValue, boolValue, doubleValue, arrayValue }: OtlpValue): unknown {
  if (arrayValue) return (arrayValue.values ?? []).map(valueOf);
  return stringValue ?? boolValue ?? doubleValue ?? (intValue === undefined ? undefined : Number(intValue));
}
