import { readFile } from "node:fs/promises";
import { createTar } from "nanotar";
import type { Upload } from "./container-inputs";

/** Longest path that a plain tar header holds, bytes. */
const LONGEST_PATH = 100;

/** What is wrong with a container's uploads, by position and file name. */
export function uploadFaults(uploads: readonly Upload[]): string[] {
  return uploads.flatMap((upload, index) => {
    const label = `uploads[${index}] (${upload.file})`;
    const sources = [upload.content, upload.contentBase64, upload.source].filter((given) => given !== undefined);
    return [
      ...(sources.length === 1 ? [] : [`${label} needs exactly one of content, contentBase64 and source`]),
      ...(upload.file.startsWith("/") ? [] : [`${label}: file must be an absolute path in the container`]),
      ...(Buffer.byteLength(inArchive(upload.file)) <= LONGEST_PATH
        ? []
        : [`${label}: path over ${LONGEST_PATH} bytes`]),
      ...(upload.permissions === undefined || /^[0-7]{3,4}$/.test(upload.permissions)
        ? []
        : [`${label}: permissions must be octal digits such as "0600"`]),
    ];
  });
}

/** The uploads as one archive for the container's root; everything in it belongs to root. */
export async function uploadArchive(uploads: readonly Upload[]): Promise<Buffer> {
  const files = await Promise.all(
    uploads.map(async (upload) => ({
      name: inArchive(upload.file),
      data: await contentOf(upload),
      attrs: { mode: modeOf(upload), uid: 0, gid: 0, user: "root", group: "root" },
    })),
  );
  return Buffer.from(createTar(files));
}

function inArchive(file: string): string {
  return file.replace(/^\/+/, "");
}

function modeOf(upload: Upload): string {
  return upload.permissions ?? (upload.executable ? "0744" : "0644");
}

async function contentOf(upload: Upload): Promise<Uint8Array> {
  if (upload.source !== undefined) return readFile(upload.source);
  if (upload.contentBase64 !== undefined) return Buffer.from(upload.contentBase64, "base64");
  return Buffer.from(upload.content ?? "");
}
