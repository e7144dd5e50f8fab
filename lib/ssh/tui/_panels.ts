import type { ForwardedConnection, PublishedRoute, TunnelMessage, TunnelModel } from "../handlers.ts";
import { wrapText } from "./char_width.ts";
import type { MenuItem } from "./_overlay.ts";
import { type Cell, type Column, widestOf } from "./table.ts";
import { compactBytes, compactDuration, timeOfDay } from "./_units.ts";

/** Number of a panel, which is its key. */
export type PanelId = 1 | 2 | 3 | 4;

/** All of them, from top to bottom. */
export const PANEL_IDS: readonly PanelId[] = [1, 2, 3, 4];

/** A row of a panel. */
export interface PanelRow {
  /** What tells it apart from the others, also later. */
  readonly key: string;
  /** What stands in it, one for each column. */
  readonly cells: () => readonly Cell[];
  /** What can be done with it. */
  readonly menu: readonly MenuItem[];
}

/** What a panel shows, before anybody knows where. */
export interface Panel {
  /** Name. */
  readonly title: string;
  /** A few words at the right of the title. */
  readonly note: string;
  /** Without headings when all of them are empty. */
  readonly columns: readonly Column[];
  /** From top to bottom. */
  readonly rows: readonly PanelRow[];
  /** What stands there when there are no rows. */
  readonly empty: string;
}

/** From here on there is room for words in full. */
const ROOMY_COLUMNS = 100;

const TITLES: Readonly<Record<PanelId, string>> = {
  1: "Active Connections",
  2: "Client Requests",
  3: "Port Forward Status",
  4: "Logs",
};

/** What a panel shows. @param options `width`: in cells; `now`: in milliseconds since 1970-01-01T00:00:00Z */
export function panelOf(
  id: PanelId,
  options: { readonly model: TunnelModel; readonly width: number; readonly now: number },
): Panel {
  const { model, width } = options;
  const title = TITLES[id];
  if (id === 1) return { title, ...connectionsPanel(options) };
  if (id === 2) return { title, ...requestsPanel(model) };
  return { title, ...(id === 3 ? routesPanel(model) : logPanel(model.messages, width)) };
}

function connectionsPanel(
  { model, width, now }: { model: TunnelModel; width: number; now: number },
): Omit<Panel, "title"> {
  const { connections } = model;
  const open = connections.filter(({ isOpen }) => isOpen).length;
  return {
    note: open === 0 ? "" : `${open} open`,
    columns: connectionColumns(connections, width >= ROOMY_COLUMNS),
    rows: connections.map((connection) => ({
      key: `${connection.channel}/${connection.openedAt}`,
      cells: () => connectionCells(connection, now),
      menu: [],
    })),
    empty: "No connections yet.",
  };
}

function connectionColumns(connections: readonly ForwardedConnection[], isRoomy: boolean): Column[] {
  const hosts = widestOf(connections.map(({ hostname }) => hostname), { min: 20, max: 64 });
  const paths = widestOf(connections.map(({ path }) => path), { min: 12, max: 64 });
  const clients = widestOf(connections.map(clientOf), { min: 15, max: 39 });
  return [
    { heading: isRoomy ? "Channel" : "Ch", width: isRoomy ? 7 : 4, align: "right" },
    { heading: "Status", width: 6 },
    { heading: "Hostname", width: hosts, minWidth: 8 },
    { heading: "Path", width: paths, minWidth: 6 },
    { heading: "Client", width: clients, minWidth: 12 },
    { heading: isRoomy ? "Rx Bytes" : "Rx", width: isRoomy ? 8 : 6, align: "right" },
    { heading: isRoomy ? "Tx Bytes" : "Tx", width: isRoomy ? 8 : 6, align: "right" },
    { heading: isRoomy ? "Duration" : "Time", width: isRoomy ? 8 : 7, align: "right" },
  ];
}

function connectionCells(connection: ForwardedConnection, now: number): Cell[] {
  const { channel, isOpen, hostname, path, rxBytes, txBytes, openedAt, closedAt } = connection;
  const style = isOpen ? "text" : "faint";
  return [
    { text: `${channel}`, style },
    isOpen ? { text: "OPEN", style: "good" } : { text: "CLOSED", style },
    { text: hostname, style },
    { text: path, style },
    { text: clientOf(connection), style: connection.client === null ? "faint" : style },
    { text: compactBytes(rxBytes), style },
    { text: compactBytes(txBytes), style },
    { text: compactDuration((closedAt ?? now) - openedAt), style },
  ];
}

