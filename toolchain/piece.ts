/** One thing that has to be there before Pulumi can run. */
export interface Piece<T> {
  /** With its version, as people know it: "Pulumi CLI 3.250.0". */
  readonly name: string;
  /** Looks and changes nothing; undefined when the piece has to be made. Takes milliseconds and no network. */
  find(): Promise<T | undefined>;
  /** How a missing piece will be had; asked only when `find` found nothing. May look whether the internet is there. */
  plan(): Promise<Intent>;
  /** Makes it; safe to break off at any moment and to run twice at once. */
  make(report: Report): Promise<T>;
}

/** What is going to be done to the machine, as it is announced. */
export interface Intent {
  /** "official download", "built here from Go modules". */
  readonly how: string;
  /** Usual time on two cores, in seconds. */
  readonly seconds: number;
  /** Debian packages that will be installed for it. */
  readonly packages?: readonly string[];
}

/** Says where a piece has got to: "compiling Pulumi". */
export type Report = (step: string) => void;
