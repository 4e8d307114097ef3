import { settings } from "../config/settings.ts";
import { name, version, websiteUrl } from "../lib/package.wire.ts";
import { hostNames } from "./hosts.ts";

const settingLine = (setting: (typeof settings)[number]): string =>
  `  ${setting.name.padEnd(31)}${setting.words}${setting.default === undefined ? "" : ` (default ${setting.default})`}`;

export const helpText = (): string => `${name} ${version}

An MCP server over stdio whose tool update_user_profile updates a user's profile
in Prelude, and with PRELUDE_READ get_user_profile shows it. It is started by an
MCP client, not by hand.

Usage: ${name} [--sandbox]
  --sandbox              talk to an embedded simulation: no account, no network
  --check [--json]       show the effective settings and guards, and test the key
                         by a PATCH for a user that cannot exist, so that nothing
                         is changed; with --sandbox nothing is tested but settings
  --print-config HOST    print what starts this very server, with the settings of
                         the environment except the key, for a client: the entry
                         to stdout, how to use it to stderr. HOST is one of
                         ${hostNames.slice(0, 6).join(", ")},
                         ${hostNames.slice(6).join(", ")}
  --help, --version

Settings (environment variables only):
${settings.map(settingLine).join("\n")}

Exit codes: 0 fine, 1 failed, 2 wrong usage or settings.${websiteUrl === null ? "" : `\n${websiteUrl}`}`;
