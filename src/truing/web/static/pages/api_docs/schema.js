// OpenAPI read for people: operations in order, types in a few words, examples.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 4;

/** All operations as rows, each with the text it is found by. */
export function operations(root) {
  return Object.entries(root.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const told = item[method];
      const [summary, ...rest] = (told.description ?? told.summary ?? "").split("\n\n");
      return {
        id: told.operationId ?? `${method}-${path}`,
        method,
        path,
        tag: told.tags?.[0] ?? "others",
        summary: summary.split(/\.\s|\.$/)[0],
        description: [summary, ...rest].join("\n\n"),
        parameters: [...(item.parameters ?? []), ...(told.parameters ?? [])].map((one) => resolved(one, root)),
        body: resolved(told.requestBody, root),
        responses: told.responses ?? {},
        text: `${method} ${path} ${told.description ?? ""} ${told.summary ?? ""} ${(told.tags ?? []).join(" ")}`.toLowerCase(),
      };
    }),
  );
}

/** What a `$ref` leads to; anything else as it is. */
function resolved(node, root) {
  if (!node?.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((found, part) => found?.[part.replaceAll("~1", "/")], root);
}

/** A type in a few words: "whole number, 1 to 200, default 50". */
export function typeOf(schema, root) {
  const node = resolved(schema, root) ?? {};
  const options = node.anyOf ?? node.oneOf;
  if (options) return [...new Set(options.map((one) => typeOf(one, root)))].join(" or ");
  if (node.allOf?.length === 1) return typeOf(node.allOf[0], root);
  if (node.enum) return node.enum.join(" | ");
  if (node.const !== undefined) return String(node.const);
  const names = { integer: "whole number", number: "number", string: node.format ?? "text", boolean: "true or false", object: node.title ?? "object", null: "null" };
  const name = node.type === "array" ? `list of ${typeOf(node.items, root)}` : (names[node.type] ?? "anything");
  return [name, range(node), node.default !== undefined && node.default !== null ? `default ${JSON.stringify(node.default)}` : ""].filter(Boolean).join(", ");
}

function range(node) {
  const low = node.minimum ?? node.exclusiveMinimum ?? node.minLength;
  const high = node.maximum ?? node.exclusiveMaximum ?? node.maxLength;
  const unit = node.type === "string" ? " characters" : "";
  if (low !== undefined && high !== undefined) return `${low} to ${high}${unit}`;
  if (high !== undefined) return `up to ${high}${unit}`;
  return low !== undefined ? `from ${low}${unit}` : "";
}

/** The body of a request: its type and its fields, or an example where it has none. */
export function bodyOf(body, root) {
  const [type, content] = Object.entries(body?.content ?? {})[0] ?? [];
  if (!type) return null;
  const schema = resolved(content.schema, root) ?? {};
  const rows = Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    in: "body",
    required: schema.required?.includes(name) ?? false,
    schema: one,
    description: resolved(one, root)?.description,
  }));
  return { type, rows, text: content.example ? written(content.example) : typeOf(schema, root) };
}

/** The first good answer with an example, or one made from its schema. */
export function exampleOf(responses, root) {
  const [status, told] = Object.entries(responses).find(([code]) => code.startsWith("2")) ?? [];
  const [type, content] = Object.entries(resolved(told, root)?.content ?? {})[0] ?? [];
  if (!type) return null;
  const example = content.example ?? (content.schema ? made(content.schema, root, 0) : undefined);
  return example === undefined || example === null ? null : { status, type, text: written(example) };
}

const written = (example) => (typeof example === "string" ? example : JSON.stringify(example, null, 2));

function made(schema, root, depth) {
  const node = resolved(schema, root) ?? {};
  if (node.example !== undefined) return node.example;
  if (node.default !== undefined && node.default !== null) return node.default;
  if (node.enum) return node.enum[0];
  const option = (node.anyOf ?? node.oneOf ?? node.allOf)?.[0];
  if (option) return made(option, root, depth);
  if (node.type === "object") {
    if (depth >= DEEPEST) return {};
    return Object.fromEntries(Object.entries(node.properties ?? {}).map(([name, one]) => [name, made(one, root, depth + 1)]));
  }
  if (node.type === "array") return depth >= DEEPEST ? [] : [made(node.items ?? {}, root, depth + 1)];
  return { string: "…", integer: 1, number: 0.5, boolean: true }[node.type] ?? null;
}
