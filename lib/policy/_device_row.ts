import { answer, answersOf } from "./_answers.ts";
import { isRecord, requireKeys, requireText } from "./_data.ts";
import { type CriterionRow, sessionRow } from "./_rows.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";
import type { DeviceFacts } from "./facts.ts";

const DEVICE = answersOf("device");
const NO_DEVICE = answer(false, "device-unauthenticated");
const KEYS = ["is", "approved", "type"];
const TYPES: readonly DeviceFacts["type"][] = ["any", "enclave_only"];

/** The criterion on the device of a session. */
export const DEVICE_ROW: CriterionRow = sessionRow(({ data, place }) => {
  const { id, approved, type } = readDeviceMatcher(data, place);
  return {
    ask: (_session, { device }) => {
      const isNone = device === undefined || device === null;
      if (isNone || (type === "enclave_only" && device.type !== type)) return NO_DEVICE;
      return DEVICE((id === null || device.id === id) && (approved === null || device.approved === approved));
    },
    found: (_session, { device }) => device ?? null,
  };
});

interface DeviceMatcher {
  readonly id: string | null;
  readonly approved: boolean | null;
  readonly type: DeviceFacts["type"];
}

function readDeviceMatcher(data: unknown, place: PolicyPlace): DeviceMatcher {
  if (!isRecord(data)) {
    const hint = "write it like { type: any }";
    throw new PolicyError("policy/bad-data", "A device matcher must be an object", { place, hint });
  }
  requireKeys(data, { place, known: KEYS });
  return {
    id: Object.hasOwn(data, "is") ? requireText(data["is"], within(place, "is")) : null,
    approved: Object.hasOwn(data, "approved")
      ? requireBoolean(data["approved"], within(place, "approved"))
      : null,
    type: Object.hasOwn(data, "type") ? requireType(data["type"], within(place, "type")) : "any",
  };
}

function requireBoolean(data: unknown, place: PolicyPlace): boolean {
  if (typeof data === "boolean") return data;
  throw new PolicyError("policy/bad-data", "This must be true or false", { place });
}

function requireType(data: unknown, place: PolicyPlace): DeviceFacts["type"] {
  const type = TYPES.find((known) => known === data);
  if (type !== undefined) return type;
  throw new PolicyError("policy/bad-data", "This is not a type of device", {
    place,
    hint: `known are ${TYPES.join(", ")}`,
  });
}
