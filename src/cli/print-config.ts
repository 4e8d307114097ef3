import { defaultLaunch, formatHostConfig, hostNames, isHostName, printConfig } from "./hosts.ts";

/** What `--print-config HOST` prints, or why it cannot. */
export const describeHost = (
  host: string,
  sandbox: boolean,
): { text: string; problem?: never } | { problem: string; text?: never } => {
  if (!isHostName(host)) return { problem: `--print-config takes one of ${hostNames.join(", ")}` };
  const launch = sandbox
    ? { ...defaultLaunch, args: [...defaultLaunch.args, "--sandbox"], secret: undefined }
    : defaultLaunch;
  return { text: formatHostConfig(printConfig(host, launch)) };
};
