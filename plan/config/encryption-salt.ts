/** The line that Pulumi puts into a stack file for the passphrase that is used there. */
const SALT_LINE = /^encryptionsalt:.*\n?/m;

export const withoutSalt = (stackFile: string) => stackFile.replace(SALT_LINE, "");

/** A stack file with the salt of another one, or with none where that has none. */
export function withSaltOf(stackFile: string, other: string): string {
  const salt = SALT_LINE.exec(other)?.[0] ?? "";
  const text = withoutSalt(stackFile);
  return salt === "" || text.endsWith("\n") ? text + salt : `${text}\n${salt}`;
}
