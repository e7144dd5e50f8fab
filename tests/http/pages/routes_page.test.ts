import { describe, expect, it } from "vitest";
import { type RouteCard, RoutesPage } from "../../../lib/http/pages/routes_page.tsx";
import { attributesOf, elementsOf, MARKUP, textOf } from "./_markup.ts";

const NAV = { here: "routes", userName: "Ann", hasRoutes: true } as const;

function card(overrides: Partial<RouteCard> = {}): RouteCard {
  return {
    id: "1",
    name: "Orders",
    description: "The database",
    type: "tcp",
    from: "tcp+https://orders.example.com:5432",
    address: null,
    commands: [{ text: "sallyport tcp orders.example.com:5432", isTemplate: false }],
    isServed: true,
    ...overrides,
  };
}

function render(routes: readonly RouteCard[], options: { total?: number; search?: string } = {}): string {
  const { total = routes.length, search = "" } = options;
  return String(RoutesPage({ nav: NAV, routes, total, search }));
}

describe("RoutesPage()", () => {
  it.each(MARKUP)("shows %s as it is, wherever it stands", (text) => {
    const harmless = render([card()], { search: "x" });
    const html = String(RoutesPage({
      nav: { ...NAV, userName: text },
      routes: [card({
        name: text,
        description: text,
        type: "tcp",
        from: text,
        commands: [{ text, isTemplate: false }],
      })],
      total: 1,
      search: text,
    }));
    expect(elementsOf(html)).toEqual(elementsOf(harmless));
    expect(attributesOf(html)).toEqual(attributesOf(harmless));
    expect(textOf(html).split(text.replaceAll(/\s+/g, " "))).toHaveLength(5);
  });

  it.each([
    [0, "No route is open to you at the moment."],
    [1, "One route is open to you."],
    [500, "500 routes are open to you."],
  ])("with %i routes says so", (count, sentence) => {
    const routes = Array.from({ length: count }, (_, index) => card({ id: String(index) }));
    const html = render(routes);
    expect(textOf(html)).toContain(sentence);
    expect(html.split('<li class="item">')).toHaveLength(count + 1);
  });

  it.each([[1, false], [5, false], [6, true]])("with %i routes offers to search: %s", (total, offers) => {
    expect(render([card()], { total }).includes('type="search"')).toBe(offers);
  });

  it("leads back to all routes when the search finds none", () => {
    const html = render([], { total: 3, search: "nothing" });
    expect(textOf(html)).toContain("0 of the 3 routes that are open to you match.");
    expect(html).toContain(`<a href="/.pomerium/routes">Show all routes</a>`);
  });

  it("shows a command alone in an element that can be selected whole", () => {
    expect(render([card()])).toContain("<code>sallyport tcp orders.example.com:5432</code>");
  });

  it.each([
    ["sallyport tcp *.example.com:22", "Put in a name for *."],
    ["sallyport tcp db.example.com:PORT", "Put in a port for PORT."],
    ["sallyport tcp *.example.com:PORT", "Put in a name for * and a port for PORT."],
  ])("says what to put in %s", (text, sentence) => {
    expect(textOf(render([card({ commands: [{ text, isTemplate: true }] })]))).toContain(sentence);
  });

  it("leads to a web page by its name", () => {
    const html = render([card({ type: "http", address: "https://wiki.example.com/", commands: [] })]);
    expect(html).toContain(`<a href="https://wiki.example.com/"><bdi>Orders</bdi></a>`);
  });

  it("marks what is not served, and shows its address in place of a command", () => {
    const text = textOf(render([card({ isServed: false, commands: [] })]));
    expect(text).toContain("Not available yet");
    expect(text).toContain("tcp+https://orders.example.com:5432");
  });
});
