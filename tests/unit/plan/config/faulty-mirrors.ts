/** Rows of faulty stack files, of mirrors alone: title and the keys that differ from a valid stack. */
export const faultyMirrors: readonly (readonly [title: string, keys: string])[] = [
  ["a mirror with a slash at its end", "mirrors: { ollama: https://mirror.internal/ollama/ }"],
  ["a mirror's folder that is relative", "mirrors: { ollama: 'folder:mirror' }"],
  ["a registry with its scheme", "mirrors: { huggingFace: https://hf.internal }"],
  ["a package index with a password", "mirrors: { pypi: 'https://reader:geheim@mirror.internal/simple' }"],
  ["a package index with a slash at its end", "mirrors: { pypi: 'https://mirror.internal/simple/' }"],
  ["a package index in a folder", "mirrors: { pypi: 'folder:/srv/simple' }"],
  ["a place for Python with a password", "mirrors: { python: 'https://reader:geheim@mirror.internal/python' }"],
  ["a place for Python that is a bare path", "mirrors: { python: /srv/python }"],
];
