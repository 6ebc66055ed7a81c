const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** Tenths of a GiB; rounding to the right side keeps "needed" above "found". */
function rounded(bytes: number, round: (value: number) => number): string {
  return bytes < GIB ? `${round(bytes / MIB)} MiB` : `${round((bytes * 10) / GIB) / 10} GiB`;
}
export const atLeast = (bytes: number) => rounded(bytes, Math.ceil);
export const atMost = (bytes: number) => rounded(bytes, Math.floor);
