type Schema = Readonly<Record<string, unknown>>;

interface Context {
  readonly root: Schema;
  /** Where the value stands. */
  readonly path: string;
}

type Check = (value: unknown, wanted: unknown, context: Context & { schema: Schema }) => string[];

/** The keywords of JSON Schema (draft 2020-12) that the schema under test uses, and no others. */
const KEYWORDS: Readonly<Record<string, Check>> = {
  $schema: () => [],
  $defs: () => [],
  title: () => [],
  description: () => [],
  default: () => [],
  $ref: (value, wanted, { root, path }) => check(value, resolve(root, String(wanted)), { root, path }),
  type: (value, wanted, { path }) =>
    [wanted].flat().some((type) => isOfType(value, String(type))) ? [] : [`${path}: not ${wanted}`],
  enum: (value, wanted, { path }) =>
    (wanted as unknown[]).includes(value) ? [] : [`${path}: not one of ${wanted}`],
  pattern: (value, wanted, { path }) =>
    typeof value !== "string" || new RegExp(String(wanted), "u").test(value)
      ? []
      : [`${path}: not ${wanted}`],
  minimum: (value, wanted, { path }) =>
    typeof value !== "number" || value >= Number(wanted) ? [] : [`${path}: below ${wanted}`],
  maximum: (value, wanted, { path }) =>
    typeof value !== "number" || value <= Number(wanted) ? [] : [`${path}: above ${wanted}`],
  not: (value, wanted, context) =>
    check(value, wanted as Schema, context).length > 0 ? [] : [`${context.path}: refused`],
  anyOf: (value, wanted, context) => {
    const found = (wanted as Schema[]).map((schema) => check(value, schema, context));
    return found.some((faults) => faults.length === 0) ? [] : found.flat();
  },
  items: (value, wanted, { root, path }) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => check(item, wanted as Schema, { root, path: `${path}/${index}` }))
      : [],
  properties: (value, wanted, { root, path }) =>
    entriesOf(value).flatMap(([key, part]) => {
      const schema = own(wanted as Schema, key);
      return schema === undefined ? [] : check(part, schema as Schema, { root, path: `${path}/${key}` });
    }),
  patternProperties: (value, wanted, { root, path }) =>
    entriesOf(value).flatMap(([key, part]) =>
      Object.entries(wanted as Schema).filter(([pattern]) => new RegExp(pattern, "u").test(key))
        .flatMap(([, schema]) => check(part, schema as Schema, { root, path: `${path}/${key}` }))
    ),
  additionalProperties: (value, wanted, { root, path, schema }) => {
    const others = entriesOf(value).filter(([key]) =>
      own(schema.properties ?? {}, key) === undefined &&
      !Object.keys(schema.patternProperties ?? {}).some((pattern) => new RegExp(pattern, "u").test(key))
    );
    if (wanted === false) return others.map(([key]) => `${path}/${key}: not known`);
    return others.flatMap(([key, part]) => check(part, wanted as Schema, { root, path: `${path}/${key}` }));
  },
  required: (value, wanted, { path }) =>
    isObject(value)
      ? (wanted as string[]).filter((key) => !Object.hasOwn(value, key)).map((key) =>
        `${path}/${key}: missing`
      )
      : [],
  minProperties: (value, wanted, { path }) =>
    !isObject(value) || Object.keys(value).length >= Number(wanted) ? [] : [`${path}: too few keys`],
  maxProperties: (value, wanted, { path }) =>
    !isObject(value) || Object.keys(value).length <= Number(wanted) ? [] : [`${path}: too many keys`],
};

/** What is wrong with `value` by `schema`, each with its place. @throws on a keyword that is not checked here */
export function schemaFaults(value: unknown, schema: Schema): string[] {
  return check(value, schema, { root: schema, path: "" });
}

function check(value: unknown, schema: Schema, { root, path }: Context): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => {
    const run = own(KEYWORDS, keyword) as Check | undefined;
    if (run === undefined) throw new TypeError(`The keyword ${keyword} is not checked`);
    return run(value, wanted, { root, path, schema });
  });
}

function resolve(root: Schema, reference: string): Schema {
  const found = reference.slice(2).split("/").reduce<unknown>(
    (node, step) => own(node as object, step),
    root,
  );
  if (!isObject(found)) throw new TypeError(`There is nothing at ${reference}`);
  return found;
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return Number.isInteger(value);
  return type === "boolean" ? typeof value === "boolean" : typeof value === "string";
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Schema)[key] : undefined;
}
