import { type Config, configKeys, rows } from "./settings.ts";

const describe = <Key extends keyof Config>(
  key: Key,
  config: Config,
  sandbox: boolean,
): [label: string, text: string] => [rows[key].label, rows[key].show(config[key], sandbox)];

/** The settings and guards in force, in words; of the key only whether it is there. */
export const describeSettings = (config: Config, sandbox: boolean): Record<string, string> =>
  Object.fromEntries(configKeys.map((key) => describe(key, config, sandbox)));
