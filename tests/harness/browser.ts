import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, execaSync } from "execa";

/** A page in a real Chromium. */

/** Tests that need it say so in their title. */
export const CHROMIUM_MISSING = execaSync("chromium", ["--version"], { reject: false }).failed;

export interface View {
  readonly scheme: "light" | "dark";
  /** Of the window, in CSS pixels. */
  readonly width: number;
}

/** What a reader would see of a page with plots. */
export interface Seen {
  readonly titles: readonly string[];
  /** Of each plot, how many of its pixels have a colour of their own, neither of the page nor grey. */
  readonly coloured: readonly number[];
  /** Of each plot, how many pixels it is wider than its place. */
  readonly beyond: readonly number[];
  /** Widest part of the page that can't be reached without scrolling it sideways as a whole. */
  readonly overflow: number;
  readonly background: string;
  readonly text: string;
  readonly errors: readonly string[];
}

/** Runs in the page around the one that is looked at. */
const LOOK = `
const frame = document.querySelector("iframe");
addEventListener("load", () => setTimeout(() => {
  const { contentDocument: page, contentWindow: inside } = frame;
  const plots = [...page.querySelectorAll("figure")];
  const coloured = ({ width, height, data }) => {
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (data[at + 3] > 0 && Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) > 60) count += 1;
    return count;
  };
  const style = inside.getComputedStyle(page.body);
  document.querySelector("pre").textContent = JSON.stringify({
    titles: plots.map((plot) => plot.querySelector(".u-title").textContent),
    coloured: plots.map((plot) => {
      const canvas = plot.querySelector("canvas");
      return coloured(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height));
    }),
    beyond: plots.map((plot) => plot.querySelector(".uplot").offsetWidth - plot.clientWidth),
    overflow: page.documentElement.scrollWidth - inside.innerWidth,
    background: style.backgroundColor,
    text: style.color,
    errors: inside.errors,
  });
}, 100));`;

/** Opens a page in a frame as wide as the view, since a headless window has a least width of its own. */
export async function lookAt(page: string, { scheme, width }: View): Promise<Seen> {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  try {
    const watched = page.replace(
      "<script>",
      '<script>window.errors = []; addEventListener("error", ({ message }) => errors.push(message));</script><script>',
    );
    const srcdoc = watched.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    writeFileSync(
      join(folder, "frame.html"),
      `<!doctype html><meta charset="utf-8" /><meta name="color-scheme" content="light dark" /><iframe width="${width}" height="3000" srcdoc="${srcdoc}"></iframe><pre></pre>
<script>${LOOK}</script>`,
    );
    const { stdout } = await execa("chromium", [
      ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder}/profile`, "--dump-dom"],
      // Of the two schemes the first is dark.
      ...[`--blink-settings=preferredColorScheme=${scheme === "dark" ? 0 : 1}`, "--virtual-time-budget=5000"],
      `file://${folder}/frame.html`,
    ]);
    const said = /<pre>(.*)<\/pre>/s.exec(stdout)?.[1];
    if (!said) throw new Error(`the page was not shown: ${stdout.slice(0, 500)}`);
    return JSON.parse(said.replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">")) as Seen;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
