import { formatComplaint } from "../../config/complaint.ts";
import type { LoadOptions } from "../../config/load_config.ts";
import { ControlError } from "../../http/control/control_error.ts";
import type { Plan } from "../../http/control/control_services.ts";
import { mergePlans } from "../../http/control/merge_plans.ts";
import type { LiveServing } from "../live_serving.ts";
import { unservable, withText } from "../plan.ts";
import { loadWithSnapshot } from "./snapshot.ts";
import type { WorkerGroup } from "./worker_group.ts";

/** What serving the configuration in `text` would change in all workers. Changes nothing. @throws {ControlError} */
export async function planForAll(
  text: string,
  { source, group, live }: { source: LoadOptions; group: WorkerGroup; live: LiveServing },
): Promise<Plan> {
  const { config, complaints, snapshot } = await loadWithSnapshot(withText(source, text));
  const found = { complaints: complaints.map(formatComplaint) };
  const { revision } = live.current;
  if (config === null) return { ...unservable(revision), ...found };
  const body = JSON.stringify({ snapshot, ports: group.shared.ports, revision: revision + 1 });
  const plans = await Promise.all(group.ready.map(async (number) => {
    const answer = await group.ask(number, { method: "POST", path: "/worker/plan", body });
    return answer.status === 200 ? JSON.parse(answer.text) as Omit<Plan, "complaints"> : null;
  }));
  if (plans.length === 0 || plans.includes(null)) {
    throw new ControlError("control/no-worker", "Not every worker serves at present", { hint: "try again" });
  }
  return { ...mergePlans(plans.filter((plan) => plan !== null)), ...found };
}
