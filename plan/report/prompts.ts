/** What clients have said and were answered, in the logs of the engines: none by default, much where somebody made them talk. */

/** A line that systemd's journal printed: time, program, and what it said. */
const JOURNAL = /^(\d{4}-\d\d-\d\dT\S+ )((?:\S+ )?[^\s:[]+(?:\[\d+\])?: )(.*)$/;

/** How a program begins what it says; anything else goes on with the line before. */
const BEGINS =
  /^(?:time=|\[GIN|\([^)]*\) ?(?:DEBUG|INFO|WARN|ERROR|CRIT)|(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b|\d{4}[-/]\d\d[-/]\d\d|ggml_|llama_|load_|load:|print_info|srv |slot |common_|Traceback|\$ |==> |phase |health check)/;

/** At these levels Ollama logs every text that it takes apart; all but its message goes. */
const TALKATIVE = /level=(?:TRACE|DEBUG-\d)\b/;
const MESSAGE = /^(.*?\bmsg=(?:"(?:[^"\\]|\\.)*"|\S+)).*$/;

const RULES: readonly RegExp[] = [
  // Named so, a value is a prompt unless it is a number.
  /((?:^|[\s{,("'])(?:prompts?|prompt_token_ids|string|messages|input_value|user_input)["']?\s*[=:]\s*)(?!\[?\d+(?:\.\d+)?\]?(?:[\s,)}]|$)|None\b|null\b|\[prompt)\S.*$/,
  // These are so where they have a text, or a list of texts, in quotes.
  /((?:^|[\s{,("'])(?:role|content|input|inputs|output|text|completion|response|system|template|query|document|documents|arguments|body|thinking|suffix|grammar|schema)["']?\s*[=:]\s*)(?=["'[{]).*$/,
];

/** Grammars are made of what a client demands of an answer. */
const GRAMMAR = /^.*::=.*$/;
/** Messages of programs are in English; so this was said by somebody else, where it has letters. */
const OTHER_SCRIPT = /[^\x00-\x7f](?:[^\n]*[^\x00-\x7f])?/g;
/** The same as JSON in ASCII has it. */
const ESCAPED = /\\u[0-9a-f]{4}(?:[^\n]*\\u[0-9a-f]{4})?/gi;
const unescaped = (run: string) =>
  run.replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
/** But for the sign of a millionth. */
const LETTERS = /(?![\x00-\x7f\u00b5])\p{L}/u;

const hidden = (text: string) => `[prompt: ${text.length} characters]`;

/** The text of a log without prompts and answers. @param count is told of each line that had some */
export function withoutPrompts(log: string, count: () => void): string {
  /** The programs whose last line was a prompt's. */
  const talking = new Set<string>();
  return log
    .split("\n")
    .map((line) => {
      const [, time = "", program = "", said = line] = JOURNAL.exec(line) ?? [];
      if (talking.has(program) && said !== "" && !BEGINS.test(said)) {
        count();
        return time + program + hidden(said);
      }
      const left = cleaned(said);
      if (left.opensPrompt) talking.add(program);
      else talking.delete(program);
      if (left.text !== said) count();
      return time + program + left.text;
    })
    .join("\n");
}

function cleaned(said: string): { readonly text: string; readonly opensPrompt: boolean } {
  const talk = said.search(TALKATIVE);
  const quiet =
    talk < 0
      ? said
      : said.slice(0, talk) +
        said
          .slice(talk)
          .replace(MESSAGE, (found: string, kept: string) =>
            found === kept ? found : `${kept} ${hidden(found.slice(kept.length))}`,
          );
  const named = RULES.reduce(
    (text, rule) => text.replace(rule, (found: string, kept: string) => kept + hidden(found.slice(kept.length))),
    quiet,
  );
  const text = named.replace(GRAMMAR, hidden);
  return {
    text: text
      .replaceAll(ESCAPED, (run) => (LETTERS.test(unescaped(run)) ? hidden(run) : run))
      .replaceAll(OTHER_SCRIPT, (run) => (LETTERS.test(run) ? hidden(run) : run)),
    opensPrompt: text !== said,
  };
}
