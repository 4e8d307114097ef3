import path from "node:path";
import type { Shell } from "./render.ts";

/** How a host starts the server. */
export type Launch = {
  command: string;
  args: readonly string[];
  /** Settings that are not secret, such as PRELUDE_APP_ID, and the path of the key's file. */
  env: Readonly<Record<string, string>>;
  /** How the key arrives: in a variable, from the file that `env` names, or none is needed. */
  key: "variable" | "file" | "none";
  /** Whose quoting and whose words the instructions use. */
  shell: Shell;
};

/** Where the command runs, as far as it matters for starting the same server again. */
export type Place = {
  platform: NodeJS.Platform;
  /** `process.execPath`. */
  node: string;
  /** `process.argv[1]`: the built file, or a link to it. */
  script: string;
  /** The variable PATH. */
  searchPath: string | undefined;
  /** As `fs.realpathSync`; throws where there is no such file. */
  realpath: (file: string) => string;
};

type Release = {
  name: string;
  version: string;
  /** Whether the package's name is ours on npm. */
  published: boolean;
};

/** Folders that one shell makes for itself and that are gone with it. */
const shortLived = /fnm_multishells|[\\/](?:tmp|temp)[\\/]/i;

/**
 * An absolute path of the Node that runs now. A bare `node` would be missing wherever a host was
 * opened from a dock and did not inherit the PATH of a shell. Of several paths to the same program
 * the first one in PATH wins: package managers keep it when they upgrade Node.
 */
export const nodePath = ({ platform, node, searchPath = "", realpath }: Place): string => {
  const { join, delimiter, isAbsolute } = platform === "win32" ? path.win32 : path.posix;
  const file = platform === "win32" ? "node.exe" : "node";
  const resolved = (candidate: string): string | undefined => {
    try {
      return realpath(candidate);
    } catch {
      return undefined;
    }
  };
  const real = resolved(node) ?? node;
  const stable = searchPath
    .split(delimiter)
    .filter((folder) => isAbsolute(folder) && !shortLived.test(folder))
    .map((folder) => join(folder, file))
    .find((candidate) => resolved(candidate) === real);
  return stable ?? node;
};

const isNpmInstall = (script: string, name: string): boolean =>
  script.replaceAll("\\", "/").includes(`/node_modules/${name}/`);

/** `npx` is a script on Windows, which most hosts can start through its shell only. */
const npx = (platform: NodeJS.Platform, spec: string) =>
  platform === "win32"
    ? { command: "cmd", args: ["/c", "npx", "-y", spec] }
    : { command: "npx", args: ["-y", spec] };

/**
 * What starts this very server again, from any folder: the exact version from npm where it is
 * published and runs from there, and otherwise this Node and the built file.
 */
export const programOf = (
  place: Place,
  { name, version, published }: Release,
): { command: string; args: string[] } => {
  const script = place.realpath(place.script);
  if (published && isNpmInstall(script, name)) return npx(place.platform, `${name}@${version}`);
  return { command: nodePath(place), args: [script] };
};
