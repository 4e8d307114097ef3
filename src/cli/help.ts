import { settings } from "../config/settings.ts";
import { name, version, websiteUrl } from "../lib/package.wire.ts";
import { hostNames } from "./hosts.ts";

const settingLine = (setting: (typeof settings)[number]): string =>
  `  ${setting.name.padEnd(31)}${setting.words}${setting.default === undefined ? "" : ` (default ${setting.default})`}`;

/** What `--help` prints. */
export const helpText = (): string => `${name} ${version}

An MCP server over stdio with one tool, update_user_profile, which updates a
user's profile in Prelude. It is started by an MCP client, not by hand.

Usage: ${name} [--sandbox]
  --sandbox              talk to an embedded simulation: no account, no network
  --check [--json]       show the effective settings and guards, and test the key
                         without changing anything; with --sandbox: offline
  --print-config HOST    print the configuration for a client:
                         ${hostNames.slice(0, 6).join(", ")},
                         ${hostNames.slice(6).join(", ")}
  --help, --version

Settings (environment variables only):
${settings.map(settingLine).join("\n")}

Exit codes: 0 fine, 1 failed, 2 wrong usage or settings.
${websiteUrl}`;