function clientOf({ client }: ForwardedConnection): string {
  return client ?? "Health Check";
}

function requestsPanel({ requests }: TunnelModel): Omit<Panel, "title"> {
  const nameOf = (hostname: string) => hostname === "" || hostname === "*" ? "(all)" : hostname;
  const names = requests.map(({ hostname }) => nameOf(hostname));
  return {
    note: "",
    columns: [
      { heading: "Hostname", width: widestOf(names, { min: 20, max: 64 }), minWidth: 8 },
      { heading: "Port", width: 7 },
      { heading: "Routes", width: 6, align: "right" },
    ],
    rows: requests.map(({ hostname, port, isDynamic, routes }) => ({
      key: `${hostname}:${port}`,
      cells: () => [
        { text: nameOf(hostname) },
        { text: isDynamic ? `D ${port}` : `${port}` },
        { text: `${routes}`, style: routes === 0 ? "warn" : "text" },
      ],
      menu: [],
    })),
    empty: "No -R has been asked for.",
  };
}

function routesPanel({ routes }: TunnelModel): Omit<Panel, "title"> {
  const active = routes.filter(({ isActive }) => isActive === true).length;
  return {
    note: routes.length === 0 ? "" : `${active} of ${routes.length} active`,
    columns: [
      { heading: "Status", width: 8 },
      { heading: "Health", width: 9 },
      {
        heading: "Remote",
        width: widestOf(routes.map(({ remote }) => remote), { min: 20, max: 72 }),
        minWidth: 10,
      },
      {
        heading: "Local",
        width: widestOf(routes.map(({ local }) => local), { min: 12, max: 48 }),
        minWidth: 8,
      },
    ],
    rows: routes.map((route) => ({
      key: route.remote,
      cells: () => routeCells(route),
      menu: routeMenu(route),
    })),
    empty: "No route lets you publish it.",
  };
}

function routeCells({ isActive, health, remote, local }: PublishedRoute): Cell[] {
  const healthStyle = health === "healthy" ? "good" : health === "unhealthy" ? "bad" : "warn";
  const status: Cell = isActive === null
    ? { text: "--", style: "faint" }
    : isActive
    ? { text: "ACTIVE", style: "good" }
    : { text: "INACTIVE", style: "bad" };
  return [
    status,
    health === null ? { text: "--", style: "faint" } : { text: health.toUpperCase(), style: healthStyle },
    { text: remote },
    { text: local, style: "faint" },
  ];
}

function routeMenu({ remote, local }: PublishedRoute): MenuItem[] {
  return [
    { label: "Copy Remote URL", action: { do: "copy", text: remote, note: "Remote URL copied" } },
    { label: "Edit Local Address", action: { do: "edit", remote, local } },
  ];
}

const TIME_WIDTH = 8;
const LEVEL_WIDTH = 4;

function logPanel(messages: readonly TunnelMessage[], width: number): Omit<Panel, "title"> {
  const textWidth = Math.max(10, width - TIME_WIDTH - LEVEL_WIDTH - 2 * 2);
  return {
    note: "times in UTC",
    columns: [
      { heading: "", width: TIME_WIDTH },
      { heading: "", width: LEVEL_WIDTH },
      { heading: "", width: textWidth },
    ],
    rows: messages.flatMap((message) => messageRows(message, textWidth)),
    empty: "Nothing to report.",
  };
}

function messageRows({ at, level, text }: TunnelMessage, width: number): PanelRow[] {
  const style = level === "warn" ? "warn" : "text";
  return wrapText(text, width).map((line, index) => ({
    key: `${at}/${text}`,
    cells: () => [
      { text: index === 0 ? timeOfDay(at) : "", style: "faint" },
      { text: index === 0 ? level : "", style: level === "warn" ? "warn" : "faint" },
      { text: line, style },
    ],
    menu: [{ label: "Copy Message", action: { do: "copy", text, note: "Message copied" } }],
  }));
}
