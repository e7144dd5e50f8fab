import type { JSX } from "hono/jsx/jsx-runtime";
import type {
  BlockExplanation,
  CriterionExplanation,
  Explanation,
  HalfExplanation,
  Json,
} from "../../policy/explain.ts";

const OPERATORS: Readonly<Record<BlockExplanation["operator"], string>> = {
  and: "All of these",
  or: "One of these",
  not: "None of these",
  nor: "Not all of these",
  all_of: "All of these",
  any_of: "One of these",
  none_of: "None of these",
};

/** Rule by rule why a policy refused, for the person it refused. */
export function ExplanationView({ explanation: { allow, deny } }: { explanation: Explanation }): JSX.Element {
  return (
    <section aria-labelledby="why">
      <h2 id="why">Why</h2>
      <ul class="why">
        <Half half={allow} text={allow.value ? "A rule lets you in" : "No rule lets you in"} />
        <Half half={deny} text={deny.value ? "A rule keeps you out" : "No rule keeps you out"} />
      </ul>
    </section>
  );
}

function Half({ half, text }: { half: HalfExplanation; text: string }): JSX.Element {
  return (
    <li>
      <strong>{text}</strong>
      <Parts parts={half.blocks} />
    </li>
  );
}

function Parts(
  { parts }: { parts: readonly (BlockExplanation | CriterionExplanation)[] },
): JSX.Element | null {
  if (parts.length === 0) return null;
  return (
    <ul>
      {parts.map((part) =>
        part.kind === "block"
          ? <Block key={part.path.join(".")} {...part} />
          : <Criterion key={part.path.join(".")} {...part} />
      )}
    </ul>
  );
}

function Block({ operator, value, parts }: BlockExplanation): JSX.Element {
  return (
    <li>
      <Mark value={value} /> {OPERATORS[operator]}
      <Parts parts={parts} />
    </li>
  );
}

function Criterion({ name, subpath, expected, found, value, reason }: CriterionExplanation): JSX.Element {
  const isConstant = name === "accept" || name === "reject";
  return (
    <li>
      <Mark value={value} /> <code>{subpath === null ? name : `${name}/${subpath}`}</code>{" "}
      {expected === null ? null : <code>{jsonText(expected)}</code>}
      {isConstant ? null : (
        <span class="small">
          {" "}
          found <code>{jsonText(found)}</code>
        </span>
      )}
      {reason === "policy-error" ? <span class="small">could not be decided</span> : null}
    </li>
  );
}

function Mark({ value }: { value: boolean }): JSX.Element {
  return (
    <span class={value ? "true" : "false"} role="img" aria-label={value ? "true:" : "not true:"}>
      {value ? "✓" : "✗"}
    </span>
  );
}

function jsonText(value: Json): string {
  return value === null ? "nothing" : JSON.stringify(value);
}
