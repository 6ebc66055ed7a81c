import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fillTemplate } from "../plan/render/template";

/** One page that needs nothing else: text, tables and plots, in light and dark, wide and narrow. */

/** Lines of a plot over one axis; each series has its own values of x, ascending. A null is a gap. */
export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** A value holds until the next one; else lines lead from one to the other. */
  readonly stepped: boolean;
  readonly series: readonly Series[];
  /** Stretches of x that are shaded and named. */
  readonly bands: readonly { readonly from: number; readonly until: number; readonly label: string }[];
}

export interface Series {
  readonly label: string;
  readonly points: readonly [readonly number[], readonly (number | null)[]];
}

export interface Page {
  readonly title: string;
  /** HTML, as is `body`; what others wrote has to be {@link escape}d in them. */
  readonly heading: string;
  readonly body: string;
  readonly plots: readonly Plot[];
}

export function renderPage({ title, heading, body, plots }: Page): string {
  const library = dirname(createRequire(__filename).resolve("uplot/package.json"));
  const part = (name: string) => readFileSync(join(library, "dist", name), "utf8");
  return fillTemplate(readFileSync(join(__dirname, "page.html"), "utf8"), {
    ...{ title: escape(title), heading, body },
    plotStyle: part("uPlot.min.css"),
    plotCode: part("uPlot.iife.min.js"),
    // Whatever a server wrote must not end the script that it stands in.
    plots: JSON.stringify(plots).replaceAll("<", "\\u003c"),
  });
}

/** A table; cells are HTML. Figures stay on one line, and a narrow screen scrolls sideways to them; text is wrapped. */
export function htmlTable(
  kind: "figures" | "text",
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table class="${kind}">
<thead>${line("th", head)}</thead>
<tbody>
${rows.map((cells) => line("td", cells)).join("\n")}
</tbody>
</table></div>`;
}

/** How many parts of 100 of the values lie at or below each. */
export function distribution(label: string, values: readonly number[]): Series {
  const ascending = values.toSorted((left, right) => left - right);
  return { label, points: [ascending, ascending.map((_, index) => ((index + 1) / ascending.length) * 100)] };
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escape = (text: string) => text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);
