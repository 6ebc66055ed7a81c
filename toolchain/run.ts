import { ToolchainError } from "./failure";
import type { Intent, Piece } from "./piece";
import type { Announced, Progress } from "./progress";

/** A piece of a run; `result` settles when it was found or made. */
export class Slot<T> {
  readonly result: Promise<T>;
  settle!: (outcome: Promise<T>) => void;

  constructor() {
    this.result = new Promise((resolve) => {
      this.settle = resolve;
    });
    // A piece that waits for this one shares its failure, which `Run.make` reports.
    this.result.catch(() => undefined);
  }
}

/** What was found out about one piece. */
export type Finding =
  | { readonly name: string; readonly state: "ready" }
  | { readonly name: string; readonly state: "missing"; readonly intent: Intent }
  | { readonly name: string; readonly state: "impossible"; readonly fault: ToolchainError };

interface Entry {
  readonly name: string;
  /** Whether it is there. */
  look(): Promise<boolean>;
  plan(): Promise<Intent>;
  make(progress: Progress): Promise<void>;
}

/** One look at a set of pieces, then the making of those that are missing, side by side. */
export class Run {
  private readonly entries: Entry[] = [];

  add<T>(piece: Piece<T>): Slot<T> {
    const slot = new Slot<T>();
    this.entries.push({
      name: piece.name,
      async look() {
        const found = await piece.find();
        if (found !== undefined) slot.settle(Promise.resolve(found));
        return found !== undefined;
      },
      plan: () => piece.plan(),
      async make(progress) {
        slot.settle(piece.make((step) => progress.step(piece.name, step)));
        await slot.result;
        progress.done(piece.name);
      },
    });
    return slot;
  }

  /** Looks and plans; changes nothing. */
  survey(): Promise<Finding[]> {
    return Promise.all(
      this.entries.map(async (entry): Promise<Finding> => {
        const { name } = entry;
        if (await entry.look()) return { name, state: "ready" };
        try {
          return { name, state: "missing", intent: await entry.plan() };
        } catch (error) {
          if (error instanceof ToolchainError) return { name, state: "impossible", fault: error };
          throw error;
        }
      }),
    );
  }

  /** @throws ToolchainError naming all that cannot be had, before anything is changed; or the first failure of the work */
  async make(progress: Progress): Promise<void> {
    const findings = await this.survey();
    throwTogether(findings.flatMap((finding) => (finding.state === "impossible" ? [finding.fault] : [])));
    const missing = findings.flatMap((finding): Announced[] =>
      finding.state === "missing" ? [{ name: finding.name, ...finding.intent }] : [],
    );
    if (missing.length === 0) return;
    progress.announce(missing);
    const names = new Set(missing.map(({ name }) => name));
    try {
      await Promise.all(this.entries.filter(({ name }) => names.has(name)).map((entry) => entry.make(progress)));
    } finally {
      progress.close();
    }
  }
}

/** A user who has to see to several things wants to know them at once. */
function throwTogether(faults: readonly ToolchainError[]): void {
  if (faults.length === 0) return;
  if (faults.length === 1) throw faults[0]!;
  const distinct = (lines: readonly string[]) => [...new Set(lines)].map((line) => `\n    - ${line}`).join("");
  throw new ToolchainError(
    `${faults.length} things are missing on this machine:${distinct(faults.map(({ what }) => what))}`,
    distinct(faults.map(({ why }) => why)),
    distinct(faults.map(({ wayOut }) => wayOut)),
    faults.some(({ exitCode }) => exitCode === 4) ? 4 : 3,
  );
}
