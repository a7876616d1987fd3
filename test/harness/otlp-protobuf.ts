import type { OtlpAttribute, OtlpSpan, OtlpTraces, OtlpValue } from './otlp-receiver.ts';

/** The fields of a protobuf message by number; each as often as it is there. */
type Fields = Map<number, (Buffer | bigint)[]>;

/** Reads an ExportTraceServiceRequest (opentelemetry-proto), as far as tests look at it. */
export function decodeTraces(body: Buffer): OtlpTraces {
  return { resourceSpans: messages(fieldsOf(body), 1).map(resourceSpans) };
}

function resourceSpans(fields: Fields) {
  const [resource] = messages(fields, 1);
  return {
    resource: { attributes: resource ? messages(resource, 1).map(attribute) : [] },
    scopeSpans: messages(fields, 2).map((scope) => ({ spans: messages(scope, 2).map(span) })),
  };
}

function span(fields: Fields): OtlpSpan {
  const [status] = messages(fields, 15);
  return {
    traceId: bytes(fields, 1).toString('hex'),
    spanId: bytes(fields, 2).toString('hex'),
    parentSpanId: bytes(fields, 4).toString('hex'),
    name: bytes(fields, 5).toString(),
    kind: Number(fields.get(6)?.[0] ?? 0),
    attributes: messages(fields, 9).map(attribute),
    status: { code: Number(status?.get(3)?.[0] ?? 0) },
  };
}

function attribute(fields: Fields): OtlpAttribute {
  return { key: bytes(fields, 1).toString(), value: value(messages(fields, 2)[0] ?? new Map()) };
}

function value(fields: Fields): OtlpValue {
  if (fields.has(1)) return { stringValue: bytes(fields, 1).toString() };
  if (fields.has(2)) return { boolValue: fields.get(2)![0] === 1n };
  if (fields.has(3)) return { intValue: String(fields.get(3)![0]) };
  if (fields.has(4)) return { doubleValue: bytes(fields, 4).readDoubleLE() };
  if (fields.has(5)) return { arrayValue: { values: messages(messages(fields, 5)[0]!, 1).map(value) } };
  return {};
}

const bytes = (fields: Fields, number: number): Buffer => (fields.get(number)?.[0] as Buffer) ?? Buffer.alloc(0);
const messages = (fields: Fields, number: number): Fields[] =>
  (fields.get(number) ?? []).map((message) => fieldsOf(message as Buffer));

function fieldsOf(message: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
  };
  const take = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.length) {
    const key = Number(varint());
    const [number, wireType] = [key >> 3, key & 7];
    const read = { 0: varint, 1: () => take(8), 2: () => take(Number(varint())), 5: () => take(4) }[wireType];
    if (!read) throw new Error(`wire type ${wireType}`);
    fields.set(number, [...(fields.get(number) ?? []), read()]);
  }
  return fields;
}
