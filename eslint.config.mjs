import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** Which rooms a room may import from; everything else is a wall. */
const borders = {
  plan: [],
  policy: ["plan"],
  smoke: ["plan"],
  components: ["plan"],
  toolchain: ["plan"],
  cli: ["plan", "smoke", "toolchain", "bench"],
};
// A benchmark is a program of its own that runs the project's parts against others', so it has no walls.
const rooms = [...Object.keys(borders), "bench"];

const walls = Object.entries(borders).map(([room, allowed]) => {
  const forbidden = rooms.filter((other) => other !== room && !allowed.includes(other));
  return {
    files: [`${room}/**/*.ts`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: forbidden.flatMap((other) => [`**/../${other}/*`, `../${other}/*`, `../${other}/**`]),
              message: `${room} may import from: ${[room, ...allowed].join(", ")}.`,
            },
            ...(room === "components"
              ? []
              : [
                  {
                    group: ["@pulumi/pulumi", "@pulumi/command", "@pulumi/docker", "@pulumi/random"],
                    message: "Only components and index.ts know Pulumi.",
                  },
                ]),
          ],
        },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ["node_modules/", ".tms-llm/", "reports/"] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ["**/*.ts"] })),
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { "import-x": importX },
    rules: {
      "import-x/no-cycle": "error",
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      // The assertion marks what a regular expression or a previous check guarantees; `noUncheckedIndexedAccess` finds the rest.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  // A table of cases is one subject, however many rows it has.
  {
    files: ["tests/**/*.ts"],
    rules: { "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }] },
  },
  ...walls,
  // A provider plugin speaks Pulumi's protocol; the SDK's generated messages are all it takes from there.
  { files: ["toolchain/stand-ins/**/*.ts"], rules: { "no-restricted-imports": "off" } },
);
