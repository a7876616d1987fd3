import type { OpenAPIObject } from '@nestjs/swagger';

type Example = { value: unknown } | { $ref: string };

/** Puts examples of errors that several operations have into the components, once each. */
export function shareExamples(document: OpenAPIObject): OpenAPIObject {
  const uses = new Map<string, number>();
  eachErrorExample(document, (name, example) => {
    const key = keyOf(name, example);
    uses.set(key, (uses.get(key) ?? 0) + 1);
    return example;
  });
  const shared: Record<string, Example> = {};
  const names = new Map<string, string>();
  eachErrorExample(document, (name, example) => {
    const key = keyOf(name, example);
    if (uses.get(key)! < 2) return example;
    const known = names.get(key) ?? freeName(shared, name);
    names.set(key, known);
    shared[known] = example;
    return { $ref: `#/components/examples/${known}` };
  });
  return { ...document, components: { ...document.components, examples: shared as never } };
}

const keyOf = (name: string, example: Example): string => `${name} ${JSON.stringify(example)}`;

function freeName(taken: object, name: string): string {
  let free = name;
  for (let number = 2; free in taken; number++) free = `${name}_${number}`;
  return free;
}

function eachErrorExample({ paths }: OpenAPIObject, replace: (name: string, example: Example) => Example): void {
  for (const item of Object.values(paths)) {
    for (const operation of Object.values(item as Record<string, { responses?: Record<string, Answer> }>)) {
      for (const [status, { content = {} }] of Object.entries(operation.responses ?? {})) {
        if (Number(status) < 400) continue;
        for (const { examples = {} } of Object.values(content)) {
          for (const [name, example] of Object.entries(examples)) examples[name] = replace(name, example);
        }
      }
    }
  }
}

interface Answer {
  content?: Record<string, { examples?: Record<string, Example> }>;
}
