import { z } from "zod";
import { wordings } from "./wording";

// Pulumi reads an unquoted date as a moment, prints it like this, and writes it back so.
const WRITTEN = /^(\d{4}-\d\d-\d\d)(?: 00:00:00 \+0000 UTC|T00:00:00Z)?$/;

/** A calendar day, as `YYYY-MM-DD`. */
export const day = () =>
  z
    .string()
    .transform((written, context) => {
      const date = WRITTEN.exec(written.trim())?.[1];
      if (date !== undefined && isOnTheCalendar(date)) return date;
      context.addIssue({ code: "custom", input: written });
      return z.NEVER;
    })
    .register(wordings, { expected: 'a day on the calendar, for example "2026-12-31"', type: "date" });

function isOnTheCalendar(date: string): boolean {
  const moment = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(date);
}

const DAY_SECONDS = 24 * 3600;

/** The first second after a day, UTC, since 1970. */
export const endOfDay = (date: string): number => Date.parse(`${date}T00:00:00Z`) / 1000 + DAY_SECONDS;

/** Whole days from `now` to the end of a day, UTC; below 0 when the day is over. */
export const daysLeft = (date: string, now: Date): number =>
  Math.floor((endOfDay(date) - now.getTime() / 1000) / DAY_SECONDS);
