import "./mcp/sdk-setup.ts";
import { statSync } from "node:fs";
import { parseArgv } from "./cli/args.ts";
import { serve } from "./cli/serve.ts";
import { type Config, readConfig } from "./config/config.ts";
import { openAudit } from "./guards/audit.ts";
import { createLog, type Log, placeOf } from "./lib/log.ts";
import { version } from "./lib/package.wire.ts";

const print = (text: string): void => {
  // A reader such as `head` may be gone already.
  process.stdout.on("error", () => process.exit()).write(`${text}\n`);
};

const fail = (problems: readonly string[]): void => {
  process.exitCode = 2;
  const { error } = createLog("error", []);
  for (const problem of problems) error(problem);
  error("not started; --help lists all flags and settings");
};

const lostLines = {
  outcome:
    "an audit line could not be written; it is kept, and nothing more is sent before it is in the file",
  refused: "the audit line of a refused call could not be written, and is lost",
};

/** Whether two paths lead to one file, by a link or by another spelling. */
const isSameFile = (...paths: [string, string]): boolean => {
  const [one, other] = paths.map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
};

const auditOf = ({ auditLog: path, apiKeyFile }: Config, log: Log) => {
  if (path === undefined) return {};
  try {
    if (apiKeyFile !== undefined && isSameFile(path, apiKeyFile)) {
      const problem =
        "PRELUDE_AUDIT_LOG is the file of PRELUDE_API_KEY_FILE, which must stay as it is";
      return { problem };
    }
    return { audit: openAudit(path, (event) => log.error(lostLines[event])) };
  } catch (error) {
    const { message, code = message } = error as NodeJS.ErrnoException;
    return {
      problem: `PRELUDE_AUDIT_LOG cannot be opened for appending (${code}); its folder must exist and be writable`,
    };
  }
};

const main = async (): Promise<void> => {
  const command = parseArgv(process.argv.slice(2));
  if (command.kind === "usage") return fail(command.problems);
  if (command.kind === "version") return print(version);
  if (command.kind === "help") return print((await import("./cli/help.ts")).helpText());
  if (command.kind === "print-config") {
    const { describeHost } = await import("./cli/print-config.ts");
    const printed = describeHost(command.host, command.sandbox, process.env);
    if (printed.problems) return fail(printed.problems);
    process.stderr.write(printed.before);
    print(printed.entry);
    process.stderr.write(printed.behind);
    return;
  }

  const refuse = async (problems: readonly string[]): Promise<void> => {
    if (command.kind !== "check" || !command.json) return fail(problems);
    process.exitCode = 2;
    print((await import("./cli/check.ts")).problemsAsJson(problems, command.sandbox));
  };
  const { config, problems, warnings } = readConfig(process.env);
  if (problems) return refuse(problems);
  // Not for child processes, crash reports or whoever reads the environment later.
  delete process.env.PRELUDE_API_KEY;
  // Grows when a new key is read.
  const secrets = config.apiKey === undefined ? [] : [config.apiKey];
  const log = createLog(config.logLevel, secrets);
  for (const warning of warnings) log.error(warning);
  process.on("uncaughtException", (error) => {
    log.error(`stopping after a defect: ${placeOf(error)}`);
    process.exit(1);
  });
  const { audit, problem } = auditOf(config, log);
  if (problem !== undefined) return refuse([problem]);
  if (audit) log.info(`audit file: ${config.auditLog}`);
  if (command.kind === "check") {
    const { check } = await import("./cli/check.ts");
    process.exitCode = await check(config, { ...command, warnings }, print);
    return;
  }
  await serve({ config, sandbox: command.sandbox, audit, log, secrets });
};

void main();
