import { ControlError } from "./control_error.ts";
import type { Plan } from "./control_services.ts";

/**
 * What a configuration would change in several processes that serve the same: the tunnels of all of them would be cut.
 *
 * @param plans at least one @throws {ControlError} `control/stale-plan` when they do not serve the same any more
 */
export function mergePlans(plans: readonly Omit<Plan, "complaints">[]): Omit<Plan, "complaints"> {
  const [first] = plans;
  if (first === undefined) throw new TypeError("Cannot merge no plan at all");
  if (plans.some(({ id }) => id !== first.id)) {
    throw new ControlError("control/stale-plan", "The configuration was changed meanwhile", {
      hint: "make the plan again",
    });
  }
  return { ...first, tunnels: plans.flatMap(({ tunnels }) => tunnels) };
}
