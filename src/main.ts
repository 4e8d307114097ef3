import "./mcp/sdk-setup.ts";
import { readFileSync } from "node:fs";
import { parseArgv } from "./cli/args.ts";
import { type Config, readConfig } from "./config/config.ts";
import { type Audit, openAudit } from "./guards/audit.ts";
import { createLog, type Log } from "./lib/log.ts";
import { name, title, version, websiteUrl } from "./lib/package.wire.ts";
import { createServer } from "./mcp/server.ts";
import { createStdio } from "./mcp/stdio/transport.ts";
import { publishedTool } from "./tools/published.ts";
import { instructions } from "./tools/update-profile/definition.ts";

/** How long calls in flight may go on after the client is gone, in milliseconds. */
const graceMs = 1_200;
/** When the process is ended even if something still holds it, in milliseconds. */
const forceMs = 1_700;

const maxIgnoredLines = 10;

const lazily = <T>(load: () => Promise<T>): (() => Promise<T>) => {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
};

const serve = async (config: Config, sandbox: boolean, audit: Audit | undefined, log: Log) => {
  const product = `${name}/${version}`;
  const cleanups: (() => unknown)[] = [];

  const client = lazily(async () => {
    const { createClient } = await import("./prelude/client.ts");
    if (!sandbox) {
      const { baseUrl, apiKey = "" } = config;
      const real = createClient({ baseUrl, apiKey, product, useProxy: true });
      cleanups.push(real.close);
      return real;
    }
    const { startSandbox } = await import("./sandbox/sandbox.ts");
    const { baseUrl, apiKey, close } = await startSandbox(config);
    log.info(`sandbox at ${baseUrl}; what it holds: ${baseUrl}/sandbox/profiles`);
    const simulated = createClient({ baseUrl, apiKey, product, useProxy: false });
    cleanups.push(simulated.close, close);
    return simulated;
  });

  const update = lazily(async () => {
    const { createUpdateProfile } = await import("./tools/update-profile/update-profile.ts");
    return createUpdateProfile({ config, sandbox, client, audit });
  });

  const server = createServer({
    name,
    title,
    version,
    websiteUrl,
    instructions: instructions(config, sandbox),
    secret: config.apiKey,
    log,
    definition: lazily(() => publishedTool(config)),
    update,
  });

  let ignored = 0;
  let stopping = false;
  const stop = async (why: string, grace: number, exitCode = 0): Promise<void> => {
    if (stopping) return;
    stopping = true;
    process.exitCode = exitCode;
    log.info(`stopping: ${why}`);
    setTimeout(() => process.exit(), forceMs).unref();
    await Promise.race([
      stdio.settled(),
      new Promise((resolve) => setTimeout(resolve, grace).unref()),
    ]);
    // Aborts what is still in flight. Nothing holds the process after that: it ends when stdout is
    // flushed, which process.exit() would not wait for.
    await server.close();
    for (const cleanup of cleanups) cleanup();
  };

  const stdio = createStdio(process.stdin, process.stdout, {
    onStdinEnd: () => void stop("stdin ended", graceMs),
    onStdoutBroken: () => void stop("stdout broke", 0),
    onIgnored: (reason) => {
      ignored += 1;
      if (ignored <= maxIgnoredLines) log.error(`ignored ${reason}`);
      if (ignored === maxIgnoredLines) log.error("what else is ignored is not reported any more");
    },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void stop(signal, graceMs));
  }
  await server.connect(stdio);
  if (process.stdin.isTTY) {
    log.error(
      "waiting for an MCP client on stdin; --help says how to set one up, Ctrl-C ends this",
    );
  }
};

const print = (text: string): void => {
  // A reader such as `head` may be gone already.
  process.stdout.on("error", () => process.exit()).write(`${text}\n`);
};

const fail = (problems: readonly string[]): void => {
  process.exitCode = 2;
  const { error } = createLog("error", undefined);
  for (const problem of problems) error(problem);
  error("not started; --help lists all flags and settings");
};

const main = async (): Promise<void> => {
  const command = parseArgv(process.argv.slice(2));
  if (command.kind === "usage") return fail(command.problems);
  if (command.kind === "version") return print(version);
  if (command.kind === "help") return print((await import("./cli/help.ts")).helpText());
  if (command.kind === "print-config") {
    const { describeHost } = await import("./cli/print-config.ts");
    const { text, problem } = describeHost(command.host, command.sandbox);
    return problem === undefined ? print(text) : fail([problem]);
  }

  const { config, problems } = readConfig(process.env, (path) => readFileSync(path, "utf8"));
  if (problems) return fail(problems);
  // Not for child processes, crash reports or whoever reads the environment later.
  delete process.env.PRELUDE_API_KEY;
  const log = createLog(config.logLevel, config.apiKey);
  process.on("uncaughtException", (error) => {
    log.error(`stopping after a defect: ${error.stack ?? error.message}`);
    process.exit(1);
  });

  let audit: Audit | undefined;
  try {
    audit =
      config.auditLog === undefined
        ? undefined
        : openAudit(config.auditLog, () => log.error(lostLine));
  } catch (error) {
    const code = (error as { code?: string }).code ?? (error as Error).message;
    return fail([`PRELUDE_AUDIT_LOG cannot be opened for appending (${code})`]);
  }
  if (command.kind === "check") {
    const { check } = await import("./cli/check.ts");
    process.exitCode = await check(config, command, print);
    return;
  }
  await serve(config, command.sandbox, audit, log);
};

const lostLine =
  "an audit line could not be written; it is kept, and no further call is made before it is in the file";

void main();
