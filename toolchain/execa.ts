/** execa is for ES modules alone, down to its dependencies; a native `import()` is the one way to it from here. */
export const loadExeca = async () => (await import("execa")).execa;
